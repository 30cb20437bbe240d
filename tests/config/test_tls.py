"""TLS of what listens: settings that make sense, files that can be used, and their renewal."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
import ssl
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from penstock.config.tls import CIPHER_SUITES, Identity, ServerTLS
from penstock.pipeline import StartError
from tests.certificates import issue, make_authority
from tests.kit import eventually, in_loop

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

FILES = {"cert_file": "server.pem", "key_file": "server.key"}


@pytest.fixture
def folder(certificates: Path, tmp_path: Path) -> Path:
    """Certificates that a test may change."""
    return shutil.copytree(certificates, tmp_path, dirs_exist_ok=True)


def settings(folder: Path, **options: Any) -> ServerTLS:
    files = {
        name: str(folder / value) if name.endswith("_file") else value
        for name, value in {**FILES, **options}.items()
    }
    return ServerTLS.model_validate(files)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"cert_file": "a"}, "expected one of key_file and key_pem, found none"),
        ({"key_file": "a"}, "expected one of cert_file and cert_pem, found none"),
        ({**FILES, "key_pem": "a"}, "expected one of key_file and key_pem, found both"),
        ({**FILES, "min_version": "1.1"}, "TLS 1.1 is not safe"),
        ({**FILES, "min_version": "1.3", "max_version": "1.2"}, "1.3 is newer than max_version"),
        ({**FILES, "cipher_suites": ["TLS_RSA_WITH_RC4_128_SHA"]}, "TLS_ECDHE_ECDSA_WITH_AES_128"),
        ({**FILES, "cipher_suites": ["TLS_AES_128_GCM_SHA256"]}, "none of TLS 1.2"),
        ({**FILES, "curve_preferences": ["P521"]}, "expected some of X25519, P256, P384"),
        ({**FILES, "client_ca_file_reload": True}, "needs client_ca_file"),
        ({**FILES, "include_system_ca_certs_pool": True}, "needs client_ca_file"),
        (
            {"cert_pem": "a", "key_pem": "b", "reload_interval": "1s"},
            "reload_interval needs cert_file and key_file",
        ),
    ],
)
def test_settings_that_make_no_sense_are_refused(options: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        ServerTLS(**options)


def test_a_version_that_yaml_takes_for_a_number_is_understood() -> None:
    assert ServerTLS.model_validate({**FILES, "min_version": 1.3}).min_version == "1.3"


def test_the_key_is_never_shown() -> None:
    tls = ServerTLS(cert_pem="public", key_pem="private key")  # type: ignore[arg-type]
    assert "private key" not in f"{tls!r} {tls.model_dump()} {tls.model_dump_json()}"


def test_files_and_texts_say_the_same(folder: Path) -> None:
    from_files = settings(folder, client_ca_file="ca.pem")
    texts = {name: (folder / file).read_text() for name, file in FILES.items()}
    pem = ServerTLS(
        cert_pem=texts["cert_file"],
        key_pem=texts["key_file"],  # type: ignore[arg-type]
        client_ca_file=str(folder / "ca.pem"),
    )
    assert from_files.read("otlp") == pem.read("otlp")


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"cert_file": "nowhere.pem"}, "otlp: tls: cannot use .*nowhere.pem: No such file"),
        ({"cert_file": "server.key"}, "cannot use .*server.key with its key"),
        ({"key_file": "client.key"}, "cannot use .*server.pem with its key.*MISMATCH"),
        ({"key_file": "locked.key"}, "cannot use .*server.pem with its key"),
        ({"client_ca_file": "server.key"}, "cannot use .*server.key"),
        ({"curve_preferences": ["P256", "P384"]}, "a page takes one curve"),
    ],
)
def test_files_that_cannot_be_used_stop_the_start(
    folder: Path, options: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(StartError, match=complaint):
        settings(folder, **options).ssl_context("otlp")


class Page:
    """A server that closes at once, and clients of it."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.context = context
        self.port = 0

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"hello")
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

        server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=self.context)
        self.port = server.sockets[0].getsockname()[1]
        async with server:
            yield

    async def greet(self, client: ssl.SSLContext) -> ssl.SSLObject:
        """Connect and be greeted; raises `ssl.SSLError` or `OSError` where that is not to be."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, ssl=client)
        try:
            if await reader.read() != b"hello":
                raise ConnectionResetError
            session: ssl.SSLObject = writer.get_extra_info("ssl_object")
            return session
        finally:
            writer.close()


def client(folder: Path, *, authority: str = "ca", shows: str = "") -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(folder / f"{authority}.pem"))
    if shows:
        context.load_cert_chain(folder / f"{shows}.pem", folder / f"{shows}.key")
    return context


@in_loop
async def test_a_page_speaks_the_chosen_versions_and_suites(certificates: Path) -> None:
    suite = "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"
    tls = settings(certificates, max_version="1.2", cipher_suites=[suite])
    page = Page(tls.ssl_context("otlp"))
    async with page.serving():
        session = await page.greet(client(certificates))
        assert (session.version(), session.cipher() or ())[0] == "TLSv1.2"
        assert (session.cipher() or ("",))[0] == CIPHER_SUITES[suite]
        modern = client(certificates)
        modern.minimum_version = ssl.TLSVersion.TLSv1_3
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await page.greet(modern)


@in_loop
async def test_a_page_asks_clients_for_a_certificate(certificates: Path) -> None:
    page = Page(settings(certificates, client_ca_file="ca.pem").ssl_context("otlp"))
    async with page.serving():
        await page.greet(client(certificates, shows="client"))
        for shows in ("", "stranger"):
            with pytest.raises((ssl.SSLError, ConnectionError)):
                await page.greet(client(certificates, shows=shows))


@in_loop
async def test_a_page_shows_its_new_certificate_and_trusts_only_new_authorities(
    folder: Path,
) -> None:
    tls = settings(folder, client_ca_file="ca.pem")
    page = Page(tls.ssl_context("otlp"))
    async with page.serving():
        shutil.copy(folder / "ca.pem", folder / "old.pem")
        issue(folder, "before", by="ca")
        make_authority(folder, "ca")
        issue(folder, "server", by="ca")
        issue(folder, "client", by="ca")
        await page.greet(client(folder, authority="old", shows="before"))
        tls.renew("otlp", page.context, tls.read("otlp"))
        await page.greet(client(folder, shows="client"))
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await page.greet(client(folder, shows="before"))


@in_loop
async def test_changed_files_are_noticed_and_broken_ones_complained_of_once(
    folder: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("penstock.config.tls.WATCH_INTERVAL", 0.001)
    tls = settings(
        folder, reload_interval="1ms", client_ca_file="ca.pem", client_ca_file_reload=True
    )
    used: list[Identity] = []

    def use(identity: Identity) -> None:
        tls.renew("otlp", ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), identity)
        used.append(identity)

    first = tls.read("otlp")
    watching = asyncio.create_task(tls.watch("otlp", logging.getLogger("tls"), first, use))
    (folder / "server.pem").write_text("broken")
    await eventually(lambda: "what was in use stays in use" in caplog.text)
    assert used == []
    issue(folder, "server", by="ca")
    await eventually(lambda: used and used[-1] == tls.read("otlp"))
    make_authority(folder, "ca")
    await eventually(lambda: used[-1].client_authorities == (folder / "ca.pem").read_bytes())
    watching.cancel()
    complaints = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert len(complaints) in {1, 2}, "one for the file, perhaps one for a key without its file"


@in_loop
async def test_what_is_not_to_be_reloaded_stays(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("penstock.config.tls.WATCH_INTERVAL", 0.001)
    tls = settings(folder, client_ca_file="ca.pem", client_ca_file_reload=True)
    used: list[Identity] = []
    first = tls.read("otlp")
    watching = asyncio.create_task(tls.watch("otlp", logging.getLogger("tls"), first, used.append))
    issue(folder, "server", by="ca")
    make_authority(folder, "ca")
    await eventually(lambda: used and used[-1].client_authorities != first.client_authorities)
    watching.cancel()
    assert used[-1][:2] == first[:2]
