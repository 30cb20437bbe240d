"""A set of indicators: batches in, numbers out. No I/O, no tasks, no clock but the one given."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from penstock.business import formula
from penstock.business.accounts import Account
from penstock.business.items import Items
from penstock.business.joining import Part, calculated
from penstock.business.kinds import Formula, Slo
from penstock.business.measure import Timing
from penstock.business.readings import gauges, judgements, nothing
from penstock.business.recipes import recipe
from penstock.business.slo import Objective
from penstock.business.sources import SOURCES
from penstock.business.windowed import Windowed
from penstock.ottl import ErrorMode, Reporter
from penstock.pipeline import Batch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from penstock.business.accounts import Report
    from penstock.business.clocks import Clock
    from penstock.business.measure import Measure
    from penstock.business.readings import Reading
    from penstock.business.settings import Settings
    from penstock.business.windows import Span
    from penstock.ottl.draft import Place
    from penstock.pipeline import Mask
    from penstock.pipeline.faults import FaultLog

_CONDITIONS = ("where", "good", "begins", "ends")


class Told(NamedTuple):
    """Numbers that are due: of each indicator by name, in the order of the settings, and all of
    them as metrics."""

    readings: Mapping[str, list[Reading]]
    batch: Batch | None


def no_report(indicator: str, reason: str, items: int) -> None:
    """Tell nobody what was left out."""


class Engine:
    """Computes the indicators of some settings.

    `take` batches; ask for what is `due` once in a while, and `forget` it when it has been passed
    on; in the end ask for the `last` numbers. What items did not count is in `accounts`, and is
    told to `report`. `tracked` is for whoever stores the state.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        faults: FaultLog,
        *,
        report: Report = no_report,
        tracked: bool = False,
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.accounts = {name: Account(name, report) for name in settings.indicators}
        timing = Timing(clock, settings.zone, settings.allowed_lateness)
        self.measures: dict[str, Measure] = {}
        # What was read of the last batch will be read of the next one.
        self._read: defaultdict[str, frozenset[Place]] = defaultdict(frozenset)
        self._by_source: defaultdict[str, list[Measure]] = defaultdict(list)
        for name, indicator in settings.measured.items():
            kind: Callable[..., Measure] = Objective if isinstance(indicator, Slo) else Windowed
            made, account = recipe(indicator, tracked=tracked), self.accounts[name]
            measure = kind(name, indicator, made, account, timing, tracked=tracked)
            self.measures[name] = measure
            self._by_source[indicator.source].append(measure)
        self._reporter = _Failures(self.accounts, settings, faults)

    def take(self, batch: Batch) -> None:
        """Add up what a batch has."""
        now, newest = self.clock.now(), 0
        for source, measures in self._by_source.items():
            if SOURCES[source].signal is not batch.signal:
                continue
            items = Items(batch, SOURCES[source], now, self._reporter, self._read[source])
            if len(items):
                for measure in measures:
                    measure.take(items, now)
                newest = max(newest, items.newest)
            self._read[source] = items.read
        self.clock.saw(newest)

    def due(self) -> Told:
        """The numbers of windows that are complete, and of what is told once an interval."""
        now = self.clock.now()
        return self._told({name: it.due(now) for name, it in self.measures.items()})

    def last(self) -> Told:
        """The numbers of everything: nothing comes any more."""
        now = self.clock.now()
        return self._told({name: it.last(now) for name, it in self.measures.items()})

    def forget(self) -> None:
        """What was told has been passed on: it is not needed for that any more."""
        for measure in self.measures.values():
            measure.forget()

    def _told(self, readings: dict[str, list[Reading]]) -> Told:
        for name in self.settings.indicators:
            self._calculate(name, readings)
        ordered = {name: readings[name] for name in self.settings.indicators}
        batches = [batch for batch in self._metrics(ordered) if batch is not None]
        return Told(ordered, Batch.concat(batches) if batches else None)

    def _metrics(self, readings: Mapping[str, list[Reading]]) -> Iterator[Batch | None]:
        for name, told in readings.items():
            indicator = self.settings.indicators[name]
            for reading in told:
                if isinstance(indicator, Formula):
                    yield gauges(name, indicator, reading)
                    yield from judgements(name, indicator, reading)
                else:
                    yield from self.measures[name].metrics(reading)

    def _calculate(self, name: str, readings: dict[str, list[Reading]]) -> None:
        """Have the readings of a formula in `readings`, and of the formulas that it names."""
        indicator = self.settings.indicators[name]
        if name in readings or not isinstance(indicator, Formula):
            return
        names = formula.names(indicator.expression)
        for part in names:
            self._calculate(part, readings)
        readings[name] = []
        for span in _spans(readings[part] for part in names):
            parts = {part: self._part(part, span, readings[part]) for part in names}
            reading, missing = calculated(indicator.expression, span, parts)
            self.accounts[name].matched += len(reading.values)
            self.accounts[name].leave_out("no_value", missing)
            readings[name].append(reading)

    def _part(self, name: str, span: Span, readings: Iterable[Reading]) -> Part:
        measures = [self.measures[part] for part in self.settings.parts(name)]
        found = next((it for it in readings if it.span == span), None)
        zero = name in self.measures and self.measures[name].zero
        split = any(measure.indicator.by for measure in measures)
        return Part(nothing(span) if found is None else found, zero, split)


def _spans(readings: Iterable[list[Reading]]) -> list[Span]:
    return sorted({reading.span for told in readings for reading in told})


class _Failures(Reporter):
    """Counts items for which a condition could not be told, with the indicators it belongs to."""

    def __init__(
        self, accounts: Mapping[str, Account], settings: Settings, faults: FaultLog
    ) -> None:
        super().__init__(ErrorMode.IGNORE, faults)
        self._accounts: defaultdict[str, list[Account]] = defaultdict(list)
        for name, indicator in settings.measured.items():
            for text in {getattr(indicator, option, None) for option in _CONDITIONS}:
                if text:
                    self._accounts[text].append(accounts[name])

    def report(self, text: str, failed: Mask, reason: str) -> None:
        """Count and log."""
        super().report(text, failed, reason)
        for account in self._accounts[text]:
            account.leave_out("condition", int(failed.sum()))
