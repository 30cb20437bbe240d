"""Clients show their users the warning that Penstock gives them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.peers import CLIENTS
from tests.integration.program import complete
from tests.integration.service import Penstock

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.integration.peers import Peers


class Limited(Penstock):
    """Penstock with a limit that everything is over; its senders have to wait for their answer."""

    def settings(self, exporters: Mapping[str, Any]) -> dict[str, Any]:
        settings = super().settings(exporters)
        settings["processors"] = {"cardinality_limit": {"max_series": 1}}
        pipeline = {
            "receivers": ["otlp"],
            "processors": ["cardinality_limit"],
            "exporters": [*exporters],
        }
        settings["service"]["pipelines"] = {"metrics": pipeline}
        return settings


@pytest.fixture
def limited(tmp_path: Path) -> Iterator[Limited]:
    with Limited(tmp_path, {"nop": {}}) as limited:
        yield limited


@pytest.mark.parametrize("protocol", ["grpc", "http/protobuf", "http/json"])
def test_the_sdk_for_node_logs_it(protocol: str, limited: Limited, peers: Peers) -> None:
    client = CLIENTS / "warned.cjs"

    said = complete(peers.command("clients", "run", client, protocol, limited.url(protocol)))

    assert "Received Partial Success response" in said
    assert "too many series (max_series), most of them of metric 'orders'" in said


@pytest.mark.parametrize("protocol", ["grpc", "http"])
def test_the_sdk_for_go_hands_it_to_its_user(protocol: str, limited: Limited, peers: Peers) -> None:
    options = ["--metrics=5", "--rate=0", "--allow-export-failures", "--otlp-insecure"]
    endpoint = f"--otlp-endpoint=127.0.0.1:{getattr(limited.ports, protocol)}"
    over = ["--otlp-http"] if protocol == "http" else []

    said = complete(peers.command("telemetrygen", "run", "metrics", *options, endpoint, *over))

    assert "OTLP partial success: of the latest 5 data points of all senders, 5 were" in said
    assert "(0 metric data points rejected)" in said
