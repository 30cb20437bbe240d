"""Verbs on series, against what plain arithmetic says of random streams."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality

from penstock.pipeline import Batch
from penstock.pipeline.series import NEVER, Differences, Fold, Report, Totals

if TYPE_CHECKING:
    from collections.abc import Iterable

DELTA = AggregationTemporality.AGGREGATION_TEMPORALITY_DELTA
CUMULATIVE = AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE
BOUNDS = (1.0, 10.0)


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def sums(
    points: Iterable[tuple[str, int, float]],
    temporality: AggregationTemporality.ValueType,
    *,
    monotonic: bool = True,
) -> Batch:
    """Points of (source, time, value); all began at 1."""
    request = ExportMetricsServiceRequest()
    metric = request.resource_metrics.add().scope_metrics.add().metrics.add(name="requests")
    metric.sum.aggregation_temporality = temporality
    metric.sum.is_monotonic = monotonic
    for source, time, value in points:
        point = metric.sum.data_points.add(time_unix_nano=time, start_time_unix_nano=1)
        point.attributes.add(key="source").value.string_value = source
        if isinstance(value, int):
            point.as_int = value
        else:
            point.as_double = value
    return Batch.from_otlp("metrics", request.SerializeToString())


def histograms(
    points: Iterable[tuple[str, int, list[int]]], temporality: AggregationTemporality.ValueType
) -> Batch:
    """Points of (source, time, counts of buckets)."""
    request = ExportMetricsServiceRequest()
    metric = request.resource_metrics.add().scope_metrics.add().metrics.add(name="latency")
    metric.histogram.aggregation_temporality = temporality
    for source, time, counts in points:
        point = metric.histogram.data_points.add(time_unix_nano=time, count=sum(counts))
        point.attributes.add(key="source").value.string_value = source
        point.bucket_counts.extend(counts)
        point.explicit_bounds.extend(BOUNDS)
        point.sum = float(sum(counts))
    return Batch.from_otlp("metrics", request.SerializeToString())


def every(batch: Batch) -> Any:
    return np.ones(len(batch), dtype=bool)


def value(row: dict[str, Any]) -> Any:
    return row.get("as_int", row.get("as_double", row.get("bucket_counts")))


def values(batch: Batch | None) -> list[Any]:
    return [value(row) for row in batch.rows()] if batch else []


def folded(fold: Fold, batch: Batch) -> tuple[Batch | None, Report]:
    """What `fold` makes of points that lose what told them apart."""
    together = batch.set("datapoint.attributes", {"otel.metric.overflow": True})
    return fold.apply(together, batch.series_ids(), every(batch))


# A stream: batches of (source, what came to it, whether it began anew before).
streams = st.lists(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.integers(0, 1000), st.booleans()),
        min_size=1,
        max_size=4,
        unique_by=lambda event: event[0],
    ),
    min_size=1,
    max_size=8,
)


@given(stream=streams)
def test_totals_are_what_all_deltas_come_to(stream: list[list[tuple[str, int, bool]]]) -> None:
    totals, expected = Totals(10), defaultdict[str, int](int)
    for time, events in enumerate(stream, start=2):
        batch = sums([(source, time, gain) for source, gain, _ in events], DELTA)
        result, report = totals.apply(batch, every(batch))
        for source, gain, _ in events:
            expected[source] += gain
        assert values(result) == [expected[source] for source, *_ in events]
        assert report == Report()


def cumulative(
    stream: list[list[tuple[str, int, bool]]],
) -> tuple[list[list[tuple[str, int, int]]], list[int]]:
    """The points of a stream's sources, by batch, and what came to all of them up to each batch."""
    state, total = defaultdict[str, int](int), 0
    batches, came = [], []
    for time, events in enumerate(stream, start=2):
        points = []
        for source, gain, anew in events:
            # A source that came to less than before must have begun anew: nobody can see another.
            began_anew = anew and gain < state[source]
            state[source] = gain if began_anew else state[source] + gain
            total += gain
            points.append((source, time, state[source]))
        batches.append(points)
        came.append(total)
    return batches, came


@given(stream=streams)
def test_differences_come_to_what_came(stream: list[list[tuple[str, int, bool]]]) -> None:
    differences, total = Differences(10), 0
    batches, came = cumulative(stream)
    for points, expected in zip(batches, came, strict=True):
        batch = sums(points, CUMULATIVE)
        result, _ = differences.apply(batch, every(batch))
        total += sum(values(result))
        assert total == expected


