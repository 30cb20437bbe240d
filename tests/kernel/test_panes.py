"""What is added up by key and pane, against a plain loop over the same events."""

from __future__ import annotations

import math
from collections import Counter
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.pipeline import Batch, Column
from penstock.pipeline.panes import Keys, Metric, Panes
from tests.kernel.events import (
    EVENTS,
    NOW,
    Event,
    add,
    add_in_pieces,
    by_name,
    column,
    expected,
    grouped,
    keys,
)

if TYPE_CHECKING:
    from random import Random

RANGE = st.tuples(st.sampled_from([-20, 0, 5, 10]), st.sampled_from([0, 10, 15, 30]))
BOUNDS = [-1.0, 0.0, 0.5, 100.0]


@given(EVENTS, RANGE, st.integers(1, 20), st.randoms())
def test_classes_are_counted_in_whatever_order_and_batches_items_come(
    events: list[Event], between: tuple[int, int], size: int, random: Random
) -> None:
    panes = Panes({"counts": 3}, limit=100)
    groups = grouped(events, *between)
    random.shuffle(events)
    add_in_pieces(panes, events, size)
    result = panes.merged(*between)
    found = by_name(result, map(tuple, result.counts().tolist()))
    kinds = expected(groups, lambda group: Counter(event.kind for event in group))
    assert found == {name: tuple(kinds[name][kind] for kind in range(3)) for name in kinds}


@given(EVENTS, RANGE, st.integers(1, 20))
def test_numbers_come_to_count_sum_extremes_and_the_last(
    events: list[Event], between: tuple[int, int], size: int
) -> None:
    panes = Panes({"numbers": {}}, limit=100)
    add_in_pieces(panes, events, size)
    result = panes.merged(*between)
    groups = grouped(events, *between)
    values = expected(groups, lambda group: [event.value for event in group])
    lasts = expected(groups, lambda group: max((event.time, event.value) for event in group)[1])
    assert by_name(result, result.counts()) == {name: len(those) for name, those in values.items()}
    assert by_name(result, result.min()) == {name: min(those) for name, those in values.items()}
    assert by_name(result, result.max()) == {name: max(those) for name, those in values.items()}
    assert by_name(result, result.last()) == lasts
    for name, total in by_name(result, result.sum()).items():
        assert _is_sum(total, values[name])


def _is_sum(total: float, values: list[float]) -> bool:
    """Whether that is what values come to, as far as doubles can tell: it stays a number."""
    exact = sum(map(Fraction, values), Fraction())
    room = sum((abs(Fraction(value)) for value in values), Fraction()) / 2**40
    return math.isfinite(total) and (room > 2**980 or abs(Fraction(total) - exact) <= room)


def test_sums_of_integers_are_exact() -> None:
    panes = Panes({"numbers": {}}, limit=1)
    values = np.array([2.0**52, 1.0, 2.0**52 - 3, 1.0])
    panes.add(Keys(4, {}), now=NOW, values=values)
    assert panes.merged().sum().tolist() == [2.0**53 - 1]


@given(EVENTS, st.integers(1, 20))
def test_histograms_have_what_is_not_over_a_bound_in_its_bucket(
    events: list[Event], size: int
) -> None:
    panes = Panes({"histogram": BOUNDS}, limit=100)
    add_in_pieces(panes, events, size)
    result = panes.merged()

    def buckets(group: list[Event]) -> list[int]:
        edges = [-math.inf, *BOUNDS, math.inf]
        inside = [[low < event.value <= high for event in group] for low, high in pairwise(edges)]
        return [sum(those) for those in inside]

    assert by_name(result, result.buckets().tolist()) == expected(
        grouped(events, -100, 100), buckets
    )


@given(EVENTS, st.integers(2, 9), st.integers(1, 20), st.randoms())
def test_exponential_histograms_are_those_of_all_values_in_whatever_order(
    events: list[Event], max_size: int, size: int, random: Random
) -> None:
    shape = {"exponential": {"max_size": max_size}}
    one, other = Panes(shape, limit=100), Panes(shape, limit=100)
    add(one, [event._replace(pane=0) for event in events])
    random.shuffle(events)
    add_in_pieces(other, events, size)
    found = _points(one), _points(other)
    for name in found[0]:
        histogram, merged = found[0][name], found[1][name]
        histogram.pop("sum"), merged.pop("sum")
        assert histogram == merged
        _holds(histogram, expected(grouped(events, -100, 100), list)[name], max_size)
    assert found[0].keys() == found[1].keys()


def _points(panes: Panes) -> dict[Any, dict[str, Any]]:
    wanted = ("count", "sum", "min", "max", "scale", "zero_count", "positive", "negative")
    return {
        tuple(sorted((key, repr(value)) for key, value in row.get("attributes", {}).items())): {
            field: row.get(field) for field in wanted
        }
        for row in written(panes)
    }


