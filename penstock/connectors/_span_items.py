"""What spans, and the events in them, are counted by."""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from penstock.connectors import _definitions as of
from penstock.connectors._dimensions import OF_SPANS, Dimensions, has_name, of_services, of_spans
from penstock.connectors._measuring import Items
from penstock.pipeline import Column
from penstock.pipeline.panes import Keys
from penstock.pipeline.tracestate import ALL, TraceState, threshold

if TYPE_CHECKING:
    from collections.abc import Collection

    from numpy.typing import NDArray

    from penstock.connectors.spanmetrics import Config
    from penstock.pipeline import Batch, Mask


_PATHS = ("span.trace_state", "span.name", "span.kind", "span.status.code")


@dataclass(frozen=True, slots=True)
class Counted:
    """Spans or span events of a batch, and what is known of each."""

    batch: Batch
    came: int
    """When, in Unix nanoseconds."""
    items: Items
    where: Mask
    """Which of them count."""
    resources: Column | None
    shared: dict[str, Column]
    """What all metrics tell them apart by, besides the resource."""
    durations: NDArray[np.float64]
    """Of the spans, in the unit of the histogram."""
    ends: str
    """The path of the time when each was over, or happened."""
    weights: NDArray[np.float64] | None
    """How many spans each stands for, if any for more than itself."""

    def keys(self, *dimensions: Dimensions) -> Keys:
        """What they are told apart by, with more attributes."""
        columns = dict(self.shared)
        for each in dimensions:
            columns |= each.of(self.items)
        return Keys(len(self.where), columns, self.resources)

    @property
    def times(self) -> NDArray[np.int64]:
        """When each was over, or happened."""
        return self.batch.numbers(self.ends)

    def events(self) -> Counted:
        """The events in these spans."""
        owners = self.batch.owners()
        return replace(
            self,
            items=Items(self.batch, of.KINDS["spanevents"]),
            where=self.where[owners],
            resources=None if self.resources is None else _at(self.resources, owners),
            shared={name: _at(column, owners) for name, column in self.shared.items()},
            durations=self.durations[owners],
            ends="spanevent.time_unix_nano",
            weights=None if self.weights is None else self.weights[owners],
        )


def _at(column: Column, places: NDArray[np.uint32]) -> Column:
    return Column(column.codes[places], column.values)


class Reading:
    """Reads what is known of the spans of batches."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._dimensions = Dimensions(config.dimensions, OF_SPANS)
        several = (*config.dimensions, *config.calls_dimensions, *config.histogram.dimensions)
        self._paths = [*_PATHS, *Dimensions(several, OF_SPANS).paths]
        self._resources = Resources(
            config.resource_metrics_key_attributes, config.resource_metrics_cache_size
        )

    def of(self, batch: Batch) -> Counted:
        """The spans of a batch, of which those count whose service has a name."""
        items = Items(batch, of.KINDS["spans"])
        items.read(self._paths)
        weights, method = stands_for(items.column("span.trace_state"))
        shared = of_spans(items) | self._dimensions.of(items)
        shared |= of_scopes(items, self._config.include_instrumentation_scope)
        if self._config.enable_metrics_sampling_method:
            shared["sampling.method"] = method
        for name in self._config.exclude_dimensions:
            shared.pop(name, None)
        durations = np.maximum(batch.numbers("span.duration"), 0)
        return Counted(
            batch=batch,
            came=time.time_ns(),
            items=items,
            where=has_name(of_services(items)),
            resources=self._resources.of(items) if self._config.add_resource_attributes else None,
            shared=shared,
            durations=durations / self._config.histogram.nanos,
            ends="span.end_time_unix_nano",
            weights=weights,
        )


class Resources:
    """Resources that are the same by some of their attributes: the first one stands for all."""

    def __init__(self, keys: Collection[str], limit: int) -> None:
        """`limit` is how many are remembered; the one longest unseen goes first."""
        self._keys = sorted(keys)
        self._limit = limit
        self._known: OrderedDict[str, dict[str, Any]] = OrderedDict()

    def of(self, items: Items) -> Column:
        """The attributes of what stands for each item's resource."""
        column = items.resources
        return column.map(self._first) if self._keys else column

    def _first(self, attributes: dict[str, Any]) -> dict[str, Any]:
        identity = repr([attributes.get(key) for key in self._keys])
        first = self._known.setdefault(identity, attributes)
        self._known.move_to_end(identity)
        if len(self._known) > self._limit:
            self._known.popitem(last=False)
        return first


def of_scopes(items: Items, wanted: Collection[str]) -> dict[str, Column]:
    """Name and version of the scopes that are wanted, of each item."""
    names = [name for name in wanted if name]
    if not names:
        return {}
    scopes = items.column("scope.name")
    there = scopes.isin(names)
    versions = items.column("scope.version").map(lambda version: version or None)
    return {
        "span.instrumentation.scope.name": _where(scopes, there),
        "span.instrumentation.scope.version": _where(versions, there),
    }


def _where(column: Column, there: Mask) -> Column:
    codes = np.where(there, column.codes, np.uint32(len(column.values)))
    return Column(codes, [*column.values, None])


def stands_for(states: Column) -> tuple[NDArray[np.float64] | None, Column]:
    """How many spans each stands for, by its trace state, if any for more than itself; and whether
    a sampler said so, as the Collector tells it.

    https://opentelemetry.io/docs/specs/otel/trace/tracestate-probability-sampling/
    """
    told = [_adjusted_count(state) for state in states.values]
    method = Column(states.codes, ["counted" if n is None else "extrapolated" for n in told])
    if not any(told):
        return None, method
    return np.array([n or 1.0 for n in told])[states.codes], method


def _adjusted_count(state: str | None) -> float | None:
    if not state or "ot=" not in state:
        return None
    parsed = TraceState.parse(state)
    rejected = None if parsed.faulty else threshold(parsed.th)
    return None if rejected is None else ALL / (ALL - rejected)
