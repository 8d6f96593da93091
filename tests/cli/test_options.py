"""Sinks and secrets on the command line."""

from __future__ import annotations

import click
import pytest

from forwarders.cli.options import parse_sinks, read_config, require_secrets, with_sinks
from forwarders.config import Config, Redaction, Route, SinkConfig
from forwarders.errors import ConfigError

KEY = "LOGHARBOR_ELASTICSEARCH_API_KEY"
LOCAL = "http://localhost:9200"


@pytest.mark.parametrize(
    ("texts", "environ", "expected"),
    [
        (["stdout"], {}, {"stdout": SinkConfig(type="stdout")}),
        (["sqlite:a:b.db"], {}, {"sqlite": SinkConfig(type="sqlite", path="a:b.db")}),
        (
            ["sqlite:a", "sqlite:b", "sqlite:c"],
            {},
            {
                name: SinkConfig(type="sqlite", path=path)
                for name, path in (("sqlite", "a"), ("sqlite-2", "b"), ("sqlite-3", "c"))
            },
        ),
        (
            [f"elasticsearch:{LOCAL}"],
            {},
            {"elasticsearch": SinkConfig(type="elasticsearch", endpoint=LOCAL, auth="none")},
        ),
        (
            [f"elasticsearch:{LOCAL}"],
            {KEY: "id:key"},
            {"elasticsearch": SinkConfig(type="elasticsearch", endpoint=LOCAL, secret=f"env:{KEY}")},
        ),
        (
            ["honeycomb:web"],
            {},
            {"honeycomb": SinkConfig(type="honeycomb", dataset="web", secret="env:HONEYCOMB_API_KEY")},
        ),
    ],
)
def test_a_sink_in_one_word(texts: list[str], environ: dict[str, str], expected: dict[str, SinkConfig]) -> None:
    """TYPE:REST is a whole configuration; a second sink of a type gets a number; credentials come from variables."""
    assert parse_sinks(texts, environ) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("redis:x", "found 'redis:x', expected sqlite:PATH, stdout, elasticsearch:URL or honeycomb:DATASET"),
        ("sqlite", "found 'sqlite'"),
        ("sqlite:", "found 'sqlite:'"),
        ("stdout:x", "found 'stdout:x'"),
        ("", "found ''"),
        ("elasticsearch:localhost:9200", "expected a URL such as https://localhost:9200"),
        ("elasticsearch:https://elastic:canary@host", f"no credentials in the URL: set {KEY}"),
    ],
)
def test_a_sink_that_is_none_is_told(text: str, message: str) -> None:
    """The sentence says what was found and what was expected, and never shows a password."""
    with pytest.raises(click.BadParameter) as caught:
        parse_sinks([text], {})
    assert message in str(caught.value)
    assert "canary" not in str(caught.value)


def test_named_sinks_replace_those_of_the_pipeline() -> None:
    """Every route goes to all of them, whatever it was told before."""
    config = Config(sinks={"a": SinkConfig(type="stdout")}, routes=(Route(name="r", sinks=("a",)),), environment="prod")
    changed = with_sinks(config, ["sqlite:x.db"])
    assert changed == Config(
        sinks={"sqlite": SinkConfig(type="sqlite", path="x.db")}, routes=(Route(name="r"),), environment="prod"
    )
    assert with_sinks(config, [], ["sqlite:x.db"]) == config
    assert read_config(None, [], ["stdout"]).sinks == {"stdout": SinkConfig(type="stdout")}


@pytest.mark.parametrize(
    ("config", "environ", "message"),
    [
        (Config(sinks={"h": SinkConfig(type="honeycomb", dataset="d", secret="env:HC")}), {}, "HC: found nothing"),
        (Config(redaction=Redaction(key="env:HASH")), {}, "HASH: found nothing"),
        (Config(redaction=Redaction(key="env:HASH")), {"HASH": "k1:canary!"}, "redaction.key: found a secret of"),
        (Config(redaction=Redaction(key="env:HASH")), {"HASH": "k1:Y2FuYXJ5"}, "found a secret of 6 bytes"),
    ],
)
def test_a_secret_that_is_missing_stops_before_the_work(config: Config, environ: dict[str, str], message: str) -> None:
    """Not after every event came back; and what is wrong about a secret is told without it."""
    with pytest.raises(ConfigError, match=message) as caught:
        require_secrets(config, environ)
    assert "canary" not in str(caught.value)


def test_secrets_that_are_there_or_kept_by_aws_are_no_matter() -> None:
    """A variable that is set passes; an ARN is asked of AWS when it is needed, not before."""
    arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:x"
    sinks = {
        "a": SinkConfig(type="honeycomb", dataset="d", secret="env:HC"),
        "b": SinkConfig(type="honeycomb", dataset="d", secret=arn),
    }
    require_secrets(Config(sinks=sinks, redaction=Redaction(key=arn)), {"HC": "x"})
