"""What indicators are made of: their signal, their context in OTTL, and when they happened."""

from __future__ import annotations

from typing import Literal, NamedTuple

from penstock.ottl import Condition, Value
from penstock.pipeline import Signal

SourceName = Literal["spans", "spanevents", "logs", "datapoints"]


class Source(NamedTuple):
    """A kind of item. Of the paths to its time, the first that has one counts."""

    signal: Signal
    context: str
    times: tuple[str, ...]

    def condition(self, text: str) -> Condition:
        """A condition on items. Raises `StatementError`."""
        return Condition.compile(text, self.signal, self.context)

    def value(self, text: str) -> Value:
        """An expression of items. Raises `StatementError`."""
        return Value.compile(text, self.signal, self.context)


SOURCES: dict[str, Source] = {
    # A span counts when it has ended, which is when it is sent.
    "spans": Source(Signal.TRACES, "span", ("span.end_time_unix_nano",)),
    "spanevents": Source(Signal.TRACES, "spanevent", ("spanevent.time_unix_nano",)),
    "logs": Source(Signal.LOGS, "log", ("log.time_unix_nano", "log.observed_time_unix_nano")),
    "datapoints": Source(Signal.METRICS, "datapoint", ("datapoint.time_unix_nano",)),
}
"""By their names in settings."""
