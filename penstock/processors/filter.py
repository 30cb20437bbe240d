"""Drop what any condition is true for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, ClassVar, NamedTuple

from pydantic import Field

from penstock.config.types import Section
from penstock.ottl import Condition, Draft, ErrorMode, Reporter
from penstock.pipeline import Batch, Processor, ProcessorConfig, Signal
from penstock.processors import _ottl as of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from penstock.pipeline import Context
    from penstock.pipeline.batch import Mask

_BY_CONDITION = "write it as a condition, such as `{}`"


class TraceFilters(Section):
    """Conditions on what traces have, each in a context of its own."""

    resource: list[Annotated[str, of.conditions(Signal.TRACES, "resource")]] = Field(default=[])
    """Conditions on resources."""
    span: list[Annotated[str, of.conditions(Signal.TRACES, "span")]] = Field(default=[])
    """Conditions on spans."""
    spanevent: list[Annotated[str, of.conditions(Signal.TRACES, "spanevent")]] = Field(default=[])
    """Conditions on span events."""


class MetricFilters(Section):
    """Conditions on what metrics have."""

    resource: list[Annotated[str, of.conditions(Signal.METRICS, "resource")]] = Field(default=[])
    """Conditions on resources."""
    metric: list[Annotated[str, of.conditions(Signal.METRICS, "metric")]] = Field(default=[])
    """Conditions on metrics."""
    datapoint: list[Annotated[str, of.conditions(Signal.METRICS, "datapoint")]] = Field(default=[])
    """Conditions on data points."""

    not_here: ClassVar[Mapping[str, str]] = {
        "include": _BY_CONDITION.format('not IsMatch(metric.name, "^http")'),
        "exclude": _BY_CONDITION.format('metric.name == "cpu"'),
        "regexp": "patterns need no cache",
    }


class LogFilters(Section):
    """Conditions on what logs have."""

    resource: list[Annotated[str, of.conditions(Signal.LOGS, "resource")]] = Field(default=[])
    """Conditions on resources."""
    log_record: list[Annotated[str, of.conditions(Signal.LOGS, "log")]] = Field(default=[])
    """Conditions on log records."""

    not_here: ClassVar[Mapping[str, str]] = {
        "include": _BY_CONDITION.format("log.severity_number < SEVERITY_NUMBER_WARN"),
        "exclude": _BY_CONDITION.format('IsMatch(log.body, "health")'),
    }


class SpanConditions(of.Group):
    """Conditions on spans or their events."""

    context: of.SpanContext | None = None
    """What paths are about that do not say so themselves."""
    conditions: list[of.SpanCondition]
    """Items are dropped for which any of them is true."""


class PointConditions(of.Group):
    """Conditions on metrics or their data points."""

    context: of.PointContext | None = None
    """What paths are about that do not say so themselves."""
    conditions: list[of.PointCondition]
    """Items are dropped for which any of them is true."""


class RecordConditions(of.Group):
    """Conditions on log records."""

    context: of.RecordContext | None = None
    """What paths are about that do not say so themselves."""
    conditions: list[of.RecordCondition]
    """Items are dropped for which any of them is true."""


Groups = SpanConditions | PointConditions | RecordConditions


class Config(ProcessorConfig):
    """Options of the Collector's `filter` processor."""

    error_mode: ErrorMode = ErrorMode.IGNORE
    """What becomes of items for which a condition fails: `ignore` keeps and logs them, `silent`
    keeps them, `propagate` refuses the batch."""
    trace_conditions: Annotated[
        list[
            Annotated[
                Annotated[of.SpanCondition, of.TEXT] | Annotated[SpanConditions, of.GROUP],
                of.EITHER,
            ]
        ],
        of.ONE_FORM,
    ] = Field(default=[])
    """Spans and span events are dropped for which any of these is true."""
    metric_conditions: Annotated[
        list[
            Annotated[
                Annotated[of.PointCondition, of.TEXT] | Annotated[PointConditions, of.GROUP],
                of.EITHER,
            ]
        ],
        of.ONE_FORM,
    ] = Field(default=[])
    """Data points are dropped for which any of these is true."""
    log_conditions: Annotated[
        list[
            Annotated[
                Annotated[of.RecordCondition, of.TEXT] | Annotated[RecordConditions, of.GROUP],
                of.EITHER,
            ]
        ],
        of.ONE_FORM,
    ] = Field(default=[])
    """Log records are dropped for which any of these is true."""
    traces: TraceFilters = TraceFilters()
    """The older form of `trace_conditions`, by context."""
    metrics: MetricFilters = MetricFilters()
    """The older form of `metric_conditions`, by context."""
    logs: LogFilters = LogFilters()
    """The older form of `log_conditions`, by context."""

    not_here: ClassVar[Mapping[str, str]] = {
        "spans": "use `trace_conditions`",
        "profiles": "profiles are not carried",
        "profile_conditions": "profiles are not carried",
    }

    def build(self, context: Context) -> Filter:
        """The processor."""
        return Filter(self, context)

    def conditions(self, signal: Signal) -> Iterator[tuple[ErrorMode, Condition]]:
        """Every condition for a signal, those on what items share first."""
        forms: dict[Signal, tuple[Section, Sequence[str | Groups]]] = {
            Signal.TRACES: (self.traces, self.trace_conditions),
            Signal.METRICS: (self.metrics, self.metric_conditions),
            Signal.LOGS: (self.logs, self.log_conditions),
        }
        older, newer = forms[signal]
        for name, texts in older:
            for text in texts:
                context = "log" if name == "log_record" else name
                yield self.error_mode, Condition.compile(text, signal, context)
        for entry in newer:
            yield from self._of_entry(entry, signal)

    def _of_entry(
        self, entry: str | Groups, signal: Signal
    ) -> Iterator[tuple[ErrorMode, Condition]]:
        if isinstance(entry, str):
            yield self.error_mode, Condition.compile(entry, signal)
            return
        for text in entry.conditions:
            mode = entry.error_mode or self.error_mode
            yield mode, Condition.compile(text, signal, entry.context)


