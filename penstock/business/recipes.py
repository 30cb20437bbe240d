"""What each kind of indicator adds up of items, and the number that comes of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from penstock.business import kinds
from penstock.business.durations import Durations
from penstock.business.lengths import NANOS, nanoseconds
from penstock.business.options import SlidingWindow
from penstock.business.sources import SOURCES
from penstock.pipeline.panes import scale_for, value_hashes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from penstock.business.items import Items
    from penstock.business.options import Measured
    from penstock.ottl import Condition, Value
    from penstock.pipeline import Mask
    from penstock.pipeline.panes import Result

    Numbers = NDArray[np.float64]

MAX_BUCKETS = 4096
"""Buckets of a sketch: with an error of 1 %, numbers may differ by a factor of 10^19."""

MAX_INTERVALS = 256
"""Separate intervals of busy time that are kept of a pane and key."""


class Feed(NamedTuple):
    """What of a batch is added up: which items, their columns for `Panes.add`, how many were left
    out for which reason, and when they happened, if that is not the time of the item."""

    where: Mask
    columns: Mapping[str, Any] = {}
    left_out: Mapping[str, int] = {}
    times: NDArray[np.int64] | None = None


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a kind of indicator is made."""

    shape: Mapping[str, Any]
    feed: Callable[[Items, Mask], Feed]
    number: Callable[[Result, float], Numbers]
    """The number of each key, given what was added up in so many seconds."""
    any_of: tuple[Condition, ...] = ()
    """Conditions of which one must be true for an item to matter."""
    durations: Durations | None = None
    """What waits for its other event."""
    integers: bool = False
    """Whether its numbers are whole."""
    zero: bool = False
    """Whether nothing comes to 0, and not to no number."""
    histogram: bool = False
    """Whether it is no single number."""
    lasts: bool = False
    """Whether items last from their `times` on for `values`, and may have begun too long ago."""
    grows: bool | None = None
    """Without a window: whether it is a sum and only grows, or is a sum, or is none."""
    adds: Literal["count", "sum"] = "count"
    """What is told of a sum or a histogram that grows."""


def recipe(indicator: Measured, *, tracked: bool) -> Recipe:
    """How an indicator is made; `tracked` where its state is stored."""
    if isinstance(indicator, kinds.DurationBetween):
        return _between(indicator, tracked=tracked)
    made: Recipe = _RECIPES[type(indicator)](indicator)
    return made


def _value(indicator: Any) -> Value | None:
    if indicator.value is None:
        return None
    return SOURCES[indicator.source].value(indicator.value)


def _whole(items: Items, where: Mask) -> Feed:  # noqa: ARG001  (as every feed)
    return Feed(where)


def _numbers(value: Value | None, items: Items, where: Mask) -> Feed:
    return Feed(where, {"values": items.numbers(value)})


def _newest(value: Value | None, items: Items, where: Mask) -> Feed:
    return Feed(where, {"values": items.numbers(value), "times": items.times})


def _growing(value: Value | None, items: Items, where: Mask) -> Feed:
    """What can only grow takes no negative numbers."""
    values = items.numbers(value)
    negative = int(np.count_nonzero(where & (values < 0)))
    if not negative:
        return Feed(where, {"values": values})
    return Feed(where & ~(values < 0), {"values": values}, {"negative": negative})


def _counted(result: Result, _: float) -> Numbers:
    return result.counts()[:, 0].astype(np.float64)


def _count(_: kinds.Count) -> Recipe:
    return Recipe({"counts": 1}, _whole, _counted, integers=True, zero=True, grows=True)


def _sum(indicator: kinds.Sum) -> Recipe:
    grows = indicator.window is None and indicator.monotonic
    feed = partial(_growing if grows else _numbers, _value(indicator))
    return Recipe(
        {"numbers": {}},
        feed,
        lambda result, _: result.sum(),
        zero=True,
        grows=indicator.monotonic,
        adds="sum",
    )


def _rate(indicator: kinds.Rate) -> Recipe:
    per = indicator.per
    if indicator.value is None:
        return Recipe(
            {"counts": 1},
            _whole,
            lambda result, seconds: _counted(result, seconds) / seconds * per,
            zero=True,
        )
    feed = partial(_numbers, _value(indicator))
    return Recipe(
        {"numbers": {}}, feed, lambda result, seconds: result.sum() / seconds * per, zero=True
    )


def _average(indicator: kinds.Average) -> Recipe:
    feed = partial(_numbers, _value(indicator))
    return Recipe({"numbers": {}}, feed, lambda result, _: _mean(result))


def _mean(result: Result) -> Numbers:
    with np.errstate(all="ignore"):
        return result.sum() / result.counts()


_EXTREMES: Mapping[str, Callable[[Result], Numbers]] = {
    "min": lambda result: result.min(),
    "max": lambda result: result.max(),
    "last": lambda result: result.last(),
    "average": _mean,
}


def _extreme(indicator: kinds.Extreme) -> Recipe:
    number = _EXTREMES[indicator.kind]
    feed = partial(_newest if indicator.kind == "last" else _numbers, _value(indicator))
    return Recipe({"numbers": {}}, feed, lambda result, _: number(result))


def _sketch(error: float) -> Mapping[str, Any]:
    return {"sketch": {"scale": scale_for(error), "max_buckets": MAX_BUCKETS}}


