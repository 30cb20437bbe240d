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
from urllib.request import Request, urlopen

from prometheus_client.parser import text_string_to_metric_families

from tests.integration.program import Program, fetch, free_ports

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from penstock.pipeline import Batch

ITEMS = {"traces": "spans", "metrics": "metric_points", "logs": "log_records"}


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


def takers(signal: str, exporters: Iterable[str]) -> list[str]:
    """Those of the exporters that a signal goes to: Jaeger takes traces alone."""
    return [id_ for id_ in exporters if signal == "traces" or "jaeger" not in id_]


def metrics_page(port: int) -> dict[str, Any]:
    """The reader that serves own metrics at a port of this machine."""
    return {"pull": {"exporter": {"prometheus": {"host": "127.0.0.1", "port": port}}}}


def settings(ports: Ports, exporters: Mapping[str, Any]) -> dict[str, Any]:
    """OTLP in, batch, and out to every one of `exporters` that takes the signal."""
    protocols = {
        "grpc": {"endpoint": f"127.0.0.1:{ports.grpc}"},
        "http": {"endpoint": f"127.0.0.1:{ports.http}"},
    }
    pipelines = {
        signal: {"receivers": ["otlp"], "processors": ["batch"], "exporters": ids}
        for signal in ITEMS
        if (ids := takers(signal, exporters))
    }
    return {
        "receivers": {"otlp": {"protocols": protocols}},
        "processors": {"batch": {"timeout": "20ms"}},
        "exporters": dict(exporters),
        "extensions": {"health_check": {"endpoint": f"127.0.0.1:{ports.health}"}},
        "service": {
            "extensions": ["health_check"],
            "telemetry": {"metrics": {"readers": [metrics_page(ports.metrics)]}},
            "pipelines": pipelines,
        },
    }


class Penstock(Program):
    """A running Penstock that sends what it receives to `exporters`."""

    def __init__(
        self,
        folder: Path,
        exporters: Mapping[str, Any],
        name: str = "penstock",
        ports: Ports | None = None,
    ) -> None:
        self.ports = ports or Ports(*free_ports(4))
        self._exporters = list(exporters)
        file = folder / f"{name}.yaml"
        file.write_text(json.dumps(self.settings(exporters)))  # JSON is YAML too
        super().__init__(name, command("run", "--config", str(file)), folder)

    def settings(self, exporters: Mapping[str, Any]) -> dict[str, Any]:
        """What it is started with."""
        return settings(self.ports, exporters)

    def ready(self) -> bool:
        """Whether every pipeline runs."""
        return fetch(f"http://127.0.0.1:{self.ports.health}/") is not None

    def url(self, protocol: str) -> str:
        """Where an SDK is pointed for `grpc`, `http/protobuf` or `http/json`."""
        port = self.ports.grpc if protocol == "grpc" else self.ports.http
        return f"http://127.0.0.1:{port}"

    def numbers(self) -> Numbers:
        """Its own metrics, all of one moment."""
        page = fetch(f"http://127.0.0.1:{self.ports.metrics}/metrics")
        assert page, self.output()
        return Numbers(page)

    def expect_delivered(self, signal: str, items: int) -> None:
        """Wait until every exporter has sent so many, and no more; then the books must balance."""
        self.wait_until(lambda: min(self._sent(signal)) >= items)
        assert set(self._sent(signal)) == {items}
        self.expect_balance(signal)

    def expect_balance(self, signal: str) -> None:
        """For each exporter: what was accepted was sent, has failed, was dropped, or is queued."""
        numbers, items = self.numbers(), ITEMS[signal]
        accepted = numbers.total(f"otelcol_receiver_accepted_{items}_total")
        dropped = numbers.total("penstock_processor_dropped_items_total", pipeline=signal)
        for id_ in takers(signal, self._exporters):
            labels = {"exporter": id_}
            branch = f"exporter {id_} {signal}"
            lost = numbers.total("penstock_fanout_lost_items_total", branch=branch)
            sent = numbers.total(f"otelcol_exporter_sent_{items}_total", **labels)
            failed = numbers.total(f"otelcol_exporter_send_failed_{items}_total", **labels)
            queued = numbers.total("penstock_exporter_queued_items", data_type=signal, **labels)
            assert accepted == dropped + lost + sent + failed + queued

    def _sent(self, signal: str) -> list[int]:
        numbers, name = self.numbers(), f"otelcol_exporter_sent_{ITEMS[signal]}_total"
        return [numbers.total(name, exporter=id_) for id_ in takers(signal, self._exporters)]


class Numbers:
    """One reading of Penstock's metrics page."""

    def __init__(self, page: bytes) -> None:
        families = text_string_to_metric_families(page.decode())
        self._samples = [sample for family in families for sample in family.samples]

    def total(self, name: str, **labels: str) -> int:
        """The sum of the series of that name that have these labels; 0 where there is none."""
        return sum(
            int(sample.value)
            for sample in self._samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )


class OfMetrics(Penstock):
    """A Penstock for metrics alone, which come by OTLP."""

    def settings(self, exporters: Mapping[str, Any]) -> dict[str, Any]:
        """Without pipelines of other signals."""
        settings = super().settings(exporters)
        pipelines = settings["service"]["pipelines"]
        settings["service"]["pipelines"] = {"metrics": pipelines["metrics"]}
        return settings

    def post(self, batch: Batch) -> None:
        """Send it metrics."""
        request = Request(
            f"http://127.0.0.1:{self.ports.http}/v1/metrics",
            batch.to_otlp(),
            {"Content-Type": "application/x-protobuf"},
        )
        with urlopen(request) as answer:
            assert answer.status == 200
