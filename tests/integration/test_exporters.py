"""The ways out: every exporter, encoding and compression, into real servers."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.jaeger import Jaeger, shown
from tests.integration.peers import CLIENTS, Peers
from tests.integration.program import complete, eventually
from tests.integration.recorder import REQUESTS, Recorder
from tests.integration.service import Penstock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WAYS: list[tuple[str, dict[str, Any]]] = [
    ("otlp", {"compression": "none"}),
    ("otlp", {"compression": "gzip"}),
    ("otlphttp", {"compression": "none"}),
    ("otlphttp", {"compression": "gzip"}),
    ("otlphttp", {"compression": "zstd"}),
    ("otlphttp", {"compression": "deflate"}),
    ("otlphttp", {"compression": "none", "encoding": "json"}),
    ("otlphttp", {"compression": "gzip", "encoding": "json"}),
]


@pytest.fixture(params=WAYS, ids=lambda way: " ".join([way[0], *way[1].values()]))
def way(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
    """An exporter and its options."""
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def truth() -> Iterator[Recorder]:
    """Where the client sends what it sends to Penstock, without Penstock."""
    with Recorder() as truth:
        yield truth


def exporter(way: tuple[str, dict[str, Any]], grpc: int, http: int) -> dict[str, Any]:
    """The exporters section for one server with two ports."""
    type_, options = way
    address = f"127.0.0.1:{grpc}" if type_ == "otlp" else f"http://127.0.0.1:{http}"
    return {f"{type_}/out": {"endpoint": address, "tls": {"insecure": True}, **options}}


def send(penstock: Penstock, service: str, truth: Recorder, peers: Peers) -> None:
    """One of everything from the Python SDK."""
    to = ("grpc", "none", penstock.url("grpc"), f"http://{truth.address}")
    complete(peers.command("clients", "run", CLIENTS / "sdk.py", service, *to))


def test_every_field_crosses_from_one_penstock_to_another(
    way: tuple[str, dict[str, Any]],
    tmp_path: Path,
    truth: Recorder,
    recorder: Recorder,
    peers: Peers,
) -> None:
    to_recorder = {"otlp": {"endpoint": recorder.address, "tls": {"insecure": True}}}
    with ExitStack() as running:
        gateway = running.enter_context(Penstock(tmp_path, to_recorder, "gateway"))
        to_gateway = exporter(way, gateway.ports.grpc, gateway.ports.http)
        agent = running.enter_context(Penstock(tmp_path, to_gateway, "agent"))

        send(agent, "shop", truth, peers)

        for signal in REQUESTS:
            recorder.expect(signal, truth.items(signal))
            agent.expect_balance(signal)
            gateway.expect_balance(signal)


def test_traces_reach_jaeger_whole(
    way: tuple[str, dict[str, Any]], tmp_path: Path, truth: Recorder, jaeger: Jaeger, peers: Peers
) -> None:
    service = " ".join([way[0], *way[1].values()])
    exporters = {
        f"{id_}-to-jaeger": settings
        for id_, settings in exporter(way, jaeger.grpc, jaeger.http).items()
    }
    with Penstock(tmp_path, exporters | {"nop": {}}) as penstock:
        send(penstock, service, truth, peers)

        eventually(lambda: jaeger.spans(service), penstock.output)
        expected = [span for request in truth.requests("traces") for span in shown(request)]
        eventually(lambda: len(jaeger.spans(service)) == len(expected), penstock.output)
        assert jaeger.spans(service) == expected
