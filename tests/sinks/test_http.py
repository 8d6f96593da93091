"""One request over a real connection: its deadline, its trust, and what it never does."""

from __future__ import annotations

import datetime
import socket
import ssl
import threading
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from forwarders.sinks.http import Connection, Endpoint, NoAnswer, Request, Response, endpoint
from forwarders.testing import ScriptedServer, drip, drop, redirect, silence, status

REQUEST = Request("/x", {"authorization": "Basic canary"}, b"body")


def _reason(connection: Connection, timeout_s: float = 5.0) -> tuple[str, bool, bool]:
    with pytest.raises(NoAnswer) as caught:
        connection(REQUEST, timeout_s)
    connection.close()
    return caught.value.reason, caught.value.sent, caught.value.lasting


def test_an_answer_comes_whole_with_lower_case_headers() -> None:
    """Status, headers and body as they were sent."""
    with ScriptedServer([status(418, b"\x00tea", {"Retry-After": "1"})]) as server:
        response = Connection(endpoint(server.url))(REQUEST, 5)
    assert response == Response(418, {"retry-after": "1", "content-length": "4"}, b"\x00tea")
    assert (server.requests[0].method, server.requests[0].target, server.requests[0].body) == ("POST", "/x", b"body")


def test_a_connection_is_kept_between_requests() -> None:
    """Three requests, one handshake."""
    with ScriptedServer(otherwise=status(200)) as server:
        connection = Connection(endpoint(server.url))
        for _ in range(3):
            connection(REQUEST, 5)
        connection.close()
        assert server.connections == 1
        assert connection(REQUEST, 5).status == 200
        assert server.connections == 2


def test_a_kept_connection_that_the_server_closed_is_replaced_unseen() -> None:
    """What a load balancer does to an idle connection is no failure and no doubt."""
    with ScriptedServer(otherwise=status(200, headers={"connection": "keep-alive"})) as server:
        connection = Connection(endpoint(server.url))
        connection(REQUEST, 5)
        server.hang_up()
        assert connection(REQUEST, 5).status == 200
        assert server.connections == 2


def test_a_redirect_is_an_answer_and_nobody_else_hears_of_us() -> None:
    """The credentials never go to another host."""
    with ScriptedServer() as other, ScriptedServer([redirect(other.url)]) as server:
        assert Connection(endpoint(server.url))(REQUEST, 5).status == 302
    assert other.requests == []


def test_no_proxy_is_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that somebody set for another program does not send our events elsewhere."""
    with ScriptedServer() as proxy, ScriptedServer([status(200)]) as server:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        assert Connection(endpoint(server.url))(REQUEST, 5).status == 200
    assert proxy.requests == []


@pytest.mark.parametrize("action", [silence(), drip(20, status(200, b"x" * 1000))], ids=["silent", "dripping header"])
def test_the_time_is_for_all_of_the_answer(action: object) -> None:
    """However slowly a server speaks, it is over in time: each byte does not start the clock anew."""
    with ScriptedServer([action]) as server:  # type: ignore[list-item]
        assert _reason(Connection(endpoint(server.url)), 0.3) == ("timeout", True, False)


def test_a_server_that_does_not_read_is_given_up_in_time() -> None:
    """A body that the other side never takes off the wire."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        target = Endpoint("http", "127.0.0.1", listener.getsockname()[1])
        with pytest.raises(NoAnswer) as caught:
            Connection(target)(Request("/x", {}, b"x" * (32 << 20)), 0.3)
    assert (caught.value.reason, caught.value.sent) == ("timeout", True)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_reset_leaves_doubt(when: str) -> None:
    """We cannot know how much was read, so a copy may be there."""
    with ScriptedServer([drop(when)]) as server:
        assert _reason(Connection(endpoint(server.url))) == ("connection_lost", True, False)


def test_a_refusal_that_comes_before_the_body_was_read_is_heard() -> None:
    """A server that says 413 and hangs up while we still send."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def refuse() -> None:
            connection, _ = listener.accept()
            connection.recv(1024)
            connection.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(1 << 20):
                pass
            connection.close()

        threading.Thread(target=refuse, daemon=True).start()
        target = Endpoint("http", "127.0.0.1", listener.getsockname()[1])
        assert Connection(target)(Request("/x", {}, b"x" * (8 << 20)), 5).status == 413


def test_an_answer_without_end_is_cut_off() -> None:
    """Memory is bounded whatever the server sends."""
    with ScriptedServer([status(200, b"x" * ((64 << 20) + 1))]) as server:
        assert _reason(Connection(endpoint(server.url)), 30) == ("answer_too_big", True, False)


@pytest.mark.parametrize(
    "raw", [b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 abc\r\n\r\n", b"\x00" * 100, b"HTTP/1.1 200 OK\r\n" + b"x" * 70_000]
)
def test_what_is_not_http_is_no_answer(raw: bytes) -> None:
    """Another protocol on the port, or garbage."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def speak() -> None:
            connection, _ = listener.accept()
            connection.recv(1024)
            connection.sendall(raw)
            connection.close()

        threading.Thread(target=speak, daemon=True).start()
        assert _reason(Connection(Endpoint("http", "127.0.0.1", listener.getsockname()[1])))[0] == "connection_lost"


