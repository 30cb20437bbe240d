"""What the contract checks share: items that can be told apart, verdicts by a script, a ledger."""

from __future__ import annotations

import os
import random
import threading
from collections import Counter
from enum import Enum, auto
from typing import TYPE_CHECKING

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from penstock.pipeline import Batch, Signal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

MIXED = "mixed"
"""The scenario that has a bit of every verdict."""

SEEDS = range(int(os.environ.get("CONFORMANCE_SEEDS", "1")))
"""What chance goes by; a developer runs one, whoever has more time runs more."""

SENDERS = 4
BATCHES = 12
"""Batches of each sender, of one to five items: enough for every verdict to come several times."""


def _spans(marks: Iterable[str]) -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    scope = request.resource_spans.add().scope_spans.add()
    for mark in marks:
        scope.spans.add(name=mark, trace_id=b"t" * 16, span_id=b"s" * 8)
    return request


def _points(marks: Iterable[str]) -> ExportMetricsServiceRequest:
    request = ExportMetricsServiceRequest()
    scope = request.resource_metrics.add().scope_metrics.add()
    for mark in marks:
        scope.metrics.add(name=mark).gauge.data_points.add(as_int=1)
    return request


def _records(marks: Iterable[str]) -> ExportLogsServiceRequest:
    request = ExportLogsServiceRequest()
    scope = request.resource_logs.add().scope_logs.add()
    for mark in marks:
        scope.log_records.add().body.string_value = mark
    return request


_MAKERS = {Signal.TRACES: _spans, Signal.METRICS: _points, Signal.LOGS: _records}


def marked(signal: Signal, marks: Iterable[str]) -> Batch:
    """A batch with an item for each mark."""
    return Batch.from_otlp(signal, _MAKERS[signal](marks).SerializeToString())


def marks_of(batch: Batch) -> list[str]:
    """The marks of a batch's items."""
    rows = batch.rows()
    if batch.signal is Signal.METRICS:
        return [row["metric"]["name"] for row in rows]
    return [row["name" if batch.signal is Signal.TRACES else "body"] for row in rows]


def batches_of(sender: int, signals: Iterable[Signal]) -> Iterator[Batch]:
    """What a sender sends: batches of every signal in turn, each item marked as no other."""
    carried = sorted(signals)
    for number in range(BATCHES):
        items = 1 + (sender + number) % 5
        marks = (f"sender {sender} batch {number} item {item}" for item in range(items))
        yield marked(carried[number % len(carried)], marks)


class Verdict(Enum):
    """What whoever is given a batch says to it."""

    TAKE = auto()
    RETRY = auto()
    """Not now."""
    THROTTLE = auto()
    """Not now, and when."""
    REJECT = auto()
    """Never."""
    PARTIAL = auto()
    """The first item never; the others are taken."""
    SILENCE = auto()
    """Nothing: the batch is neither taken nor refused."""


class Script:
    """Draws verdicts by their odds, as the seed has it, and remembers what became of each item.

    Whatever the odds, trouble ends after `trouble` verdicts, so that every test does.
    """

    def __init__(self, odds: Mapping[Verdict, float], seed: int, trouble: int = 40) -> None:
        self.taken: Counter[str] = Counter()
        self.rejected: set[str] = set()
        self.offered_again: list[str] = []
        """Items that came again after they had been rejected."""
        self.verdicts: Counter[Verdict] = Counter()
        self.batches: list[Batch] = []
        self._odds = odds
        self._trouble = trouble
        self._random = random.Random(seed)
        self._lock = threading.Lock()

    def judge(self, batch: Batch) -> Verdict:
        """The verdict on a batch."""
        found = marks_of(batch)
        with self._lock:
            self.offered_again += [mark for mark in found if mark in self.rejected]
            self.batches.append(batch)
            verdict = self._draw()
            self.verdicts[verdict] += 1
            if verdict is Verdict.REJECT:
                self.rejected.update(found)
            if verdict is Verdict.PARTIAL:
                self.rejected.add(found.pop(0))
            if verdict in {Verdict.TAKE, Verdict.PARTIAL}:
                self.taken.update(found)
        return verdict

    def _draw(self) -> Verdict:
        if self.verdicts.total() - self.verdicts[Verdict.TAKE] >= self._trouble:
            return Verdict.TAKE
        return self._random.choices(list(self._odds), list(self._odds.values()))[0]


def doubled(counts: Mapping[str, int]) -> set[str]:
    """The marks that came more than once."""
    return {mark for mark, count in counts.items() if count > 1}