@given(stream=streams)
def test_a_fold_of_totals_is_the_total_through_resets(
    stream: list[list[tuple[str, int, bool]]],
) -> None:
    fold = Fold(10)
    batches, came = cumulative(stream)
    for points, expected in zip(batches, came, strict=True):
        result, _ = folded(fold, sums(points, CUMULATIVE))
        assert values(result) == [expected]


@given(stream=streams)
def test_a_fold_of_deltas_is_their_sum(stream: list[list[tuple[str, int, bool]]]) -> None:
    fold = Fold(10)
    for time, events in enumerate(stream, start=2):
        result, _ = folded(fold, sums([(it, time, gain) for it, gain, _ in events], DELTA))
        assert values(result) == [sum(gain for _, gain, _ in events)]


clocks = st.fixed_dictionaries({source: st.integers(0, 5) for source in "abc"})
"""How far the clocks of sources are ahead."""


def monotone(batches: Iterable[Batch | None]) -> list[dict[str, Any]]:
    """The points of one series; each is newer than the one before."""
    rows = [row for batch in batches if batch for row in batch.rows()]
    times = [int(row["time_unix_nano"]) for row in rows]
    assert times == sorted(set(times))
    return rows


@given(stream=streams, clocks=clocks)
def test_deltas_of_sources_whose_clocks_differ_can_be_added_up(
    stream: list[list[tuple[str, int, bool]]], clocks: dict[str, int]
) -> None:
    fold = Fold(10)
    batches = [
        sums([(it, time + clocks[it], gain) for it, gain, _ in events], DELTA)
        for time, events in enumerate(stream, start=2)
    ]
    rows = monotone(folded(fold, batch)[0] for batch in batches)
    assert sum(map(value, rows)) == sum(gain for events in stream for _, gain, _ in events)
    for earlier, later in pairwise(rows):
        assert int(earlier["time_unix_nano"]) <= int(later["start_time_unix_nano"])


@given(stream=streams, clocks=clocks, monotonic=st.booleans())
def test_a_fold_is_newer_each_time_although_clocks_of_sources_differ(
    stream: list[list[tuple[str, int, bool]]], clocks: dict[str, int], *, monotonic: bool
) -> None:
    fold = Fold(10)
    batches = [
        sums([(it, time + clocks[it], time) for it, *_ in events], CUMULATIVE, monotonic=monotonic)
        for time, events in enumerate(stream, start=2)
    ]
    assert len(monotone(folded(fold, batch)[0] for batch in batches)) == len(batches)


@given(stream=streams)
def test_a_fold_of_histograms_has_every_observation_in_its_bucket(
    stream: list[list[tuple[str, int, bool]]],
) -> None:
    fold, state = Fold(10), defaultdict[str, Any](lambda: np.zeros(3, dtype=int))
    total = np.zeros(3, dtype=int)
    for time, events in enumerate(stream, start=2):
        points = []
        for source, gain, _ in events:
            came = np.array([gain % 7, gain % 11, gain % 13])
            state[source] = state[source] + came
            total = total + came
            points.append((source, time, state[source].tolist()))
        result, report = folded(fold, histograms(points, CUMULATIVE))
        assert values(result) == [total.tolist()]
        assert report == Report()


@given(stream=streams)
def test_a_fold_of_what_goes_up_and_down_is_the_sum_of_what_is(
    stream: list[list[tuple[str, int, bool]]],
) -> None:
    fold = Fold(10)
    state: dict[str, int] = {}
    for time, events in enumerate(stream, start=2):
        state |= {source: gain for source, gain, _ in events}
        points = [(source, time, gain) for source, gain, _ in events]
        result, _ = folded(fold, sums(points, CUMULATIVE, monotonic=False))
        assert values(result) == [sum(state.values())]


def test_a_point_that_is_not_newer_is_dropped_and_counted() -> None:
    totals = Totals(10)
    for time, expected in ((5, [3]), (5, []), (4, []), (6, [6])):
        batch = sums([("a", time, 3)], DELTA)
        result, report = totals.apply(batch, every(batch))
        assert values(result) == expected
        assert report == Report(late=not expected)


def test_no_more_series_are_kept_than_the_limit_and_the_rest_is_counted() -> None:
    totals = Totals(2)
    batch = sums([("a", 2, 1), ("b", 2, 1), ("c", 2, 1)], DELTA)
    result, report = totals.apply(batch, every(batch))
    assert values(result) == [1, 1]
    assert report == Report(full=1)
    assert len(totals) == 2


def test_what_is_no_number_cannot_spoil_a_total() -> None:
    totals = Totals(2)
    for time, came, expected in ((2, 1.5, [1.5]), (3, float("nan"), []), (4, 1.0, [2.5])):
        batch = sums([("a", time, came)], DELTA)
        result, report = totals.apply(batch, every(batch))
        assert values(result) == expected
        assert report == Report(unusable=not expected)