def _holds(histogram: dict[str, Any], events: list[Event], max_size: int) -> None:
    values = [event.value for event in events]
    assert histogram["count"] == len(values)
    assert (histogram["min"], histogram["max"]) == (min(values), max(values))
    assert (histogram["zero_count"] or 0) == sum(value == 0 for value in values)
    for sign, buckets in (1, histogram["positive"]), (-1, histogram["negative"]):
        there = [value for value in values if value * sign > 0]
        counts = (buckets or {}).get("bucket_counts", [])
        assert sum(counts) == len(there)
        assert len(counts) <= max_size


def test_keys_over_the_limit_are_one_key_and_told_of() -> None:
    panes = Panes({"counts": 1}, limit=2)
    tenants = {"tenant": column(["a", "b", "c", "d", "a", "c"])}
    assert panes.add(Keys(6, tenants), now=NOW) == (3, 0)
    result = panes.merged()
    assert by_name(result, result.counts()[:, 0]) == {
        (("tenant", "'a'"),): 2,
        (("tenant", "'b'"),): 1,
        (("otel.metric.overflow", "True"),): 3,
    }
    assert panes.size()[0] == 3


def test_keys_that_are_too_long_count_as_too_many() -> None:
    panes = Panes({"counts": 1}, limit=10)
    tenants = {"tenant": column(["a" * 20_000, "b"])}
    assert panes.add(Keys(2, tenants), now=NOW) == (1, 0)


def test_what_the_mask_leaves_out_makes_no_key() -> None:
    panes = Panes({"counts": 1}, limit=10)
    by = keys([Event("a", 1, 0, 0, 0.0), Event("b", 2, 0, 0, 0.0)])
    panes.add(by, now=NOW, where=np.array([False, True]))
    assert panes.merged().labels() == [{"service": "b", "tenant": 2}]


@pytest.mark.parametrize("shape", ["numbers", "histogram", "exponential", "sketch"])
def test_numbers_that_are_none_cannot_be_used(shape: str) -> None:
    terms = {
        "numbers": {},
        "histogram": [1.0],
        "exponential": {"max_size": 4},
        "sketch": {"scale": 6, "max_buckets": 10},
    }
    panes = Panes({shape: terms[shape]}, limit=10)
    values = np.array([math.nan, math.inf, -math.inf, 1.0])
    assert panes.add(Keys(4, {}), now=NOW, values=values) == (0, 3)
    assert panes.merged().counts().tolist() == [1]


def test_classes_that_there_are_not_cannot_be_used() -> None:
    panes = Panes({"counts": 3}, limit=10)
    classes = np.array([0, 3, 255, 2], dtype=np.uint8)
    assert panes.add(Keys(4, {}), now=NOW, classes=classes) == (0, 2)
    assert panes.merged().counts().tolist() == [[1, 0, 1]]


def test_weights_count_as_so_many_and_right_on_the_average() -> None:
    panes = Panes({"counts": 1}, limit=10)
    weights = np.tile([2.5, 0.25, 3.0, 1 / 3], 3000)
    panes.add(Keys(len(weights), {}), now=NOW, weights=weights)
    total = panes.merged().counts()[0, 0]
    assert total == pytest.approx(weights.sum(), rel=1e-3)
    bad = np.array([-1.0, math.nan, 1e10, 0.0])
    assert panes.add(Keys(4, {}), now=NOW, weights=bad) == (0, 3)
    assert panes.merged().counts()[0, 0] == total


def test_what_counts_for_nothing_leaves_no_trace() -> None:
    panes = Panes({"numbers": {}}, limit=10)
    values, weights = np.array([7.0, 1.0]), np.array([0.0, 2.0])
    assert panes.add(Keys(2, {"k": column("ab")}), now=NOW, values=values, weights=weights) == (
        0,
        0,
    )
    assert panes.merged().labels() == [{"k": "b"}]
    assert panes.merged().sum().tolist() == [2]


def test_resources_tell_keys_apart_in_whatever_order_their_attributes_are() -> None:
    panes = Panes({"counts": 1}, limit=10)
    resources = [{"a": 1, "b": 2}, {"b": 2, "a": 1}, {"a": 1}, {}]
    panes.add(Keys(4, {"x": column("1111")}, column(resources)), now=NOW)
    result = panes.merged()
    assert result.resources() == [{"a": 1, "b": 2}, {"a": 1}, {}]
    assert result.counts().tolist() == [[2], [1], [1]]


