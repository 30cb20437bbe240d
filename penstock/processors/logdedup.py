"""Pass log records that say the same on as one, with their number."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

import numpy as np
from pydantic import Field as Option
from pydantic import model_validator

from penstock.config.types import Duration, TimeZone, zone_of
from penstock.ottl import Condition, Draft, ErrorMode, matching
from penstock.pipeline import Batch, Column, ProcessorConfig, Signal
from penstock.pipeline.steps import dropped
from penstock.processors import _ottl as of
from penstock.processors._attributes import combined, overlaid, path_to
from penstock.processors._fields import Field, path_of
from penstock.processors._windowed import Windowed

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import tzinfo

    from penstock.pipeline import Context

_MOST_BYTES = 16 << 20
"""Bytes of different records from which they are passed on before the interval is over."""

_PARENTS = ("resource.attributes", "scope.name", "scope.version", "scope.attributes")
_RECORD = ("log.attributes", "log.body", "log.severity_number", "log.severity_text")


class Config(ProcessorConfig):
    """Options of the Collector's `log_dedup` processor."""

    signals: ClassVar[frozenset[Signal]] = frozenset({Signal.LOGS})

    interval: Duration = Option(default=10.0, gt=0)
    """How long records are counted before they are passed on."""
    log_count_attribute: str = Option(default="log_count", min_length=1)
    """The attribute that gets their number."""
    timezone: TimeZone = "UTC"
    """The time zone of `first_observed_timestamp` and `last_observed_timestamp`."""
    exclude_fields: tuple[Field, ...] = ()
    """Fields of the body or the attributes that are removed first, so that they make no
    difference."""
    include_fields: tuple[Field, ...] = ()
    """The only fields of the body and the attributes that make a difference. Where a record has
    none of them, all of it does."""

    conditions: tuple[Annotated[str, of.conditions(Signal.LOGS, "log")], ...] = ()
    """Conditions in OTTL: records for which none is true are passed on at once. Without any, all
    records are counted."""

    not_here: ClassVar[Mapping[str, str]] = {
        "metadata_keys": "headers of requests are not kept with their items; remove it",
        "metadata_cardinality_limit": "it goes with `metadata_keys`; remove it",
    }

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if "body" in self.exclude_fields:
            msg = "exclude_fields: the entire body cannot be excluded"
            raise ValueError(msg)
        if self.exclude_fields and self.include_fields:
            msg = "`exclude_fields` and `include_fields` exclude each other"
            raise ValueError(msg)
        return self

    def build(self, context: Context) -> LogDedup:
        """The processor."""
        return LogDedup(self, context)


@dataclass(slots=True)
class Count:
    """How often a record came, and when, in nanoseconds."""

    number: int
    first: int
    last: int


class Window:
    """The different records of an interval."""

    def __init__(self) -> None:
        self.nbytes = 0
        self._counts: dict[Any, Count] = {}
        self._batches: list[Batch] = []

    def __len__(self) -> int:
        return len(self._counts)

    def add(self, batch: Batch, keys: Column, now: int) -> int:
        """Count a batch's records; how many of them were known is returned."""
        codes_of: dict[Any, int] = {}
        renumbered = [codes_of.setdefault(key, len(codes_of)) for key in keys.values]
        codes = np.array(renumbered, dtype=np.uint32)[keys.codes]
        known, firsts, numbers = np.unique(codes, return_index=True, return_counts=True)
        distinct = list(codes_of)
        fresh = []
        for code, first, number in zip(known.tolist(), firsts, numbers.tolist(), strict=True):
            count = self._counts.get(distinct[code])
            if count is None:
                fresh.append((first, distinct[code], Count(number, now, now)))
            else:
                count.number, count.last = count.number + number, now
        self._keep(batch, sorted(fresh, key=lambda each: int(each[0])))
        return len(batch) - len(fresh)

    def _keep(self, batch: Batch, fresh: list[tuple[int, Any, Count]]) -> None:
        """Keep records that are new, by their places, in the order of the batch."""
        if not fresh:
            return
        mask = np.zeros(len(batch), dtype=np.bool_)
        mask[[place for place, _, _ in fresh]] = True
        self._counts.update((key, count) for _, key, count in fresh)
        kept = batch.keep(mask)
        assert kept is not None
        self._batches.append(kept)
        self.nbytes += kept.nbytes

    def result(self, attribute: str, zone: tzinfo, now: int) -> Batch:
        """The records, each once, with their numbers and times."""
        batch, counts = Batch.concat(self._batches), list(self._counts.values())

        def column(values: list[Any]) -> Column:
            return Column(np.arange(len(values), dtype=np.uint32), values)

        edits = batch.edit()
        edits.set("log.time_unix_nano", now)
        edits.set("log.observed_time_unix_nano", column([count.first for count in counts]))
        for name, values in (
            (attribute, [count.number for count in counts]),
            ("first_observed_timestamp", [_written(count.first, zone) for count in counts]),
            ("last_observed_timestamp", [_written(count.last, zone) for count in counts]),
        ):
            edits.set(path_to("log.attributes", name), column(values))
        return edits.apply()


