"""Encrypted addresses: who gets in, what is negotiated, and certificates that change meanwhile."""

from __future__ import annotations

import datetime as dt
import shutil
import ssl
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from penstock._kernel import Terms, Tls
from penstock.config.tls import CIPHER_SUITES, CURVES, TLS13_CIPHER_SUITES
from tests.certificates import issue, make_authority
from tests.kit import spans
from tests.receivers.clients import GrpcSender, HttpSender, connect, read_to_end
from tests.receivers.serving import MIB, Server, eventually, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def pem(folder: Path, name: str) -> bytes:
    return (folder / name).read_bytes()


def tls(folder: Path, *, clients: str = "", **options: Any) -> Tls:
    authorities = pem(folder, f"{clients}.pem") if clients else None
    return Tls(pem(folder, "server.pem"), pem(folder, "server.key"), authorities, **options)


def credentials(folder: Path, shows: str = "", authority: str = "ca") -> grpc.ChannelCredentials:
    identity = [pem(folder, f"{shows}{end}") for end in (".key", ".pem")] if shows else [None, None]
    return grpc.ssl_channel_credentials(pem(folder, f"{authority}.pem"), *identity)


def client(folder: Path, shows: str = "", authority: str = "ca") -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(folder / f"{authority}.pem"))
    if shows:
        context.load_cert_chain(folder / f"{shows}.pem", folder / f"{shows}.key")
    return context


@contextmanager
def handshake(
    server: Server, context: ssl.SSLContext, session: ssl.SSLSession | None = None
) -> Iterator[ssl.SSLSocket]:
    """A connection that is agreed on by both sides, which in TLS 1.3 only an answer tells."""
    raw = connect(server.port)
    with context.wrap_socket(raw, server_hostname="localhost", session=session) as connection:
        if connection.selected_alpn_protocol() is None:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert connection.recv(65536).startswith(b"HTTP/1.1 404")
        yield connection


def is_refused(server: Server, context: ssl.SSLContext, session: Any = None) -> bool:
    try:
        with handshake(server, context, session):
            return False
    except (ssl.SSLError, ConnectionError, AssertionError):
        return True


@pytest.fixture
def folder(certificates: Path, tmp_path: Path) -> Path:
    """Certificates that a test may change."""
    return shutil.copytree(certificates, tmp_path, dirs_exist_ok=True)