def test_panes_are_dropped_and_keys_without_panes_go() -> None:
    panes = Panes({"counts": 1}, limit=10)
    add(panes, [Event("a", 1, 0, 0, 0.0), Event("b", 1, 0, 0, 0.0), Event("b", 1, 10, 0, 0.0)])
    assert panes.starts() == [0, 10]
    assert panes.drop(10) == 1
    assert panes.starts() == [10]
    assert panes.merged().labels() == [{"service": "b", "tenant": 1}]
    assert panes.drop(11) == 1
    assert panes.size()[0] == 0


def test_idle_keys_are_forgotten() -> None:
    panes = Panes({"counts": 1}, limit=10)
    second = 1_000_000_000
    for at, tenant in enumerate("abca"):
        panes.add(Keys(1, {"tenant": column(tenant)}), now=NOW + at * second)
    assert panes.expire(NOW + 2 * second) == 1
    assert panes.merged().labels() == [{"tenant": "a"}, {"tenant": "c"}]


def test_keys_stay_for_as_long_as_something_comes_to_their_resource() -> None:
    panes = Panes({"counts": 1}, limit=10)
    second = 1_000_000_000
    for at, (host, tenant) in enumerate([("a", "a"), ("b", "b"), ("a", "c"), ("b", "b")]):
        keys = Keys(1, {"tenant": column(tenant)}, column([{"host": host}]))
        panes.add(keys, now=NOW + at * second)
    panes.add(Keys(1, {"tenant": column("n")}), now=NOW + 5 * second)
    assert panes.expire_resources(NOW + 3 * second) == 2
    assert panes.merged().labels() == [{"tenant": "b"}, {"tenant": "n"}]
    assert panes.expire_resources(NOW + 4 * second) == 1
    assert panes.size()[0] == 1


def test_columns_that_lack_or_do_not_fit_are_refused() -> None:
    panes = Panes({"numbers": {}}, limit=10)
    with pytest.raises(ValueError, match="expected 2 values, found 0"):
        panes.add(Keys(2, {}), now=NOW)
    with pytest.raises(ValueError, match="expected 2 values, found 3"):
        panes.add(Keys(2, {}), now=NOW, values=np.zeros(3))
    with pytest.raises(ValueError, match="expected 2 codes, found 1"):
        Keys(2, {"a": column("a")})
    with pytest.raises(ValueError, match="a code has no value"):
        Keys(1, {"a": Column(np.array([1], dtype=np.uint32), ["a"])})
    with pytest.raises(ValueError, match="no distinct"):
        panes.merged().distinct()


