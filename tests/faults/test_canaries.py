"""Secrets in every place of an event, through every failure: none comes out in a copy, a log, a receipt or an error."""

import contextlib
import io

import pytest
from canaries import KEPT, PLACES
from deployment import HASH_KEY
from leaks import FAILURES, STORE_FAILS, Hunt

PAYLOAD_PLACES = (
    "log stream",
    "log group",
    "owner",
    "payload: not base64",
    "payload: no envelope",
    "payload: unknown",
    "payload: cut",
    "payload: wrong log event",
)


class Streams:
    """Standard output and error while a hunt runs."""

    def __enter__(self):
        self.out, self.err = io.StringIO(), io.StringIO()
        self._stack = contextlib.ExitStack()
        self._stack.enter_context(contextlib.redirect_stdout(self.out))
        self._stack.enter_context(contextlib.redirect_stderr(self.err))
        return lambda: (self.out.getvalue(), self.err.getvalue())

    def __exit__(self, *caught):
        self._stack.close()


@pytest.fixture(scope="module")
def hunts(tmp_path_factory):
    """A hunt for each failure."""
    found = {}
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("FAULTS_HASH_KEY", HASH_KEY)
        for failure in (*FAILURES, STORE_FAILS):
            with Streams() as capture:
                found[failure] = Hunt(tmp_path_factory.mktemp("hunt"), failure, capture)
    return found


@pytest.mark.parametrize("place", [*PLACES, *PAYLOAD_PLACES])
def test_no_secret_comes_out(hunts, place):
    """Keys, passwords, tokens, cookies, addresses, cards: seen again only where a contract says `keep`."""
    assert {failure: sorted(hunt.found[place]) for failure, hunt in hunts.items() if hunt.found[place]} == {}


def test_the_hunt_sees_what_is_there(hunts):
    """Where a contract says `keep` the secrets are seen; there are more than 200; and every failure happened."""
    assert {place for hunt in hunts.values() for place in hunt.kept} == set(KEPT)
    assert all(len(hunt.needles) > 200 for hunt in hunts.values())
    expected = {
        "healthy": "quarantined:contract_violation",
        "items refused": "dead:sink_rejected:http_400",
        "requests refused": "dead:sink_rejected:http_400",
        "too large": "dead:oversize_sink",
        "unauthorised": "returned:unauthorised",
        "down": "returned:http_500",
        "not understood": "returned:not_understood",
        "redirected": "returned:redirected",
    }
    assert [failure for failure, reason in expected.items() if reason not in hunts[failure].reasons] == []
    assert "store_unavailable" in hunts[STORE_FAILS].log
