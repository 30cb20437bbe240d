"""Arithmetic of data points, against what the protobuf library and plain Python say."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality, DataPointFlags

from penstock.pipeline import Batch, points
from tests.kernel.messages import payloads
from tests.kernel.test_series import series

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from penstock.pipeline.points import Combination

DELTA = AggregationTemporality.AGGREGATION_TEMPORALITY_DELTA
CUMULATIVE = AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE
NO_VALUE = DataPointFlags.DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK

ORACLES: dict[Combination, Callable[[list[Any]], Any]] = {
    "sum": sum,
    "mean": statistics.fmean,
    "min": min,
    "max": max,
    "median": statistics.median,
    "count": len,
}

numbers = st.one_of(
    st.integers(-(2**40), 2**40), st.floats(-1e9, 1e9, allow_subnormal=False).map(lambda x: x + 0.0)
)


def everywhere(batch: Batch) -> Any:
    return np.ones(len(batch), dtype=np.bool_)


def batch_of(request: ExportMetricsServiceRequest) -> Batch:
    return Batch.from_otlp("metrics", request.SerializeToString())


def request_of(batch: Batch) -> ExportMetricsServiceRequest:
    return ExportMetricsServiceRequest.FromString(batch.to_otlp())


def metrics_of(batch: Batch) -> list[Any]:
    return [
        metric
        for resource in request_of(batch).resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    ]


def sums(
    values: Iterable[tuple[str, int, int, float]],
    temporality: AggregationTemporality.ValueType = CUMULATIVE,
) -> Batch:
    """Points of (label, start, time, value)."""
    request = ExportMetricsServiceRequest()
    metric = request.resource_metrics.add().scope_metrics.add().metrics.add(name="requests")
    metric.sum.aggregation_temporality = temporality
    metric.sum.is_monotonic = True
    for label, start, time, value in values:
        point = metric.sum.data_points.add(start_time_unix_nano=start, time_unix_nano=time)
        point.attributes.add(key="label").value.string_value = label
        if isinstance(value, int):
            point.as_int = value
        else:
            point.as_double = value
    return batch_of(request)


def rows(batch: Batch | None) -> str:
    """All that there is, as a text: what is not a number is not equal to itself."""
    return repr(batch.rows() if batch else [])


def value_of(point: Any) -> Any:
    return getattr(point, point.WhichOneof("value"))


@given(
    how=st.sampled_from(list(ORACLES)),
    temporality=st.sampled_from([CUMULATIVE, DELTA]),
    values=st.lists(
        st.tuples(st.sampled_from("ab"), st.integers(1, 2), st.integers(3, 4), numbers), min_size=1
    ),
)
def test_points_of_one_series_and_time_become_one(
    how: Combination,
    temporality: AggregationTemporality.ValueType,
    values: list[tuple[str, int, int, float]],
) -> None:
    groups: dict[Any, list[tuple[str, int, int, float]]] = defaultdict(list)
    for value in values:
        label, start, time, _ = value
        groups[label, time, start if temporality == DELTA else 0].append(value)
    batch = sums(values, temporality)
    combined, kept = points.combine(batch, how, everywhere(batch))
    (metric,) = metrics_of(combined)
    assert len(combined) == len(groups) == kept.sum()
    for point, group in zip(metric.sum.data_points, groups.values(), strict=True):
        assert point.attributes[0].value.string_value == group[0][0]
        assert point.time_unix_nano == group[0][2]
        assert point.start_time_unix_nano == min(start for _, start, _, _ in group)
        expected = ORACLES[how]([value for _, _, _, value in group])
        assert math.isclose(value_of(point), expected, rel_tol=1e-9, abs_tol=1e-3)


@given(payload=payloads("metrics"), how=st.sampled_from(list(ORACLES)), seed=st.integers(0, 2**32))
def test_whatever_the_points_are_as_many_are_left_as_there_are_series_and_times(
    payload: bytes, how: Combination, seed: int
) -> None:
    batch = Batch.from_otlp("metrics", payload)
    mask = np.random.default_rng(seed).random(len(batch)) < 0.5
    keys, chosen = [], series(ExportMetricsServiceRequest.FromString(payload))
    for of, time, start, wants in zip(
        chosen,
        batch.numbers("datapoint.time_unix_nano").tolist(),
        batch.numbers("datapoint.start_time_unix_nano").tolist(),
        mask.tolist(),
        strict=True,
    ):
        if wants:
            keys.append((of, time, start if of[5][0] == DELTA else 0))
    combined, kept = points.combine(batch, how, mask)
    assert len(combined) == kept.sum() == len(batch) - len(keys) + len(set(keys))
    rest, untouched = batch.keep(~mask), combined.keep(~mask[kept])
    assert rows(rest) == rows(untouched)


def test_integers_that_overflow_become_a_double_and_points_without_a_value_do_not_count() -> None:
    big = 2**63 - 1
    batch = sums([("a", 1, 2, big), ("a", 1, 2, 1), ("a", 1, 2, 5)])
    batch = batch.set("datapoint.flags", NO_VALUE, np.array([False, False, True]))
    combined, _ = points.combine(batch, "sum", everywhere(batch))
    (metric,) = metrics_of(combined)
    assert value_of(metric.sum.data_points[0]) == float(big) + 1
    assert metric.sum.data_points[0].flags == 0
    gone = batch.set("datapoint.flags", NO_VALUE)
    (metric,) = metrics_of(points.combine(gone, "sum", everywhere(gone))[0])
    assert metric.sum.data_points[0].flags == NO_VALUE


def histograms() -> ExportMetricsServiceRequest:
    request = ExportMetricsServiceRequest()
    metric = request.resource_metrics.add().scope_metrics.add().metrics.add(name="latency")
    metric.histogram.aggregation_temporality = CUMULATIVE
    for bounds, counts in (([1.0, 2.0], [1, 2, 3]), ([1.0, 4.0], [4, 5, 6])):
        point = metric.histogram.data_points.add(time_unix_nano=1, count=sum(counts), sum=2.5)
        point.explicit_bounds.extend(bounds)
        point.bucket_counts.extend(counts)
        point.min, point.max = 0.5, 3.0
        point.exemplars.add(as_double=1.5)
        point.exemplars.add(as_int=3)
    return request


@pytest.mark.parametrize("how", ORACLES)
def test_histograms_are_added_up_with_their_exemplars(how: Combination) -> None:
    batch = batch_of(histograms())
    (metric,) = metrics_of(points.combine(batch, how, everywhere(batch))[0])
    (point,) = metric.histogram.data_points
    assert (point.count, point.sum, point.min, point.max) == (21, 5.0, 0.5, 3.0)
    assert (list(point.explicit_bounds), list(point.bucket_counts)) == ([1.0], [5, 16])
    assert [value_of(exemplar) for exemplar in point.exemplars] == [1.5, 3, 1.5, 3]


def test_a_histogram_is_scaled_with_its_bounds_and_exemplars() -> None:
    batch = batch_of(histograms())
    where = np.array([True, False])
    (metric,) = metrics_of(points.scale(batch, 1000.0, where))
    scaled, other = metric.histogram.data_points
    assert (scaled.count, scaled.sum, scaled.min, scaled.max) == (6, 2500.0, 500.0, 3000.0)
    assert (list(scaled.explicit_bounds), list(scaled.bucket_counts)) == ([1e3, 2e3], [1, 2, 3])
    assert [value_of(exemplar) for exemplar in scaled.exemplars] == [1500.0, 3000]
    assert (
        other
        == histograms().resource_metrics[0].scope_metrics[0].metrics[0].histogram.data_points[1]
    )


@pytest.mark.parametrize(
    ("scale", "factor", "moved"),
    [
        (0, 2.0, 1),
        (0, 0.25, -2),
        (3, 2.0, 8),
        (-1, 4.0, 1),
        (0, 1.0, 0),
        (-11, 2.0, 0),
        (20, 2.0, 2**20),
    ],
)
def test_buckets_of_exponential_histograms_move(scale: int, factor: float, moved: int) -> None:
    request = ExportMetricsServiceRequest()
    metric = request.resource_metrics.add().scope_metrics.add().metrics.add(name="latency")
    point = metric.exponential_histogram.data_points.add(scale=scale, count=3, zero_threshold=0.5)
    point.positive.offset = 5
    point.positive.bucket_counts.extend([1, 2])
    batch = batch_of(request)
    (metric,) = metrics_of(points.scale(batch, factor, everywhere(batch)))
    (found,) = metric.exponential_histogram.data_points
    assert (found.positive.offset, list(found.positive.bucket_counts)) == (5 + moved, [1, 2])
    assert not found.negative.bucket_counts
    assert (found.scale, found.zero_threshold) == (scale, 0.5 * factor)


@pytest.mark.parametrize(
    ("value", "factor", "scaled"),
    [(3, 1000.0, 3000), (1500, 0.001, 1.5), (1.5, 2.0, 3.0), (2**62, 4.0, 2.0**64), (-3, 2.0, -6)],
)
def test_integers_stay_integers_if_the_factor_is_one(
    value: float, factor: float, scaled: float
) -> None:
    batch = sums([("a", 0, 1, value)])
    (metric,) = metrics_of(points.scale(batch, factor, everywhere(batch)))
    found = value_of(metric.sum.data_points[0])
    assert (found, type(found)) == (scaled, type(scaled))


def test_summaries_are_scaled_with_their_quantiles() -> None:
    request = ExportMetricsServiceRequest()
    metric = request.resource_metrics.add().scope_metrics.add().metrics.add(name="latency")
    point = metric.summary.data_points.add(count=2, sum=3.0)
    point.quantile_values.add(quantile=0.5, value=1.5)
    (metric,) = metrics_of(points.scale(batch_of(request), 2.0, np.array([True])))
    (point,) = metric.summary.data_points
    assert (point.count, point.sum, point.quantile_values[0].value) == (2, 6.0, 3.0)
    assert point.quantile_values[0].quantile == 0.5


def test_values_are_set_and_types_toggled_only_where_the_mask_is_true() -> None:
    batch = sums([("a", 0, 1, 1), ("b", 0, 1, -2.75), ("c", 0, 1, 3)])
    toggled = points.toggle(batch, np.array([True, True, False]))
    found = [value_of(point) for point in metrics_of(toggled)[0].sum.data_points]
    assert [(value, type(value)) for value in found] == [(1.0, float), (-2, int), (3, int)]
    done = points.set_values(batch, np.array([0.5, 1.5, 2.5]), np.array([True, False, True]))
    assert [value_of(p) for p in metrics_of(done)[0].sum.data_points] == [0.5, -2.75, 2.5]


@given(payload=payloads("metrics"))
def test_sums_become_gauges_with_the_same_points(payload: bytes) -> None:
    batch = Batch.from_otlp("metrics", payload)
    made = points.as_gauges(batch, everywhere(batch))
    types = {"sum": "gauge"}
    expected = batch.rows()
    for row in expected:
        about = row["metric"]
        if about["type"] == "sum":
            about.pop("aggregation_temporality", None)
            about.pop("is_monotonic", None)
        about["type"] = types.get(about["type"], about["type"])
    assert rows(made) == repr(expected)
    assert rows(Batch.from_otlp("metrics", made.to_otlp())) == repr(expected)


def test_only_the_sums_that_are_meant_become_gauges() -> None:
    batch = Batch.concat([sums([("a", 1, 2, 1), ("b", 1, 2, 2)]), sums([("a", 1, 2, 3)])])
    made = points.as_gauges(batch, np.array([True, False, False]))
    assert batch.column("metric.type").to_list() == [2, 2, 2]
    assert made.column("metric.type").to_list() == [1, 1, 2]
    assert made.column("datapoint.value").to_list() == [1, 2, 3]
    assert metrics_of(made)[0].WhichOneof("data") == "gauge"


def test_parents_are_numbered_through_all_requests() -> None:
    batch = Batch.concat([sums([("a", 1, 2, 1), ("b", 1, 2, 2)]), sums([("a", 1, 2, 3)])])
    assert batch.parents("resource").tolist() == batch.parents("metric").tolist() == [0, 0, 1]
    with pytest.raises(ValueError, match="nothing of metrics is in a datapoint"):
        batch.parents("datapoint")