def test_first_points_stay_only_if_the_series_began_late_enough() -> None:
    batch = sums([("a", 5, 3)], CUMULATIVE)
    for since, expected in ((0, [3]), (1, [3]), (2, []), (NEVER, [])):
        result, _ = Differences(2).apply(batch, every(batch), since)
        assert values(result) == expected


def test_an_idle_series_leaves_and_begins_anew() -> None:
    clock = Clock()
    totals = Totals(10, ttl=60, clock=clock)
    results = []
    for seconds, time in ((0, 2), (59, 3), (200, 4)):
        clock.now = seconds
        batch = sums([("a", time, 1)], DELTA)
        results += values(totals.apply(batch, every(batch))[0])
    assert results == [1, 2, 1]


def test_a_forgotten_source_is_not_counted_twice() -> None:
    clock = Clock()
    fold = Fold(10, ttl=60, clock=clock)
    assert values(folded(fold, sums([("a", 2, 100)], CUMULATIVE))[0]) == [100]
    clock.now = 200
    folded(fold, sums([("b", 3, 1)], CUMULATIVE))
    result, report = folded(fold, sums([("a", 4, 107)], CUMULATIVE))
    assert result is None
    assert report == Report(unknown=1)
    assert values(folded(fold, sums([("a", 5, 110)], CUMULATIVE))[0]) == [3]


def test_a_source_that_is_gone_counts_no_more_in_what_goes_up_and_down() -> None:
    clock = Clock()
    fold = Fold(10, ttl=60, clock=clock)
    for seconds, points, expected in (
        (0, [("a", 2, 5), ("b", 2, 7)], 12),
        (50, [("b", 3, 8)], 13),
        (100, [("b", 4, 9)], 9),
    ):
        clock.now = seconds
        result, _ = folded(fold, sums(points, CUMULATIVE, monotonic=False))
        assert values(result) == [expected]


@pytest.mark.parametrize(("gauge", "expected"), [("last", 1), ("sum", 6), ("min", 1), ("max", 3)])
def test_gauges_fold_as_is_asked(gauge: Any, expected: int) -> None:
    request = ExportMetricsServiceRequest()
    metric = request.resource_metrics.add().scope_metrics.add().metrics.add(name="queue")
    for time, held in enumerate((3, 2, 1)):
        point = metric.gauge.data_points.add(time_unix_nano=time + 1, as_int=held)
        point.attributes.add(key="queue").value.int_value = time
    batch = Batch.from_otlp("metrics", request.SerializeToString())
    assert values(folded(Fold(10, gauge=gauge), batch)[0]) == [expected]


def test_histograms_of_other_bounds_are_folded_on_those_that_they_share() -> None:
    request = ExportMetricsServiceRequest()
    metric = request.resource_metrics.add().scope_metrics.add().metrics.add(name="latency")
    metric.histogram.aggregation_temporality = DELTA
    for bounds, counts in (([1, 2, 5], [1, 2, 3, 4]), ([2, 3, 5], [10, 20, 30, 40])):
        point = metric.histogram.data_points.add(count=sum(counts), time_unix_nano=2)
        point.bucket_counts.extend(counts)
        point.explicit_bounds.extend(bounds)
        point.attributes.add(key="bounds").value.string_value = str(bounds)
    batch = Batch.from_otlp("metrics", request.SerializeToString())
    result, _ = folded(Fold(10), batch)
    assert result is not None
    (row,) = result.rows()
    assert (row["explicit_bounds"], row["bucket_counts"]) == ([2.0, 5.0], [13, 53, 44])


def test_exponential_histograms_are_folded_at_the_coarser_scale() -> None:
    request = ExportMetricsServiceRequest()
    metric = request.resource_metrics.add().scope_metrics.add().metrics.add(name="latency")
    metric.exponential_histogram.aggregation_temporality = DELTA
    for scale, offset, counts in ((1, -2, [1, 2, 3, 4]), (0, 0, [10, 20])):
        point = metric.exponential_histogram.data_points.add(count=sum(counts), scale=scale)
        point.time_unix_nano = 2
        point.positive.offset = offset
        point.positive.bucket_counts.extend(counts)
        point.attributes.add(key="scale").value.int_value = scale
    batch = Batch.from_otlp("metrics", request.SerializeToString())
    result, _ = folded(Fold(10), batch)
    assert result is not None
    (row,) = result.rows()
    assert row["count"] == 40
    assert row["positive"] == {"offset": -1, "bucket_counts": [3, 17, 20]}
