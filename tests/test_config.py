"""pipeline.yaml: what is wrong is named with its key, what was found and what was expected."""

import json
from pathlib import Path

import pytest

from forwarders.config import Config, DatasetConfig, Events, Route, SinkConfig, from_plain, read_yaml
from forwarders.errors import ConfigError

BAD = [json.loads(line) for line in (Path(__file__).parent / "data/config/bad.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("case", BAD, ids=[case["why"] for case in BAD])
def test_a_wrong_file_is_refused_with_key_found_and_expected(case, tmp_path, monkeypatch):
    """Every mistake in pipeline.yaml is answered with the sentence that says what to change."""
    monkeypatch.chdir(tmp_path)
    Path("pipeline.yaml").write_text(case["yaml"])
    with pytest.raises(ConfigError) as caught:
        read_yaml("pipeline.yaml")
    assert str(caught.value) == case["error"]


def test_a_whole_file_is_read(tmp_path):
    """Every section arrives in its place."""
    file = tmp_path / "pipeline.yaml"
    file.write_text(
        "environment: prod\n"
        "dead_letters: s3://letters/logharbor\n"
        "routes:\n"
        "  - {name: web, log_groups: ['/aws/lambda/web-*'], envelope: prefix, sinks: [search]}\n"
        "datasets: {user: {retention: 30d}}\n"
        "sinks:\n"
        "  search: {type: elasticsearch, endpoint: 'https://es:9200', secret: env:KEY,\n"
        "    events: {exclude: ['debug.*']}}\n"
    )
    assert read_yaml(file) == Config(
        environment="prod",
        dead_letters="s3://letters/logharbor",
        routes=(Route(name="web", log_groups=("/aws/lambda/web-*",), envelope="prefix", sinks=("search",)),),
        datasets={"user": DatasetConfig(retention="30d")},
        sinks={
            "search": SinkConfig(
                type="elasticsearch",
                endpoint="https://es:9200",
                secret="env:KEY",
                events=Events(exclude=("debug.*",)),
            )
        },
    )


def test_the_first_route_that_matches_wins():
    """Routes are asked in the order of the file, and globs are case-sensitive."""
    config = from_plain({"routes": [{"name": "a", "log_groups": ["/aws/*"]}, {"name": "b"}]}, "here")
    assert [config.route(group).name for group in ("/aws/lambda/x", "/AWS/x", "")] == ["a", "b", "b"]


@pytest.mark.parametrize(
    ("content", "found"), [(None, "No such file or directory"), (b"\xff", "bytes that are not UTF-8")]
)
def test_an_unreadable_file_says_so(content, found, tmp_path):
    """A missing file and one that is not UTF-8 are named as such."""
    file = tmp_path / "pipeline.yaml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        read_yaml(file)
    assert caught.value.found == found