@pytest.mark.parametrize(
    "shape",
    [
        {},
        {"counts": 0},
        {"counts": 9},
        {"histogram": [1.0, 1.0]},
        {"histogram": [2.0, 1.0]},
        {"exponential": {"max_size": 1}},
        {"sketch": {"scale": 13, "max_buckets": 10}},
        {"distinct": {"precision": 3}},
        {"busy": {"max_intervals": 0, "pane": 0}},
        {"busy": {"max_intervals": 1, "pane": -1}},
        {"medians": {}},
    ],
)
def test_shapes_that_make_no_sense_are_refused(shape: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        Panes(shape, limit=1)


def test_keys_are_told_apart_by_many_columns_at_once() -> None:
    random = np.random.default_rng(1)
    columns = {f"c{i}": column(random.integers(0, 9, 300).tolist()) for i in range(5)}
    combined = Keys(300, columns)
    rows = list(zip(*(those.to_list() for those in columns.values()), strict=True))
    assert len(set(combined.hashes.tolist())) == len(set(rows))
    assert len(set(zip(combined.hashes.tolist(), rows, strict=True))) == len(set(rows))
    few = Keys(
        300,
        {
            name: Column.of_runs((value, 1) for value in those.to_list())
            for name, those in columns.items()
        },
    )
    assert len(few) == len(set(rows))
    assert len(set(zip(few.codes.tolist(), rows, strict=True))) == len(set(rows))


def test_results_of_equal_keys_can_be_joined() -> None:
    one, other = Panes({"counts": 1}, limit=10), Panes({"numbers": {}}, limit=10)
    one.add(Keys(2, {"a": column("xy")}), now=NOW)
    other.add(Keys(2, {"a": column("yz")}), now=NOW, values=np.array([1.0, 2.0]))
    shared = np.intersect1d(one.merged().ids(), other.merged().ids(), return_indices=True)
    assert [one.merged().labels()[at] for at in shared[1]] == [{"a": "y"}]
    assert [other.merged().labels()[at] for at in shared[2]] == [{"a": "y"}]


def spans(count: int) -> Batch:
    text = ", ".join(
        f'{{"traceId": "{at:032x}", "spanId": "{at:016x}", "name": "s"}}' for at in range(1, count)
    )
    body = f'{{"resourceSpans": [{{"scopeSpans": [{{"spans": [{text}, {{"name": "none"}}]}}]}}]}}'
    return Batch.from_json("traces", body.encode())


def test_exemplars_are_of_some_items_and_told_of_once() -> None:
    panes = Panes({"histogram": [1.0]}, limit=10, exemplars=2)
    panes.add(
        Keys(4, {}),
        now=NOW,
        where=np.array([False, True, True, True]),
        values=np.array([5.0, 0.5, 0.25, 0.125]),
        times=np.array([9, 8, 7, 6]),
        exemplars=spans(4),
    )
    [point] = written(panes)
    assert [(e["span_id"], e["as_double"], e["time_unix_nano"]) for e in point["exemplars"]] == [
        (f"{2:016x}", 0.5, 8),
        (f"{3:016x}", 0.25, 7),
    ]
    assert point["exemplars"][0]["trace_id"] == f"{2:032x}"
    assert "exemplars" not in written(panes)[0]


def written(panes: Panes, **more: Any) -> list[dict[str, Any]]:
    """The points that are written of panes."""
    batch = panes.write(Metric(name="m", scope="s", version="1", unit="By"), time=9, **more)
    return [] if batch is None else batch.rows()


def test_counts_are_written_as_sums_under_their_resources() -> None:
    panes = Panes({"counts": 2}, limit=10)
    resources = column([{"r": 1}, {"r": 2}, {"r": 1}])
    classes = np.array([0, 1, 1], dtype=np.uint8)
    panes.add(Keys(3, {"k": column("aab")}, resources), now=NOW, classes=classes)
    batch = panes.write(Metric(name="m", cumulative=True), time=9, attributes={"more": True})
    assert batch is not None
    rows = batch.rows()
    assert [row["resource"]["attributes"] for row in rows] == [{"r": 1}, {"r": 1}, {"r": 2}]
    assert [row["attributes"]["k"] for row in rows] == ["a", "b", "a"]
    assert [row["as_int"] for row in rows] == [1, 1, 1]
    assert all(row["attributes"]["more"] is True for row in rows)
    assert [row["as_int"] for row in written(panes, value=1)] == [0, 1, 1]
    assert batch.column("metric.aggregation_temporality").values == [2]
    assert batch.column("metric.is_monotonic").values == [True]
    assert batch.numbers("datapoint.start_time_unix_nano").tolist() == [NOW] * 3


def test_numbers_are_written_as_sums_or_gauges() -> None:
    panes = Panes({"numbers": {}}, limit=10)
    panes.add(Keys(2, {}), now=NOW, values=np.array([1.0, 4.0]), times=np.array([2, 1]))
    found = {
        value: written(panes, value=value, start_time=3)[0]
        for value in ("count", "sum", "min", "max", "mean", "last")
    }
    assert found["count"]["as_int"] == 2
    numbers = {value: point.get("as_double") for value, point in found.items()}
    assert numbers == {"count": None, "sum": 5, "min": 1, "max": 4, "mean": 2.5, "last": 1}
    batch = panes.write(Metric(name="m"), time=9, value="mean")
    assert batch is not None
    assert batch.column("metric.type").values == [1]
    with pytest.raises(ValueError, match="median"):
        written(panes, value="median")


def test_histograms_are_written_with_their_buckets() -> None:
    panes = Panes({"histogram": [1.0, 2.0]}, limit=10)
    panes.add(Keys(3, {}), now=NOW, values=np.array([1.0, 1.5, 9.0]))
    [point] = written(panes)
    assert (point["count"], point["sum"], point["min"], point["max"]) == (3, 11.5, 1, 9)
    assert (point["bucket_counts"], point["explicit_bounds"]) == ([1, 1, 1], [1, 2])


def test_nothing_is_written_of_nothing() -> None:
    panes = Panes({"counts": 1}, limit=10)
    assert written(panes) == []
    panes.add(Keys(1, {}), now=NOW, panes=10)
    assert written(panes, last=10) == []
    assert len(written(panes, first=10)) == 1


def test_computed_values_become_gauges_of_their_keys() -> None:
    panes = Panes({"counts": 1}, limit=10)
    resource = column([{"r": 1}, {"r": 1}, {"r": 1}])
    panes.add(Keys(3, {"k": column("abc")}, resource), now=NOW)
    values = np.array([0.5, np.nan, 2.0])
    batch = panes.merged().gauges(Metric(name="m"), values, time=9, attributes={"w": "5m"})
    assert batch is not None
    found = [(row["attributes"], row["as_double"]) for row in batch.rows()]
    assert found == [({"k": "a", "w": "5m"}, 0.5), ({"k": "c", "w": "5m"}, 2.0)]
    where = np.array([False, True, True])
    whole = panes.merged().gauges(Metric(name="m"), values, time=9, where=where, integers=True)
    assert whole is not None
    assert [row["as_int"] for row in whole.rows()] == [2]
    assert panes.merged().gauges(Metric(name="m"), values * np.nan, time=9) is None
