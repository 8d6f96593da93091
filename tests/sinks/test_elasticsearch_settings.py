"""Where the Elasticsearch sink connects, and as whom."""

from __future__ import annotations

import base64

import pytest

from forwarders.config import SinkConfig
from forwarders.errors import ConfigError, Transient
from forwarders.model import Fate, Outcome
from forwarders.sinks import Copies
from forwarders.sinks.delivery import Surroundings
from forwarders.sinks.elasticsearch import Elasticsearch, authorization, cloud, open_sink
from forwarders.sinks.http import Endpoint, endpoint
from forwarders.testing import FakeClock, FakeHttp, ScriptedServer, elasticsearch, status

COPIES = Copies(lambda contract: None, lambda text: text, lambda text: text)
ID = "0" * 31 + "1"
PIECE = f'{{"create":{{"_index":"logs-a-b","_id":"{ID}"}}}}\n{{"@timestamp":1}}\n'


@pytest.mark.parametrize(
    ("kind", "secret", "header"),
    [
        ("api_key", "aWQtMTpLZXktXzI=", "ApiKey aWQtMTpLZXktXzI="),
        ("api_key", "id:key\n", "ApiKey aWQ6a2V5"),
        ("basic", "elastic:pässword", "Basic ZWxhc3RpYzpww6Rzc3dvcmQ="),
    ],
)  # fmt: skip
def test_a_secret_becomes_a_header(kind: str, secret: str, header: str) -> None:
    """API keys as id:key or as Elasticsearch encodes them; user and password."""
    assert authorization(kind, secret) == {"authorization": header}


def test_without_security_there_is_no_header() -> None:
    """`auth: none` sends none."""
    assert authorization("none", "") == {}


def test_a_secret_that_cannot_be_a_header_is_refused_and_not_quoted() -> None:
    """A line feed in a secret would be a header of its own."""
    with pytest.raises(ConfigError) as caught:
        authorization("api_key", "canary\r\nx-evil")
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    ("inside", "host", "port"),
    [
        ("eu-central-1.aws.cloud.es.io$abc123$def456", "abc123.eu-central-1.aws.cloud.es.io", 443),
        ("host.example:9243$abc123$def456", "abc123.host.example", 9243),
        ("host.example:9243$abc123:9244$", "abc123.host.example", 9244),
        ("host.example$abc123", "abc123.host.example", 443),
    ],
)
def test_a_cloud_id_names_the_cluster(inside: str, host: str, port: int) -> None:
    """As Elastic's console shows it, with and without ports."""
    assert cloud("my-cluster:" + base64.b64encode(inside.encode()).decode()) == Endpoint("https", host, port)


@pytest.mark.parametrize("wrong", ["", "x", "name:!!!", "name:" + base64.b64encode(b"no-dollar").decode(), "name:JA=="])
def test_a_wrong_cloud_id_is_refused(wrong: str) -> None:
    """What is no Cloud ID stops at the start."""
    with pytest.raises(ConfigError, match="cloud_id"):
        cloud(wrong)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://es.example", Endpoint("https", "es.example", 443)),
        ("https://es.example:9243/", Endpoint("https", "es.example", 9243)),
        ("http://[::1]:9200/logs/es/", Endpoint("http", "::1", 9200, "/logs/es")),
    ],
)
def test_an_endpoint_is_read_from_its_url(url: str, expected: Endpoint) -> None:
    """With a port, with a path before `_bulk`, with a slash at the end."""
    assert endpoint(url) == expected


@pytest.mark.parametrize("url", ["es.example", "ftp://es.example", "https://", "https://a:canary@es", "https://es?x=1"])
def test_a_wrong_url_is_refused_and_not_quoted(url: str) -> None:
    """It names the key of the configuration; a password in it is not repeated."""
    with pytest.raises(ConfigError, match=r"sinks\.es\.endpoint") as caught:
        open_sink("es", SinkConfig(type="elasticsearch", endpoint=url), COPIES, str)
    assert "canary" not in str(caught.value)


def test_the_path_of_the_endpoint_comes_before_bulk() -> None:
    """A cluster behind a gateway."""
    with ScriptedServer(otherwise=elasticsearch()) as server:
        settings = SinkConfig(type="elasticsearch", endpoint=f"{server.url}/gate/way/", auth="basic", secret="env:X")
        sink = open_sink("es", settings, COPIES, lambda reference: f"user:{reference}")
        assert sink.ship([PIECE], [ID], lambda: 10.0) == [Outcome(Fate.DELIVERED)]
        sink.close()
    assert [request.path for request in server.requests] == ["/gate/way/_bulk"]
    assert server.requests[0].headers["authorization"] == "Basic " + base64.b64encode(b"user:env:X").decode()


def _sink(http: FakeHttp, around: Surroundings, credentials: list[str]) -> Elasticsearch:
    def current() -> dict[str, str]:
        if not credentials:
            raise Transient("secret_store_down")
        return {"authorization": credentials.pop(0)}

    target = endpoint("http://es.test")
    return Elasticsearch("es", target, copies=COPIES, credentials=current, transport=http, around=around)


def test_a_rotated_secret_is_found_without_a_restart() -> None:
    """After a refusal the secret is asked for again, once the sink has been left alone for a while."""
    clock = FakeClock()
    http = FakeHttp([status(401)], elasticsearch(), clock)
    sink = _sink(http, clock.surroundings(), ["old", "new"])
    assert [outcome.reason for outcome in sink.ship([PIECE], [ID], lambda: 60.0)] == ["unauthorised"]
    clock.now += 31
    assert sink.ship([PIECE], [ID], lambda: 60.0) == [Outcome(Fate.DELIVERED)]
    assert [request.headers["authorization"] for request in http.requests] == ["old", "new"]


def test_without_its_secret_nothing_is_sent() -> None:
    """The keeper of secrets is down: everything comes again later, and no request went out without a name."""
    clock = FakeClock()
    http = FakeHttp([], elasticsearch(), clock)
    outcomes = _sink(http, clock.surroundings(), []).ship([PIECE], [ID], clock.deadline(5))
    assert outcomes == [Outcome(Fate.RETURNED, "secret_unavailable")]
    assert http.requests == []


def test_a_server_that_is_older_than_a_parameter_is_asked_without_it() -> None:
    """One refused request in the life of a process, and no event is blamed."""
    refusal = '{"error":{"type":"illegal_argument_exception","reason":"request [/_bulk] contains unrecognized parameter: [include_source_on_error]"},"status":400}'  # noqa: E501
    clock = FakeClock()
    http = FakeHttp([status(400, refusal)], elasticsearch(), clock)
    sink = _sink(http, clock.surroundings(), ["x"])
    assert sink.ship([PIECE], [ID], lambda: 60.0) == [Outcome(Fate.DELIVERED)]
    assert sink.ship([PIECE], [ID], lambda: 60.0) == [Outcome(Fate.DELIVERED, "already_present")]
    assert ["include_source_on_error" in request.query for request in http.requests] == [True, False, False]
    assert clock.slept == []


def test_a_server_that_refuses_every_parameter_is_not_asked_for_ever() -> None:
    """The same refusal a second time is a refusal."""
    refusal = '{"error":{"type":"e_x","reason":"unrecognized parameter: [include_source_on_error]"}}'
    clock = FakeClock()
    http = FakeHttp([], status(400, refusal), clock)
    assert _sink(http, clock.surroundings(), ["x"]).ship([PIECE], [ID], lambda: 60.0) == [
        Outcome(Fate.DEAD, "sink_rejected:e_x")
    ]
    assert len(http.requests) == 2