class Test(NamedTuple):
    """A condition, and what is done where it fails."""

    condition: Condition
    reporter: Reporter


def hits(tests: list[Test], draft: Draft) -> Mask | None:
    """The items for which any condition is true; `None` for none."""
    found: Mask | None = None
    for condition, reporter in tests:
        rest = None if found is None else ~found
        mask = condition.mask(draft, reporter, rest)
        found = mask if found is None else found | mask
    return None if found is None or not found.any() else found


class Filter(Processor):
    """Drops items, and span events, that any condition is true for."""

    def __init__(self, config: Config, context: Context) -> None:
        self._items: dict[Signal, list[Test]] = {}
        self._events: list[Test] = []
        reporters = {mode: of.reporter(context, mode) for mode in ErrorMode}
        for signal in Signal:
            tests = [Test(one, reporters[mode]) for mode, one in config.conditions(signal)]
            self._items[signal] = [test for test in tests if not test.condition.of_events]
            self._events += [test for test in tests if test.condition.of_events]

    def process(self, batch: Batch) -> Batch | None:
        """What is left of `batch`. Raises `Invalid` where a condition fails and is to propagate."""
        kept = self._without_items(batch)
        if kept is None or not self._events or kept.signal is not Signal.TRACES:
            return kept
        return self._without_events(kept)

    def _without_items(self, batch: Batch) -> Batch | None:
        dropped = hits(self._items[batch.signal], Draft(batch))
        return batch if dropped is None else batch.keep(~dropped)

    def _without_events(self, batch: Batch) -> Batch:
        events = Draft(batch).events
        dropped = hits(self._events, events) if len(events) else None
        return batch if dropped is None else batch.delete("spanevent", dropped)
