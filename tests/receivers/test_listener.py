"""The listening addresses of the `otlp` receiver: what settings mean, and which are refused."""

from __future__ import annotations

import asyncio
import shutil
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from pydantic import ValidationError

from penstock.config.load import load_text
from penstock.config.types import HostPort, UnixSocket
from penstock.pipeline import StartError
from penstock.pipeline.errors import ConfigError
from penstock.receivers._listener import Grpc, Http
from penstock.receivers.otlp import GRPC_METHODS
from tests.certificates import issue
from tests.kit import context, eventually, in_loop, spans
from tests.receivers.clients import GrpcAnswer, GrpcSender
from tests.receivers.serving import Server
from tests.receivers.test_otlp import Stage, running
from tests.receivers.test_otlp_tls import credentials, pem

if TYPE_CHECKING:
    import logging


@pytest.mark.parametrize(
    ("listener", "settings", "complaint"),
    [
        (Grpc, {"transport": "udp"}, "tcp"),
        (Grpc, {"transport": "unix"}, "needs an endpoint, the path of a socket"),
        (Grpc, {"transport": "unix", "endpoint": "localhost:4317"}, "expected the path"),
        (Grpc, {"endpoint": "/run/otlp.sock"}, "expected an address"),
        (Http, {"socket_permissions": "0660"}, "those of a unix socket"),
        (Http, {"transport": "unix", "endpoint": "/x", "socket_permissions": "660"}, "0660|0"),
        (Grpc, {"tls": {}}, "expected one of cert_file and cert_pem"),
        (Grpc, {"max_concurrent_streams": 0}, "greater than or equal to 1"),
        (Grpc, {"keepalive": {"server_parameters": {"time": 0}}}, "greater than 0"),
        (Grpc, {"keepalive": {"enforcement_policy": {"min_time": 0}}}, "greater than 0"),
        (Http, {"cors": {"allowed_headers": ["x"]}}, "allowed_origins"),
        (Http, {"cors": {"allowed_origins": ["https://*.*.com"]}}, r"found 'https://\*"),
        (Http, {"idle_timeout": 60}, "expected a duration"),
    ],
)
def test_settings_that_make_no_sense_are_refused(
    listener: type[Grpc | Http], settings: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(ValidationError, match=complaint):
        listener.model_validate(settings)


def test_an_endpoint_is_what_its_transport_needs() -> None:
    unix = {"transport": "unix", "endpoint": "/run/otlp.sock"}
    assert Grpc.model_validate(unix).endpoint == UnixSocket("/run/otlp.sock")
    assert Grpc(transport="tcp6", endpoint="[::1]:0").endpoint == HostPort("::1", 0)  # type: ignore[arg-type]
    assert Grpc.model_validate(unix).model_dump()["endpoint"] == "/run/otlp.sock"


CONFIG = """
receivers:
  otlp:
    protocols:
      {protocol}:
        {option}
exporters: {{nop: }}
service: {{pipelines: {{traces: {{receivers: [otlp], exporters: [nop]}}}}}}
"""


@pytest.mark.parametrize(
    ("protocol", "option", "advice"),
    [
        ("grpc", "read_buffer_size: 524288", "connections share their read buffers"),
        ("grpc", "include_metadata: true", "headers of requests are not kept"),
        ("http", "response_headers: {x: y}", "no others"),
        ("http", "middlewares: []", "there are none"),
        ("http", "keepalive: {idle_timeout: 1s}", "set `idle_timeout`"),
        ("grpc", "tls: {ca_file: x}", "set `client_ca_file` to verify clients"),
        ("grpc", "tls: {tpm: {enabled: true}}", "keep the key in a file"),
    ],
)
def test_what_the_collector_has_and_penstock_lacks_is_refused_with_advice(
    protocol: str, option: str, advice: str
) -> None:
    text = CONFIG.format(protocol=protocol, option=option)
    with pytest.raises(ConfigError) as refused:
        load_text(text, "gateway.yaml", {})
    assert "the Collector has this option, Penstock does not" in str(refused.value)
    assert advice in str(refused.value)


async def over_grpc(target: int | str, tls: grpc.ChannelCredentials | None = None) -> GrpcAnswer:
    batch = spans(1)

    def call() -> GrpcAnswer:
        with GrpcSender(target, tls, authority="localhost") as sender:
            return sender.call(GRPC_METHODS[batch.signal], batch.to_otlp())

    return await asyncio.to_thread(call)


def files(folder: Path) -> dict[str, str]:
    return {"cert_file": str(folder / "server.pem"), "key_file": str(folder / "server.key")}


@in_loop
async def test_a_certificate_that_changes_is_used_and_a_broken_one_is_not(
    certificates: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    shutil.copytree(certificates, tmp_path, dirs_exist_ok=True)
    listener = {"endpoint": "localhost:0", "tls": {**files(tmp_path), "reload_interval": "2ms"}}
    stage = Stage()
    async with (
        context() as given,
        running(given, stage.consume, protocols={"grpc": listener}) as receiver,
    ):
        port = receiver.ports["grpc"]
        (tmp_path / "server.pem").write_bytes(pem(tmp_path, "client.pem"))
        await eventually(lambda: "what was in use stays in use" in caplog.text)
        assert (await over_grpc(port, credentials(tmp_path))).code is grpc.StatusCode.OK
        issue(tmp_path, "server", by="stranger")
        await eventually(lambda: "what has changed in its files is in use" in caplog.text)
        trusting = credentials(tmp_path, authority="stranger")
        assert (await over_grpc(port, trusting)).code is grpc.StatusCode.OK
    assert len(stage.got) == 2


@in_loop
async def test_files_that_cannot_be_used_stop_the_start(certificates: Path) -> None:
    tls = {**files(certificates), "key_file": str(certificates / "client.key")}
    async with context() as given:
        with pytest.raises(StartError, match="tls: cannot use the certificate with its key"):
            async with running(given, Stage().consume, protocols={"grpc": {"tls": tls}}):
                pass


@in_loop
async def test_a_unix_socket_is_listened_on_with_its_permissions(tmp_path: Path) -> None:
    path = tmp_path / "otlp.sock"
    listener = {"transport": "unix", "endpoint": str(path), "socket_permissions": "0660"}
    stage = Stage()
    async with (
        context() as given,
        running(given, stage.consume, protocols={"grpc": listener}),
    ):
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
        assert (await over_grpc(f"unix:{path}")).code is grpc.StatusCode.OK
    assert len(stage.got) == 1
    assert not path.exists()


def warnings(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in caplog.records if "other machines reach it" in record.message]


@pytest.mark.parametrize("protected", [False, True])
@in_loop
async def test_an_address_that_others_reach_is_warned_of_unless_it_is_protected(
    certificates: Path, caplog: pytest.LogCaptureFixture, protected: bool
) -> None:
    tls = {"tls": files(certificates)} if protected else {}
    protocols = {
        "grpc": {"endpoint": "0.0.0.0:0", **tls},
        "http": {"endpoint": "localhost:0"},
    }
    async with context() as given, running(given, Stage().consume, protocols=protocols):
        assert len(warnings(caplog)) == (0 if protected else 1)


@in_loop
async def test_connections_that_are_ended_are_counted_by_reason() -> None:
    listener = {"endpoint": "localhost:0", "read_header_timeout": "10ms"}
    async with (
        context() as given,
        running(given, Stage().consume, protocols={"http": listener}) as receiver,
    ):
        name = "penstock_receiver_ended_connections"
        reader, writer = await asyncio.open_connection("localhost", receiver.ports["http"])
        writer.write(b"POST /v1/traces HTT")
        assert await reader.read() == b""
        await eventually(lambda: given.telemetry.total(name, reason="header_timeout") == 1)
        assert given.telemetry.total(name) == 1
        writer.close()


def test_every_reason_that_the_server_counts_is_documented() -> None:
    document = (Path(__file__).parents[2] / "penstock" / "receivers" / "README.md").read_text()
    server = Server()
    reasons = {*server.intake.endings(), *server.intake.stats()} - {"connections"}
    assert [reason for reason in sorted(reasons) if f"`{reason}`" not in document] == []
