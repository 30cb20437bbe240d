"""What indicators make of recorded telemetry, by the time of the events themselves."""

from __future__ import annotations

import heapq
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from penstock.business.clocks import EventClock
from penstock.business.engine import Engine
from penstock.business.kinds import Distinct, Formula, Utilisation
from penstock.business.lengths import NANOS, nanoseconds
from penstock.business.options import Judged
from penstock.business.readings import state_of
from penstock.business.sources import SOURCES
from penstock.pipeline.faults import FaultLog
from penstock.pipeline.recorded import batches

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from penstock.business.accounts import Account
    from penstock.business.engine import Told
    from penstock.business.readings import Reading
    from penstock.business.settings import Settings
    from penstock.business.windows import Span
    from penstock.pipeline import Batch
    from penstock.pipeline.panes import Result

STATES = ("ok", "warning", "critical")
"""By the numbers that `…_state` has."""


_UNCOUNTED = (Distinct, Formula, Utilisation)
"""Kinds whose sums do not tell how many items are in them."""


class Number(NamedTuple):
    """A number of an indicator: of which key, in which window, made of how many items where that is
    known. Of a histogram it is the mean. What has no window begins with the first event."""

    indicator: str
    span: Span
    attributes: Mapping[str, Any]
    value: float
    state: str | None
    items: int | None


class Outcome(NamedTuple):
    """The numbers, in the order of the settings and of time; and what did not count, by name."""

    numbers: list[Number]
    accounts: Mapping[str, Account]


def dry_run(settings: Settings, files: Iterable[Path]) -> Outcome:
    """Have the telemetry in files go by. Raises `Invalid` for what is no OTLP/JSON, and `OSError`.

    Files may have been recorded at the same time: what was first in any of them goes by first.
    """
    engine = Engine(settings, EventClock(), FaultLog(logging.getLogger(__name__)))
    newest: dict[tuple[str, int], Reading] = {}
    due = 0
    for batch in in_order(files):
        engine.take(batch)
        if engine.clock.now() >= due:
            _keep(engine, engine.due(), newest)
            engine.forget()
            due = engine.clock.now() + nanoseconds(settings.interval)
    _keep(engine, engine.last(), newest)
    order = list(settings.indicators)
    told = sorted(newest.items(), key=lambda it: (order.index(it[0][0]), it[1].span.end))
    numbers = [number for (name, _), it in told for number in _numbers(settings, name, it)]
    return Outcome(numbers, engine.accounts)


def in_order(files: Iterable[Path]) -> Iterator[Batch]:
    """The batches of files, each of which is in the order of time more or less."""
    timed = (((newest(batch), batch) for batch in batches(file)) for file in files)
    for _, batch in heapq.merge(*timed, key=lambda it: it[0]):
        yield batch


def newest(batch: Batch) -> int:
    """When the last event of a batch happened."""
    paths = {path for it in SOURCES.values() if it.signal is batch.signal for path in it.times}
    own = (path for path in paths if not path.startswith("spanevent"))
    return max((int(batch.numbers(path).max(initial=0)) for path in own), default=0)


def shown(time: int) -> str:
    """A time in Unix nanoseconds as RFC 3339 has it."""
    return datetime.fromtimestamp(time / NANOS, UTC).isoformat().replace("+00:00", "Z")


def _keep(engine: Engine, told: Told, newest: dict[tuple[str, int], Reading]) -> None:
    """A window that was told while it was open is told again when it is complete."""
    for name, readings in told.readings.items():
        (part, *_) = engine.settings.parts(name)
        has_windows = engine.measures[part].window is not None
        for reading in readings:
            newest[name, reading.span.start if has_windows else 0] = reading


def _numbers(settings: Settings, name: str, reading: Reading) -> Iterator[Number]:
    indicator = settings.indicators[name]
    states = np.full(len(reading.values), np.nan)
    if isinstance(indicator, Judged) and indicator.is_judged:
        states = state_of(indicator, reading.values)
    rows = zip(
        reading.result.labels(),
        reading.values.tolist(),
        states.tolist(),
        [None] * len(states) if isinstance(indicator, _UNCOUNTED) else _items(reading.result),
        strict=True,
    )
    for labels, value, state, items in rows:
        if not np.isnan(value):
            said = None if np.isnan(state) else STATES[int(state)]
            yield Number(name, reading.span, labels, value, said, items)


def _items(result: Result) -> list[int]:
    """How many items each key has, of whatever class."""
    counts = result.counts()
    found: list[int] = counts.reshape(len(counts), -1).sum(axis=1).tolist()
    return found
