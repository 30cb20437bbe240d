"""Penstock as a process: its settings, its addresses, and its books as its metrics page shows them.

`PENSTOCK` names the program, such as the one that a wheel has installed; without it, the package
that the tests see is run.
"""

from __future__ import annotations

import json
import os
import shlex
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from prometheus_client.parser import text_string_to_metric_families

from tests.integration.program import Program, fetch, free_ports

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

ITEMS = {"traces": "spans", "metrics": "metric_points", "logs": "log_records"}

QUICK_RETRY = {"initial_interval": "100ms", "max_interval": "200ms"}
"""So that tests need not wait; the first wait is 5 seconds by default."""


class Ports(NamedTuple):
    """Where Penstock listens, on 127.0.0.1."""

    grpc: int
    http: int
    health: int
    metrics: int


def command(*arguments: str) -> list[str]:
    """The program and its arguments."""
    program = os.environ.get("PENSTOCK", f"{shlex.quote(sys.executable)} -m penstock")
    return [*shlex.split(program), *arguments]


def settings(ports: Ports, exporters: Mapping[str, Any]) -> dict[str, Any]:
    """OTLP in, batch, and out to every one of `exporters`, but to Jaeger only traces."""

    def pipeline(signal: str) -> dict[str, Any]:
        takers = [id_ for id_ in exporters if signal == "traces" or "jaeger" not in id_]
        return {"receivers": ["otlp"], "processors": ["batch"], "exporters": takers}

    protocols = {
        "grpc": {"endpoint": f"127.0.0.1:{ports.grpc}"},
        "http": {"endpoint": f"127.0.0.1:{ports.http}"},
    }
    pipelines = {signal: pipeline(signal) for signal in ITEMS}
    return {
        "receivers": {"otlp": {"protocols": protocols}},
        "processors": {"batch": {"timeout": "20ms"}},
        "exporters": dict(exporters),
        "extensions": {"health_check": {"endpoint": f"127.0.0.1:{ports.health}"}},
        "service": {
            "extensions": ["health_check"],
            "telemetry": {"metrics": {"address": f"127.0.0.1:{ports.metrics}"}},
            "pipelines": {signal: each for signal, each in pipelines.items() if each["exporters"]},
        },
    }


class Penstock(Program):
    """A running Penstock that sends what it receives to `exporters`."""

    def __init__(self, folder: Path, exporters: Mapping[str, Any], name: str = "penstock") -> None:
        self.ports = Ports(*free_ports(4))
        self._exporters = list(exporters)
        file = folder / f"{name}.yaml"
        file.write_text(json.dumps(settings(self.ports, exporters)))  # JSON is YAML too
        super().__init__(name, command("run", "--config", str(file)), folder)
        self.wait_until(lambda: fetch(f"http://127.0.0.1:{self.ports.health}/"))

    def url(self, protocol: str) -> str:
        """Where an SDK is pointed for `grpc`, `http/protobuf` or `http/json`."""
        port = self.ports.grpc if protocol == "grpc" else self.ports.http
        return f"http://127.0.0.1:{port}"

    def total(self, name: str, **labels: str) -> int:
        """The sum of the series of one of its own metrics that have these labels."""
        page = fetch(f"http://127.0.0.1:{self.ports.metrics}/metrics")
        assert page, self.output()
        return int(
            sum(
                sample.value
                for family in text_string_to_metric_families(page.decode())
                for sample in family.samples
                if sample.name == name and labels.items() <= sample.labels.items()
            )
        )

    def expect_delivered(self, signal: str, items: int) -> None:
        """Wait until every exporter has sent so many; then the books of `signal` must balance."""
        for exporter in self._takers(signal):
            self.wait_until(lambda: self._sent(signal, exporter) >= items)  # noqa: B023
            assert self._sent(signal, exporter) == items
        self.expect_balance(signal)

    def expect_balance(self, signal: str) -> None:
        """Everything accepted has been sent or has failed, or is queued, at each exporter."""
        accepted = self.total(f"otelcol_receiver_accepted_{ITEMS[signal]}_total")
        for exporter in self._takers(signal):
            labels = {"exporter": exporter}
            failed = self.total(f"otelcol_exporter_send_failed_{ITEMS[signal]}_total", **labels)
            queued = self.total("penstock_exporter_queued_items", otel_signal=signal, **labels)
            assert accepted == self._sent(signal, exporter) + failed + queued

    def _sent(self, signal: str, exporter: str) -> int:
        return self.total(f"otelcol_exporter_sent_{ITEMS[signal]}_total", exporter=exporter)

    def _takers(self, signal: str) -> list[str]:
        return [id_ for id_ in self._exporters if signal == "traces" or "jaeger" not in id_]