class LogDedup(Windowed[Window]):
    """Counts records, and passes each on once an interval."""

    def __init__(self, config: Config, context: Context) -> None:
        super().__init__(context, Window, interval=config.interval, most_bytes=_MOST_BYTES)
        self.may_wait = bool(config.conditions)
        self._conditions = [
            Condition.compile(text, Signal.LOGS, "log") for text in config.conditions
        ]
        self._reporter = of.reporter(context, ErrorMode.IGNORE)
        self._attribute = config.log_count_attribute
        self._zone = zone_of(config.timezone)
        self._excluded = [path_of(field) for field in config.exclude_fields]
        self._included = [path_of(field) for field in config.include_fields]
        self._duplicates = dropped(context, "duplicate")

    async def consume(self, batch: Batch) -> None:
        """Count the records of `batch`. Raises `Refused` while there is no room."""
        self._refuse_without_room()
        matched = matching(self._conditions, Draft(batch), self._reporter)
        counted = batch if matched is None else batch.keep(matched)
        rest = None if matched is None else batch.keep(~matched)
        if rest:
            await self._consume(rest)
        if counted:
            self._count(counted)

    def _count(self, batch: Batch) -> None:
        edits = batch.edit()
        for path in self._excluded:
            edits.delete(path)
        batch = edits.apply()
        self._duplicates.add(self._window.add(batch, self._keys(batch), time.time_ns()))
        if self._is_full:
            self._due.set()

    def _keys(self, batch: Batch) -> Column:
        """What makes a record differ from others, by record."""

        def keyed(paths: Iterable[str]) -> list[Column]:
            return [batch.column(path).map(_key) for path in paths]

        parents = keyed(_PARENTS)
        if not self._included:
            return combined([*parents, *keyed(_RECORD)], tuple)
        some = combined(keyed(self._included), _unless_absent)
        if all(some.values):
            return combined([*parents, some], tuple)
        whole = combined(keyed(_RECORD), tuple)
        instead = some.where(lambda found: found is None)
        return combined([*parents, overlaid(some, whole, instead)], tuple)

    def _result(self, window: Window) -> Batch:
        return window.result(self._attribute, self._zone, time.time_ns())


def _written(nanoseconds: int, zone: tzinfo) -> str:
    """A time as RFC 3339 has it, in whole seconds."""
    text = datetime.fromtimestamp(nanoseconds // 1_000_000_000, zone).isoformat()
    return text.replace("+00:00", "Z")


def _unless_absent(keys: list[Any]) -> tuple[Any, ...] | None:
    """The fields of a record, if it has any."""
    return None if all(key == _ABSENT for key in keys) else tuple(keys)


def _key(value: Any) -> Any:
    """A value by which dictionaries can be asked; values of different types are different."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return frozenset((key, _key(inner)) for key, inner in value.items())
    if isinstance(value, list):
        return tuple(map(_key, value))
    return type(value), value


_ABSENT = _key(None)
