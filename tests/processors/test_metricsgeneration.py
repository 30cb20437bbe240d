"""The metricsgeneration processor."""

from __future__ import annotations

import asyncio
import json
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from penstock.pipeline import Batch
from penstock.processors import _pairs
from penstock.processors.metricsgeneration import Config, MetricsGeneration
from tests.kit import context
from tests.processors.test_metricstransform import batch_of, found, metric

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.processors.test_metricstransform import Point


def subject(*rules: dict[str, Any], **options: Any) -> MetricsGeneration:
    async def build() -> MetricsGeneration:
        async with context("metricsgeneration", pipeline="metrics") as given:
            return Config.model_validate({"rules": rules, **options}).build(given)

    return asyncio.run(build())


def rule(operation: str = "divide", **more: Any) -> dict[str, Any]:
    least = {"name": "c", "type": "calculate", "metric1": "a", "metric2": "b"}
    return least | {"operation": operation} | more


def scaling(operation: str, **more: Any) -> dict[str, Any]:
    return {"name": "c", "type": "scale", "metric1": "a", "operation": operation} | more


@pytest.mark.parametrize(
    ("operation", "result"),
    [("add", 14.0), ("subtract", 6.0), ("multiply", 40.0), ("divide", 2.5), ("percent", 250.0)],
)
def test_a_metric_is_made_of_two(operation: str, result: float) -> None:
    batch = batch_of(metric("a", ({"k": "v"}, 10), unit="By"), metric("b", ({}, 4), ({}, 5.0)))
    done = subject(rule(operation, unit="1")).process(batch)
    assert found(done)["c"] == [({"k": "v"}, result)]
    assert done.rows()[-1]["metric"]["unit"] == "1"
    assert found(batch) == {name: points for name, points in found(done).items() if name != "c"}


def test_a_metric_is_made_of_one_and_a_number() -> None:
    done = subject(scaling("multiply", scale_by=1000)).process(
        batch_of(metric("a", ({}, 1.5), ({"k": "v"}, 2), kind="sum", description="of a"))
    )
    assert found(done)["c"] == [({}, 1500.0), ({"k": "v"}, 2000.0)]
    made = done.rows()[-1]["metric"]
    assert (made["type"], made["is_monotonic"]) == ("sum", True)
    assert "description" not in made


def test_what_is_calculated_has_the_type_of_the_first_and_may_fall() -> None:
    batch = batch_of(metric("a", ({}, 1), kind="sum"), metric("b", ({}, 2)))
    made = subject(rule("subtract")).process(batch).rows()[-1]["metric"]
    assert (made["type"], made.get("is_monotonic", False)) == ("sum", False)
    assert made["aggregation_temporality"] == 2
    gauge = subject(rule("add", metric1="b", metric2="a")).process(batch).rows()[-1]["metric"]
    assert gauge == {"name": "c", "type": "gauge"}


def test_nothing_is_made_where_there_is_no_result() -> None:
    zero = batch_of(metric("a", ({}, 1)), metric("b", ({}, 0)))
    assert "c" not in found(subject(rule("divide"), rule("percent")).process(zero))
    assert found(subject(rule("add")).process(zero))["c"] == [({}, 1.0)]
    histogram = {"name": "b", "histogram": {"dataPoints": [{"count": "1"}]}}
    assert "c" not in found(subject(rule()).process(batch_of(metric("a", ({}, 1)), histogram)))
    assert "c" not in found(subject(rule()).process(batch_of(metric("a", ({}, 1)))))
    assert "c" not in found(subject(rule()).process(batch_of(metric("b", ({}, 1)))))


def test_values_of_other_resources_do_not_count() -> None:
    one = batch_of(metric("a", ({}, 1)), metric("b", ({}, 2)))
    other = batch_of(metric("b", ({}, 10)), metric("a", ({}, 1)))
    lacking = batch_of(metric("a", ({}, 7)))
    done = subject(rule()).process(Batch.concat([one, other, lacking]))
    assert found(done)["c"] == [({}, 0.5), ({}, 0.1)]


def test_rules_see_what_came_in() -> None:
    chained = scaling("multiply", scale_by=2, name="d", metric1="c")
    assert "d" not in found(subject(rule("add"), chained).process(both([({}, 1)], [({}, 1)])))


def both(ones: Iterable[Point], others: Iterable[Point]) -> Batch:
    return batch_of(metric("a", *ones), metric("b", *others))


labels = st.dictionaries(st.sampled_from("xyz"), st.sampled_from("12"))
points_of = st.lists(st.tuples(labels, st.integers(1, 9)), min_size=1, max_size=6)


@given(ones=points_of, others=points_of)
def test_points_are_matched_by_the_attributes_that_both_have(
    ones: list[Point], others: list[Point]
) -> None:
    done = subject(rule("add"), match_attributes=True).process(both(ones, others))
    expected = [
        ({**one, **other}, float(value + partner))
        for (one, value), (other, partner) in product(ones, others)
        if all(one[key] == other[key] for key in one.keys() & other.keys())
    ]
    assert sorted(map(_plain, found(done).get("c", []))) == sorted(map(_plain, expected))


def _plain(point: Point) -> str:
    return json.dumps([sorted(point[0].items()), point[1]])


def test_too_many_pairs_are_not_made(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(_pairs, "MOST_PAIRS", 5)
    three: list[Point] = [({}, number) for number in range(3)]
    done = subject(rule("add"), match_attributes=True).process(both(three, three))
    assert "c" not in found(done)
    assert "more than 5 pairs of points agree" in caplog.text


def test_too_many_attributes_are_not_matched(caplog: pytest.LogCaptureFixture) -> None:
    many = [({f"k{number}": "v" for number in range(65)}, 1)]
    done = subject(rule("add"), match_attributes=True).process(both(many, many))
    assert "c" not in found(done)
    assert "more than 64 attributes in common" in caplog.text
    shapes = [({f"k{number}": "v"}, 1) for number in range(17)]
    done = subject(rule("add"), match_attributes=True).process(both(shapes, shapes))
    assert "c" not in found(done)
    assert "differ too much" in caplog.text


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (rule(metric2=None), "the type calculate needs `metric2`"),
        (rule(scale_by=2), "makes no use of `scale_by`"),
        (rule(name="b"), "`name` must be another one"),
        (rule("modulo"), "operation"),
        (scaling("multiply"), "the type scale needs `scale_by`"),
        (scaling("multiply", scale_by=0), "greater than 0"),
        (scaling("multiply", scale_by=1, metric2="b"), "makes no use of `metric2`"),
    ],
)
def test_rules_that_make_no_sense_are_refused(options: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        Config.model_validate({"rules": [options]})
