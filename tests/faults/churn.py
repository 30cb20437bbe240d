"""A label whose value is new on every point, for as long as it takes to see memory grow."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

import numpy as np
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality
from prometheus_client.parser import text_string_to_metric_families

from penstock.pipeline import Signal
from penstock.receivers.otlp import GRPC_METHODS
from tests.faults.scorecard import Figure, Result
from tests.integration.program import eventually, fetch, free_ports
from tests.integration.service import Penstock
from tests.receivers.clients import GrpcSender
from tests.receivers.watching import resident

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MIB = 1024 * 1024
RATE = 50_000
"""Points a second, each of a series that nobody has seen."""

REQUEST = 1_000
BUDGET = 10_000
DIGITS = 12
_NOBODY = "?" * DIGITS
_POWERS = 10 ** np.arange(DIGITS - 1, -1, -1)
GROWTH = 8 * MIB
"""By how much a process that has seen everything may still grow."""


class Exploding(Penstock):
    """A Penstock that limits series and shows what is left to Prometheus."""

    def __init__(self, folder: Path) -> None:
        [self.scrapes] = free_ports(1)
        shown = {
            "endpoint": f"127.0.0.1:{self.scrapes}",
            "without_scope_info": True,
            "metric_expiration": "24h",  # or what came once would be missing from the total
        }
        super().__init__(folder, {"prometheus": shown}, "exploding")

    def settings(self, exporters: Mapping[str, Any]) -> dict[str, Any]:
        """Metrics alone, through the limit."""
        settings = super().settings(exporters)
        pipeline = settings["service"]["pipelines"]["metrics"]
        settings["processors"] = {"cardinality_limit": {"max_series": BUDGET}}
        pipeline["processors"] = ["cardinality_limit"]
        settings["service"]["pipelines"] = {"metrics": pipeline}
        return settings

    def scraped(self) -> tuple[int, float]:
        """How many series are shown, and what they come to."""
        page = fetch(f"http://127.0.0.1:{self.scrapes}/metrics")
        assert page, self.output()
        families = text_string_to_metric_families(page.decode())
        values = [sample.value for family in families for sample in family.samples]
        return len(values), sum(values)


def explode(penstock: Exploding, seconds: float, *, first: int = 0) -> int:
    """Send at that rate for so long; returns how many points there were, each of which counts 1."""
    logins = Logins()
    began, sent = time.monotonic(), 0
    with GrpcSender(penstock.ports.grpc) as sender:
        while (now := time.monotonic() - began) < seconds:
            if sent > now * RATE:
                time.sleep(sent / RATE - now)
            answer = sender.call(GRPC_METHODS[Signal.METRICS], logins.request(first + sent))
            assert answer.code.name == "OK", answer
            sent += REQUEST
    return sent


class Logins:
    """Requests of deltas of 1, each point with a user of its own; written so that sending costs
    less than receiving."""

    def __init__(self) -> None:
        message = ExportMetricsServiceRequest()
        of_resource = message.resource_metrics.add()
        of_resource.resource.attributes.add(key="service.name").value.string_value = "shop"
        counts = of_resource.scope_metrics.add().metrics.add(name="logins").sum
        counts.aggregation_temporality = AggregationTemporality.AGGREGATION_TEMPORALITY_DELTA
        counts.is_monotonic = True
        now = time.time_ns()
        for _ in range(REQUEST):
            point = counts.data_points.add(as_int=1, time_unix_nano=now)
            point.attributes.add(key="user").value.string_value = _NOBODY
        self._bytes = np.frombuffer(bytearray(message.SerializeToString()), dtype=np.uint8)
        starts = [
            found.start()
            for found in re.finditer(re.escape(_NOBODY.encode()), self._bytes.tobytes())
        ]
        self._digits = np.array(starts)[:, np.newaxis] + np.arange(DIGITS)

    def request(self, first: int) -> bytes:
        """One with the users from `first` on."""
        users = np.arange(first, first + REQUEST)[:, np.newaxis]
        self._bytes[self._digits] = users // _POWERS % 10 + ord("0")
        return self._bytes.tobytes()


def churn(seconds: float, folder: Path) -> Result:
    """Explode; memory is looked at when a third has passed, and at the end."""
    with Exploding(folder) as penstock:
        sent = explode(penstock, seconds / 3)
        before = resident(penstock.pid)
        sent += explode(penstock, seconds * 2 / 3, first=sent)
        growth = resident(penstock.pid) - before
        eventually(lambda: penstock.scraped()[1] > sent, penstock.scraped)
        series, total = penstock.scraped()
    figures = (
        Figure("growth", growth / MIB, GROWTH / MIB, "MiB"),
        Figure("series too many", max(0, series - BUDGET - 1), 0),  # and one of target_info
        Figure("counts missing in their total", sent - (total - 1), 0),
    )
    scope = f"{sent:,} points of {sent:,} series in {seconds:g} s, a budget of {BUDGET:,}"
    return Result("Series", "Labels that explode", figures, scope)
