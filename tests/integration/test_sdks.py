"""OpenTelemetry's SDKs as clients: all that they send arrives, and is as they sent it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.jaeger import Jaeger, shown
from tests.integration.peers import CLIENTS, Peers
from tests.integration.program import complete, eventually
from tests.integration.recorder import Recorder
from tests.integration.service import Penstock

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAMS = {"python": "sdk.py", "node": "sdk.cjs", "java": "Sdk.java"}

WAYS = [
    ("python", "grpc", "none"),
    ("python", "grpc", "gzip"),
    ("python", "http/protobuf", "none"),
    ("python", "http/protobuf", "gzip"),
    ("python", "http/protobuf", "deflate"),
    ("node", "grpc", "none"),
    ("node", "grpc", "gzip"),
    ("node", "http/protobuf", "none"),
    ("node", "http/protobuf", "gzip"),
    ("node", "http/json", "none"),
    ("node", "http/json", "gzip"),
    ("java", "grpc", "none"),
    ("java", "grpc", "gzip"),
    ("java", "http/protobuf", "none"),
    ("java", "http/protobuf", "gzip"),
]

SENT = {"traces": 3, "metrics": 6, "logs": 2}
"""What a client sends: spans, metrics and log records."""


@pytest.fixture(scope="module")
def truth() -> Iterator[Recorder]:
    """Where the clients send what they send to Penstock, without Penstock."""
    with Recorder() as truth:
        yield truth


@pytest.fixture(scope="module")
def sink() -> Iterator[Recorder]:
    """Where Penstock sends."""
    with Recorder() as sink:
        yield sink


@pytest.fixture(scope="module")
def penstock(
    sink: Recorder, jaeger: Jaeger, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Penstock]:
    exporters: dict[str, Any] = {
        "otlp/recorder": {"endpoint": sink.address, "tls": {"insecure": True}},
        "otlp/jaeger": {"endpoint": f"127.0.0.1:{jaeger.grpc}", "tls": {"insecure": True}},
    }
    with Penstock(tmp_path_factory.mktemp("penstock"), exporters) as penstock:
        yield penstock


@pytest.mark.parametrize(("language", "protocol", "compression"), WAYS)
def test_every_field_arrives_as_it_was_sent(
    language: str,
    protocol: str,
    compression: str,
    penstock: Penstock,
    truth: Recorder,
    sink: Recorder,
    jaeger: Jaeger,
    peers: Peers,
) -> None:
    service = f"{language} {protocol} {compression}"
    client = CLIENTS / PROGRAMS[language]
    to = (penstock.url(protocol), f"http://{truth.address}")

    complete(peers.command("clients", "run", client, service, protocol, compression, *to))

    for signal, count in SENT.items():
        sent = truth.items(signal, service)
        assert len(sent) == count
        sink.expect(signal, sent, service)
        penstock.expect_balance(signal)
    spans = [span for request in truth.requests("traces") for span in shown(request)]
    expected = [span for span in spans if span["resource"]["service.name"] == service]
    eventually(lambda: len(jaeger.spans(service)) == SENT["traces"], lambda: jaeger.spans(service))
    assert jaeger.spans(service) == sorted(expected, key=lambda span: span["id"])
