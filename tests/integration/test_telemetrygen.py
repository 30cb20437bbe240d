"""telemetrygen, OpenTelemetry's own load client: every signal, over either protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.program import complete
from tests.integration.service import Penstock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.peers import Peers
    from tests.integration.recorder import Recorder

WORKERS, EACH = 2, 250

ITEMS = {"traces": 2 * WORKERS * EACH, "metrics": WORKERS * EACH, "logs": WORKERS * EACH}
"""A trace is two spans."""


@pytest.fixture
def penstock(recorder: Recorder, tmp_path: Path) -> Iterator[Penstock]:
    exporter = {"endpoint": recorder.address, "tls": {"insecure": True}}
    with Penstock(tmp_path, {"otlp": exporter}) as penstock:
        yield penstock


@pytest.mark.parametrize("port", ["grpc", "http"])
@pytest.mark.parametrize("protocol", ["grpc", "http"])
@pytest.mark.parametrize("signal", ITEMS)
def test_every_item_is_delivered_once_whichever_port_takes_it(
    signal: str, protocol: str, port: str, penstock: Penstock, peers: Peers
) -> None:
    endpoint = f"127.0.0.1:{getattr(penstock.ports, port)}"
    client = ["telemetrygen", "run", signal, f"--{signal}={EACH}", f"--workers={WORKERS}"]
    options = ["--otlp-insecure", f"--otlp-endpoint={endpoint}", "--rate=0"]

    complete(peers.command(*client, *options, *(["--otlp-http"] if protocol == "http" else [])))

    penstock.expect_delivered(signal, ITEMS[signal])