def test_both_protocols_are_taken_encrypted(certificates: Path) -> None:
    with serving(terms=Terms(tls=tls(certificates))) as server:
        with GrpcSender(server.port, credentials(certificates)) as sender:
            for size in (1, MIB // 2):
                assert sender.send(server, spans(1, "x" * size)).code is grpc.StatusCode.OK
        with HttpSender(server.port, client(certificates)) as sender_:
            for size in (1, MIB // 2):
                assert sender_.send(server, spans(1, "x" * size)).status == 200


def test_many_senders_are_served_side_by_side(certificates: Path) -> None:
    def send(_: int) -> grpc.StatusCode:
        with GrpcSender(server.port, credentials(certificates)) as sender:
            return sender.send(server, spans(100)).code

    with serving(terms=Terms(tls=tls(certificates))) as server, ThreadPoolExecutor(8) as threads:
        assert set(threads.map(send, range(24))) == {grpc.StatusCode.OK}


@pytest.mark.parametrize("protocol", ["h2", "http/1.1"])
def test_the_client_chooses_the_version_of_http(certificates: Path, protocol: str) -> None:
    context = client(certificates)
    context.set_alpn_protocols([protocol])
    with (
        serving(terms=Terms(tls=tls(certificates))) as server,
        handshake(server, context) as connection,
    ):
        assert connection.selected_alpn_protocol() == protocol


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_versions_are_those_that_are_set(certificates: Path, version: ssl.TLSVersion) -> None:
    name = version.name.removeprefix("TLSv").replace("_", ".")
    matching, other = client(certificates), client(certificates)
    matching.minimum_version = matching.maximum_version = version
    (unwanted,) = {ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3} - {version}
    other.minimum_version = other.maximum_version = unwanted
    only = tls(certificates, min_version=name, max_version=name)
    with serving(terms=Terms(tls=only)) as server:
        with handshake(server, matching) as connection:
            assert connection.version() == f"TLSv{name}"
        assert is_refused(server, other)
        eventually(lambda: server.ended("tls_handshake_failed") == 1)


@pytest.mark.parametrize("suite", [name for name in CIPHER_SUITES if "ECDSA" in name])
def test_suites_are_those_that_are_set(certificates: Path, suite: str) -> None:
    context = client(certificates)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with (
        serving(terms=Terms(tls=tls(certificates, cipher_suites=[suite]))) as server,
        handshake(server, context) as connection,
    ):
        assert (connection.cipher() or ("",))[0] == CIPHER_SUITES[suite]


@pytest.mark.parametrize("curve", CURVES)
def test_curves_are_those_that_are_set(certificates: Path, curve: str) -> None:
    others = [name for name in CURVES if name not in {curve, "X25519"}]
    fits, fails = client(certificates), client(certificates)
    if curve != "X25519":  # which Python's clients cannot be confined to
        fits.set_ecdh_curve(CURVES[curve])
    fails.set_ecdh_curve(CURVES[others[0]])
    with serving(terms=Terms(tls=tls(certificates, curves=[curve]))) as server:
        assert not is_refused(server, fits)
        assert is_refused(server, fails)


def test_every_name_that_settings_know_the_kernel_knows(certificates: Path) -> None:
    suites = [*CIPHER_SUITES, *TLS13_CIPHER_SUITES]
    assert tls(certificates, cipher_suites=suites, curves=list(CURVES))


@pytest.mark.parametrize(
    ("certificate", "key", "options", "complaint"),
    [
        ("server.key", "server.key", {}, "certificate: expected certificates in PEM"),
        ("server.pem", "server.pem", {}, "key: expected a private key in PEM"),
        ("server.pem", "locked.key", {}, "key: expected a private key in PEM"),
        ("server.pem", "client.key", {}, "certificate with its key: "),
        ("server.pem", "server.key", {"cipher_suites": ["x"]}, "cipher suites: x"),
        ("server.pem", "server.key", {"curves": ["P521"]}, "curves: P521"),
    ],
)
def test_what_cannot_be_used_is_named(
    certificates: Path, certificate: str, key: str, options: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        Tls(pem(certificates, certificate), pem(certificates, key), **options)


def test_only_clients_with_a_certificate_of_theirs_get_in(folder: Path) -> None:
    issue(folder, "foreign", by="stranger")
    issue(folder, "expired", by="ca", until=-dt.timedelta(minutes=1))
    with serving(terms=Terms(tls=tls(folder, clients="ca"))) as server:
        with GrpcSender(server.port, credentials(folder, "client")) as sender:
            assert sender.send(server, spans(1)).code is grpc.StatusCode.OK
        for count, shows in enumerate(["", "foreign", "expired", "stranger"], 1):
            assert is_refused(server, client(folder, shows))
            eventually(lambda: server.ended("tls_client_certificate") == count)  # noqa: B023


def test_a_client_that_was_once_let_in_is_not_remembered(folder: Path) -> None:
    """A session that is resumed would let in who is no longer welcome."""
    settings = tls(folder, clients="ca")
    with serving(terms=Terms(tls=settings)) as server:
        context = client(folder, "client")
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        with handshake(server, context) as connection:
            session = connection.session
        assert not is_refused(server, context, session)
        identity = pem(folder, "server.pem"), pem(folder, "server.key")
        settings.renew(*identity, pem(folder, "stranger.pem"))
        assert is_refused(server, context, session)


def test_clear_text_is_not_understood_and_counted(certificates: Path) -> None:
    with serving(terms=Terms(tls=tls(certificates))) as server, connect(server.port) as connection:
        connection.sendall(b"POST /v1/traces HTTP/1.1\r\n\r\n")
        assert b"HTTP" not in read_to_end(connection)
        eventually(lambda: server.ended("tls_handshake_failed") == 1)


@pytest.mark.parametrize("said", [b"", b"\x16\x03\x01\x02\x00\x01\x00"])
def test_who_stalls_in_the_handshake_is_not_waited_for(certificates: Path, said: bytes) -> None:
    terms = Terms(tls=tls(certificates), header_timeout=0.05)
    with serving(terms=terms) as server, connect(server.port) as connection:
        connection.sendall(said)
        assert read_to_end(connection) == b""
        eventually(lambda: server.ended("tls_handshake_timeout") == 1)


def test_a_stop_does_not_wait_for_handshakes(certificates: Path) -> None:
    with serving(terms=Terms(tls=tls(certificates))) as server, connect(server.port) as connection:
        connection.sendall(b"\x16\x03\x01")
        eventually(lambda: server.counted("connections") == 1)
        server.intake.stop(60)
        assert read_to_end(connection) == b""


def test_a_new_certificate_is_shown_to_new_connections_and_ends_no_old_one(folder: Path) -> None:
    settings = tls(folder)
    with serving(terms=Terms(tls=settings)) as server:
        with GrpcSender(server.port, credentials(folder)) as old:
            assert old.send(server, spans(1)).code is grpc.StatusCode.OK
            make_authority(folder, "ca")
            issue(folder, "server", by="ca")
            settings.renew(pem(folder, "server.pem"), pem(folder, "server.key"))
            with GrpcSender(server.port, credentials(folder)) as new:
                assert new.send(server, spans(1)).code is grpc.StatusCode.OK
            assert old.send(server, spans(1)).code is grpc.StatusCode.OK
        assert server.counted("connections") == 2


def test_a_certificate_that_cannot_be_used_changes_nothing(folder: Path) -> None:
    settings = tls(folder)
    with serving(terms=Terms(tls=settings)) as server:
        with pytest.raises(ValueError, match="certificate with its key"):
            settings.renew(pem(folder, "client.pem"), pem(folder, "server.key"))
        assert not is_refused(server, client(folder))


def test_certificates_may_change_all_the_time_while_many_send(folder: Path) -> None:
    """A hundred rotations: no request is refused, no connection dropped."""
    settings = tls(folder)

    def send(_: int) -> set[grpc.StatusCode]:
        with GrpcSender(server.port, credentials(folder)) as sender:
            return {sender.send(server, spans(1)).code for _ in range(20)}

    with serving(terms=Terms(tls=settings)) as server, ThreadPoolExecutor(4) as threads:
        sending = threads.map(send, range(12))
        for _ in range(100):
            issue(folder, "server", by="ca")
            settings.renew(pem(folder, "server.pem"), pem(folder, "server.key"))
        assert set.union(*sending) == {grpc.StatusCode.OK}