def test_nobody_listens() -> None:
    """A closed port: not sent, and it may be open again soon."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert _reason(Connection(Endpoint("http", "127.0.0.1", port))) == ("not_connected", False, False)


def test_a_name_that_does_not_exist() -> None:
    """DNS has no such name: not sent."""
    assert _reason(Connection(Endpoint("http", "no-such-host.invalid", 80))) == ("name_not_resolved", False, True)


# TLS


class Certified:
    """A self-signed certificate for 127.0.0.1, and the server side's context for it."""

    def __init__(self, folder: Path, days: int) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
        now = datetime.datetime.now(datetime.UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=10))
            .not_valid_after(now + datetime.timedelta(days=days))
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), False)
            .add_extension(x509.BasicConstraints(True, None), True)
            .add_extension(
                x509.KeyUsage(True, False, False, False, False, True, True, False, False), True
            )
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
            .sign(key, hashes.SHA256())
        )  # fmt: skip
        self.file = str(folder / f"certificate{days}.pem")
        self.fingerprint = certificate.fingerprint(hashes.SHA256()).hex()
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        Path(self.file).write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        (folder / "key.pem").write_bytes(private)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(self.file, folder / "key.pem")


@pytest.fixture
def certified(tmp_path: Path) -> Certified:
    """A certificate that is valid today."""
    return Certified(tmp_path, 10)


@pytest.fixture
def tls(certified: Certified) -> Iterator[ScriptedServer]:
    """A server with that certificate."""
    with ScriptedServer(otherwise=status(200), tls=certified.context) as server:
        yield server


def test_a_certificate_of_the_given_authority_is_trusted(tls: ScriptedServer, certified: Certified) -> None:
    """`ca_file` names whom to trust."""
    assert Connection(endpoint(tls.url, ca_file=certified.file))(REQUEST, 5).status == 200


def test_a_certificate_with_the_given_fingerprint_is_trusted(tls: ScriptedServer, certified: Certified) -> None:
    """`fingerprint` is the leaf's; with colons and in capitals, as openssl prints it, too."""
    printed = ":".join(certified.fingerprint[i : i + 2] for i in range(0, 64, 2)).upper()
    for fingerprint in (certified.fingerprint, printed):
        assert Connection(endpoint(tls.url, fingerprint=fingerprint))(REQUEST, 5).status == 200


def test_no_stranger_gets_our_credentials(tls: ScriptedServer, certified: Certified, tmp_path: Path) -> None:
    """An unknown authority, another fingerprint, an expired certificate, no such CA file: nothing is sent."""
    refused = ("tls_refused", False, True)
    other = "0" * 64
    assert _reason(Connection(endpoint(tls.url))) == refused
    assert _reason(Connection(endpoint(tls.url, fingerprint=other))) == refused
    assert _reason(Connection(endpoint(tls.url, ca_file=certified.file, fingerprint=other))) == refused
    assert _reason(Connection(endpoint(tls.url, ca_file=str(tmp_path / "missing.pem")))) == refused
    old = Certified(tmp_path, -1)
    with ScriptedServer(otherwise=status(200), tls=old.context) as expired:
        assert _reason(Connection(endpoint(expired.url, ca_file=old.file))) == refused
    assert tls.requests == expired.requests == []


def test_another_host_with_a_good_certificate_is_a_stranger(tls: ScriptedServer, certified: Certified) -> None:
    """The certificate is for 127.0.0.1, not for localhost."""
    url = tls.url.replace("127.0.0.1", "localhost")
    assert _reason(Connection(endpoint(url, ca_file=certified.file))) == ("tls_refused", False, True)


def test_plain_http_on_a_tls_port_and_the_other_way_round(tls: ScriptedServer) -> None:
    """Neither hangs, neither leaks."""
    with ScriptedServer(otherwise=status(200)) as plain:
        assert _reason(Connection(endpoint(plain.url.replace("http:", "https:"))), 2)[1] is False
        assert plain.requests == []
    assert _reason(Connection(endpoint(tls.url.replace("https:", "http:"))), 2)[0] == "connection_lost"