def _quantile(indicator: kinds.Quantile) -> Recipe:
    share, feed = indicator.quantile, partial(_numbers, _value(indicator))
    return Recipe(_sketch(indicator.relative_error), feed, lambda result, _: result.quantile(share))


def _buckets(bounds: tuple[float, ...] | None, max_size: int) -> Mapping[str, Any]:
    return {"histogram": list(bounds)} if bounds else {"exponential": {"max_size": max_size}}


def _histogram(indicator: kinds.Histogram) -> Recipe:
    feed = partial(_numbers, _value(indicator))
    shape = _buckets(indicator.bounds, indicator.max_size)
    return Recipe(shape, feed, lambda result, _: _mean(result), histogram=True, grows=True)


def _distinct(indicator: kinds.Distinct) -> Recipe:
    value = _value(indicator)

    def feed(items: Items, where: Mask) -> Feed:
        column = items.column(value)
        hashes = {"hashes": value_hashes(column)}
        if None not in column.values:
            return Feed(where, hashes)
        absent = column.where(lambda it: it is None)
        return Feed(where & ~absent, hashes, {"no_value": int((where & absent).sum())})

    shape = {"distinct": {"precision": indicator.precision}}
    return Recipe(
        shape, feed, lambda result, _: result.distinct().astype(np.float64), integers=True
    )


def _ratio(indicator: kinds.Ratio | kinds.Slo) -> Recipe:
    good = SOURCES[indicator.source].condition(indicator.good)
    return Recipe({"counts": 2}, partial(_classed, good), lambda result, _: share(result))


def _classed(good: Condition, items: Items, where: Mask) -> Feed:
    """Class 1 for what is good, 0 for what is not."""
    return Feed(where, {"classes": items.mask(good).view(np.uint8)})


def share(result: Result) -> Numbers:
    """The share of class 1."""
    counts = result.counts()
    with np.errstate(all="ignore"):
        found: Numbers = counts[:, 1] / counts.sum(axis=1)
        return found


def _apdex(indicator: kinds.Apdex) -> Recipe:
    value = _value(indicator)

    def feed(items: Items, where: Mask) -> Feed:
        values = items.numbers(value)
        classes = (values <= indicator.satisfied).view(np.uint8) + (values <= indicator.tolerating)
        unreadable = np.isnan(values)
        if not unreadable.any():
            return Feed(where, {"classes": classes})
        left_out = {"not_a_number": int((where & unreadable).sum())}
        return Feed(where & ~unreadable, {"classes": classes}, left_out)

    def number(result: Result, _: float) -> Numbers:
        counts = result.counts()
        with np.errstate(all="ignore"):
            found: Numbers = (counts[:, 2] + counts[:, 1] / 2) / counts.sum(axis=1)
            return found

    return Recipe({"counts": 3}, feed, number)


def _utilisation(indicator: kinds.Utilisation) -> Recipe:
    window = indicator.window
    step = window.every if isinstance(window, SlidingWindow) else window
    assert isinstance(step, float)
    shape = {"busy": {"max_intervals": MAX_INTERVALS, "pane": nanoseconds(step)}}

    def feed(items: Items, where: Mask) -> Feed:
        seconds = np.where(items.begins > 0, (items.times - items.begins) / NANOS, np.nan)
        # Of a span that ends with a window, nothing is in the next one.
        return Feed(
            where & (seconds != 0),
            {"times": items.begins, "values": seconds},
            times=items.times - 1,
        )

    return Recipe(shape, feed, lambda result, seconds: result.busy() / seconds, lasts=True)


def begun(columns: Mapping[str, Any], since: int) -> Mapping[str, Any]:
    """Columns of items that last, without what was before a time."""
    before = np.maximum(since - columns["times"], 0)
    return {"times": columns["times"] + before, "values": columns["values"] - before / NANOS}


def _between(indicator: kinds.DurationBetween, *, tracked: bool) -> Recipe:
    source = SOURCES[indicator.source]
    begins, ends = source.condition(indicator.begins), source.condition(indicator.ends)
    durations = Durations(indicator, source.value(indicator.key), (begins, ends), tracked=tracked)

    def feed(items: Items, where: Mask) -> Feed:
        found = durations.found(items, where)
        return Feed(found.where, {"values": found.seconds}, found.left_out, found.times)

    if indicator.aggregate == "histogram":
        shape = _buckets(indicator.bounds, 160)
        return Recipe(
            shape, feed, lambda result, _: _mean(result), (begins, ends), durations, histogram=True
        )
    if indicator.quantile is not None:
        share, sketch = indicator.quantile, _sketch(indicator.relative_error)
        return Recipe(
            sketch, feed, lambda result, _: result.quantile(share), (begins, ends), durations
        )
    number = _EXTREMES[indicator.aggregate]
    return Recipe(
        {"numbers": {}}, feed, lambda result, _: number(result), (begins, ends), durations
    )


_RECIPES: Mapping[type[Measured], Callable[[Any], Recipe]] = {
    kinds.Count: _count,
    kinds.Sum: _sum,
    kinds.Rate: _rate,
    kinds.Average: _average,
    kinds.Extreme: _extreme,
    kinds.Quantile: _quantile,
    kinds.Histogram: _histogram,
    kinds.Distinct: _distinct,
    kinds.Ratio: _ratio,
    kinds.Slo: _ratio,
    kinds.Apdex: _apdex,
    kinds.Utilisation: _utilisation,
}
