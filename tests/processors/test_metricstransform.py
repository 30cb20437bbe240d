"""The metricstransform processor, as the Collector's documents describe it."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from penstock.pipeline import Batch
from penstock.processors.metricstransform import Config, MetricsTransform
from tests.kit import context

if TYPE_CHECKING:
    from collections.abc import Iterable

TEMPORALITIES = {"delta": 1, "cumulative": 2}

Point = tuple[dict[str, str], float]


def metric(name: str, *points: Point, kind: str = "gauge", **more: Any) -> dict[str, Any]:
    """A metric as OTLP/JSON; a sum is cumulative unless it says otherwise."""
    data: dict[str, Any] = {"dataPoints": [_point(*point) for point in points]}
    if kind == "sum":
        data |= {"aggregationTemporality": TEMPORALITIES[more.pop("temporality", "cumulative")]}
        data |= {"isMonotonic": more.pop("monotonic", True)}
    return {"name": name, **more, kind: data}


def _point(labels: dict[str, str], value: float) -> dict[str, Any]:
    attributes = [{"key": key, "value": {"stringValue": text}} for key, text in labels.items()]
    number = {"asInt": str(value)} if isinstance(value, int) else {"asDouble": value}
    return {"timeUnixNano": "7", "attributes": attributes, **number}


def batch_of(*metrics: dict[str, Any]) -> Batch:
    """Metrics of one resource and scope."""
    request = {"resourceMetrics": [{"scopeMetrics": [{"metrics": metrics}]}]}
    return Batch.from_json("metrics", json.dumps(request).encode())


def subject(*transforms: dict[str, Any]) -> MetricsTransform:
    async def build() -> MetricsTransform:
        async with context("metricstransform", pipeline="metrics") as given:
            return Config.model_validate({"transforms": transforms}).build(given)

    return asyncio.run(build())


def found(batch: Batch | None) -> dict[str, list[Point]]:
    """The points of each metric."""
    result: dict[str, list[Point]] = {}
    for row in batch.rows() if batch else []:
        value: Any = row.get("as_int", row.get("as_double", row.get("count")))
        result.setdefault(row["metric"]["name"], []).append((row.get("attributes", {}), value))
    return result


def transformed(transforms: Iterable[dict[str, Any]], *metrics: dict[str, Any]) -> Any:
    return found(subject(*transforms).process(batch_of(*metrics)))


def operated(operation: dict[str, Any], *points: Point, **match: Any) -> list[Point]:
    """What an operation makes of the points of one metric."""
    transform = {"include": "m", "action": "update", "operations": [operation], **match}
    points_of: list[Point] = transformed([transform], metric("m", *points)).get("m", [])
    return points_of


def test_metrics_are_renamed_and_others_stay() -> None:
    rename = {"include": "a", "action": "update", "new_name": "$1"}
    assert transformed([rename], metric("a", ({}, 1)), metric("ab", ({}, 2))) == {
        "$1": [({}, 1)],
        "ab": [({}, 2)],
    }


@pytest.mark.parametrize(
    ("include", "template", "name"),
    [
        (r"^system\.cpu\.(.*)$", "system.processor.${1}.stat", "system.processor.time.stat"),
        (r"cpu\.(?P<what>.*)", "${what}", "time"),
        (r"(cpu|disk)", "$1", "cpu"),
        (r"cpu", "$1", "$1"),
        (r"m.c", "fixed", "fixed"),
    ],
)
def test_a_new_name_can_have_groups_of_the_old_one(include: str, template: str, name: str) -> None:
    rename = {
        "include": include,
        "match_type": "regexp",
        "action": "update",
        "new_name": template,
    }
    assert list(transformed([rename], metric("system.cpu.time", ({}, 1)))) == [name]


def test_transforms_see_what_those_before_them_have_left() -> None:
    one = {"include": "a", "action": "update", "new_name": "b"}
    other = {"include": "b", "action": "update", "new_name": "c"}
    assert list(transformed([one, other], metric("a", ({}, 1)))) == ["c"]


def test_an_inserted_metric_is_a_copy_that_is_changed() -> None:
    insert = {
        "include": "a",
        "action": "insert",
        "new_name": "b",
        "operations": [{"action": "add_label", "new_label": "x", "new_value": "y"}],
    }
    assert transformed([insert], metric("a", ({}, 1))) == {"a": [({}, 1)], "b": [({"x": "y"}, 1)]}
    gone = {"action": "delete_label_value", "label": "k", "label_value": "v"}
    insert = insert | {"operations": [gone]}
    assert list(transformed([insert], metric("a", ({"k": "v"}, 1)))) == ["a"]
    assert list(transformed([insert], metric("other", ({}, 1)))) == ["other"]


def test_only_points_whose_labels_match_are_copied() -> None:
    points = [({"k": "v"}, 1), ({"k": "w"}, 2), ({}, 3)]
    match = {"k": "v"}
    insert = {"include": "a", "action": "insert", "new_name": "b"}
    given = insert | {"experimental_match_labels": match}
    assert transformed([given], metric("a", *points))["b"] == [({"k": "v"}, 1)]
    absent = insert | {"experimental_match_labels": {"k": ""}}
    assert transformed([absent], metric("a", *points))["b"] == [({}, 3)]
    regexp = {"match_type": "regexp", "experimental_match_labels": {"k": "v|w"}}
    assert len(transformed([insert | regexp], metric("a", *points))["b"]) == 2


def test_a_metric_that_does_not_match_as_a_whole_keeps_its_name_and_its_points() -> None:
    """As in the Collector: values of what matches are changed, the metric is not."""
    transform = {
        "include": "a",
        "action": "update",
        "new_name": "b",
        "experimental_match_labels": {"k": "v"},
        "operations": [
            {"action": "experimental_scale_value", "experimental_scale": 10},
            {"action": "add_label", "new_label": "x", "new_value": "y"},
            {"action": "aggregate_labels", "aggregation_type": "sum"},
            {"action": "update_label", "label": "k", "new_label": "l"},
        ],
    }
    mixed = metric("a", ({"k": "v"}, 1), ({"k": "w"}, 2))
    assert transformed([transform], mixed) == {"a": [({"l": "v"}, 10), ({"k": "w"}, 2)]}
    whole = metric("a", ({"k": "v"}, 1), ({"k": "v", "o": "p"}, 2))
    assert transformed([transform], whole) == {"b": [({}, 30)]}
    assert transformed([transform], metric("a", ({"k": "w"}, 2))) == {"a": [({"k": "w"}, 2)]}


def test_a_label_is_added_where_it_is_not() -> None:
    add = {"action": "add_label", "new_label": "x", "new_value": "y"}
    assert operated(add, ({}, 1), ({"x": "z"}, 2)) == [({"x": "y"}, 1), ({"x": "z"}, 2)]
    added = operated(add | {"new_value": "v{{version}}"}, ({}, 1))[0][0]["x"]
    assert added[:1] == "v"
    assert added[1:2].isdigit()


def test_labels_and_their_values_get_other_names() -> None:
    update = {
        "action": "update_label",
        "label": "k",
        "new_label": "l",
        "value_actions": [{"value": "v", "new_value": "w"}],
    }
    points = ({"k": "v"}, 1), ({"k": "x"}, 2), ({"o": "v"}, 3)
    assert operated(update, *points) == [({"l": "w"}, 1), ({"l": "x"}, 2), ({"o": "v"}, 3)]
    del update["new_label"]
    assert operated(update, *points) == [({"k": "w"}, 1), ({"k": "x"}, 2), ({"o": "v"}, 3)]
    same = {"action": "update_label", "label": "k", "new_label": "k"}
    assert operated(same, *points) == list(points)


def test_points_with_a_label_value_are_deleted() -> None:
    delete = {"action": "delete_label_value", "label": "k", "label_value": "v"}
    assert operated(delete, ({"k": "v"}, 1), ({"k": "w"}, 2), ({}, 3)) == [({"k": "w"}, 2), ({}, 3)]
    assert operated(delete, ({"k": "v"}, 1)) == []


def test_types_of_values_are_toggled() -> None:
    values = [value for _, value in operated({"action": "toggle_scalar_data_type"}, ({}, 1))]
    assert (values, type(values[0])) == ([1.0], float)


@pytest.mark.parametrize(
    ("how", "value"),
    [("sum", 9), ("mean", 3.0), ("min", 1), ("max", 6), ("median", 2.0), ("count", 3)],
)
def test_points_that_differ_in_other_labels_are_aggregated(how: str, value: float) -> None:
    aggregate = {"action": "aggregate_labels", "label_set": ["k"], "aggregation_type": how}
    points = ({"k": "v", "a": "1"}, 1), ({"k": "v", "a": "2"}, 2), ({"k": "v", "a": "3"}, 6)
    assert operated(aggregate, *points) == [({"k": "v"}, value)]


def test_values_of_a_label_are_aggregated_to_one() -> None:
    aggregate = {
        "action": "aggregate_label_values",
        "label": "state",
        "aggregated_values": ["user", "system"],
        "new_value": "used",
        "aggregation_type": "sum",
    }
    points = ({"state": "user"}, 1), ({"state": "idle"}, 2), ({"state": "system"}, 3)
    assert operated(aggregate, *points) == [({"state": "used"}, 4), ({"state": "idle"}, 2)]


COMBINE = {
    "include": r"^Total (?P<verb>.*) (Requests)$",
    "match_type": "regexp",
    "action": "combine",
    "new_name": "requests",
    "aggregation_type": "sum",
    "submatch_case": "lower",
}


def test_metrics_are_combined_and_groups_of_their_names_become_labels() -> None:
    done = subject(COMBINE).process(
        batch_of(
            metric("other", ({}, 1)),
            metric("Total GET Requests", ({}, 2), kind="sum", description="gets"),
            metric("Total PUT Requests", ({}, 3), kind="sum", description="puts"),
        )
    )
    assert found(done) == {
        "other": [({}, 1)],
        "requests": [
            ({"verb": "get", "$2": "requests"}, 2),
            ({"verb": "put", "$2": "requests"}, 3),
        ],
    }
    assert done is not None
    metrics = json.loads(done.to_json())["resourceMetrics"][1]["scopeMetrics"][0]["metrics"]
    assert [each["description"] for each in metrics] == ["gets"]


def test_points_of_combined_metrics_are_added_up() -> None:
    combine = COMBINE | {"include": "^(?:a|b)$"}
    del combine["submatch_case"]
    operations = [{"action": "add_label", "new_label": "x", "new_value": "y"}]
    done = transformed(
        [combine | {"operations": operations}],
        metric("a", ({"k": "1"}, 1), ({"k": "2"}, 2)),
        metric("b", ({"k": "1"}, 3)),
    )
    assert done == {"requests": [({"k": "1", "x": "y"}, 4), ({"k": "2", "x": "y"}, 2)]}


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        (metric("b", ({}, 1), kind="sum"), "types"),
        (metric("b", ({}, 1), unit="s"), "units"),
        (metric("b", ({"k": "v"}, 1)), "labels"),
    ],
)
def test_metrics_that_differ_in_what_they_are_stay(
    other: dict[str, Any], reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    combine = COMBINE | {"include": "^(a|b)$"}
    assert list(transformed([combine], metric("a", ({}, 1)), other)) == ["a", "b"]
    assert f"different {reason}" in caplog.text


def test_sums_of_different_temporality_or_monotonicity_and_summaries_stay() -> None:
    combine = COMBINE | {"include": "^(a|b)$"}
    one = metric("a", ({}, 1), kind="sum")
    for other in ({"temporality": "delta"}, {"monotonic": False}):
        assert list(transformed([combine], one, metric("b", ({}, 1), kind="sum", **other))) == [
            "a",
            "b",
        ]
    summary = {"name": "a", "summary": {"dataPoints": [{"count": "1"}]}}
    assert list(transformed([combine], summary)) == ["a"]


def test_metrics_with_many_labels_are_combined_if_all_points_have_the_same() -> None:
    many = {f"k{number}": "v" for number in range(70)}
    combine = COMBINE | {"include": "^(?:a|b)$"}
    same = transformed([combine], metric("a", (many, 1)), metric("b", (many, 2)))
    assert same == {"requests": [(many, 3)]}
    other = transformed([combine], metric("a", (many, 1)), metric("b", (many | {"o": "p"}, 2)))
    assert list(other) == ["a", "b"]


def test_points_that_do_not_match_are_not_lost_when_others_are_combined() -> None:
    combine = COMBINE | {"include": "^(?:a|b)$", "experimental_match_labels": {"k": "v"}}
    done = transformed(
        [combine], metric("a", ({"k": "v"}, 1), ({"k": "w"}, 2)), metric("b", ({"k": "v"}, 3))
    )
    assert done == {"a": [({"k": "w"}, 2)], "requests": [({"k": "v"}, 4)]}


def test_metrics_get_a_resource_of_their_own() -> None:
    group = {
        "include": r"^k8s\.pod\.",
        "match_type": "regexp",
        "action": "group",
        "group_resource_labels": {"resource.type": "k8s.pod"},
    }
    done = subject(group).process(
        batch_of(metric("k8s.pod.cpu", ({}, 1)), metric("container.cpu", ({}, 2)))
    )
    assert done is not None
    assert [row["resource"].get("attributes") for row in done.rows()] == [
        None,
        {"resource.type": "k8s.pod"},
    ]
    assert [row["metric"]["name"] for row in done.rows()] == ["container.cpu", "k8s.pod.cpu"]
    untouched = batch_of(metric("other", ({}, 1)))
    assert subject(group).process(untouched) is untouched


@pytest.mark.parametrize(
    ("transform", "problem"),
    [
        ({"action": "update"}, "include"),
        ({"include": "(", "match_type": "regexp", "action": "update"}, "RE2"),
        ({"include": "a", "action": "insert"}, "the action insert needs `new_name`"),
        ({"include": "a", "action": "combine", "new_name": "b"}, "needs `aggregation_type`"),
        ({"include": "a", "action": "group"}, "needs `group_resource_labels`"),
        ({"include": "a", "action": "update", "submatch_case": "lower"}, "no use of"),
        ({"include": "a", "action": "update", "aggregation_type": "avg"}, "aggregation_type"),
        ({"include": "a", "action": "drop"}, "action"),
    ],
)
def test_transforms_that_make_no_sense_are_refused(transform: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        Config.model_validate({"transforms": [transform]})


@pytest.mark.parametrize(
    ("operation", "problem"),
    [
        ({"action": "add_label", "new_label": "x"}, "needs `new_value`"),
        ({"action": "update_label", "label": "x"}, "needs `new_label` or `value_actions`"),
        ({"action": "delete_label_value", "label": "x"}, "needs `label_value`"),
        ({"action": "toggle_scalar_data_type", "label": "x"}, "makes no use of `label`"),
        ({"action": "experimental_scale_value"}, "needs `experimental_scale`"),
        ({"action": "experimental_scale_value", "experimental_scale": 0}, "greater than 0"),
        ({"action": "aggregate_labels", "label_set": ["x"]}, "needs `aggregation_type`"),
        ({"action": "aggregate_label_values", "label": "x"}, "needs `aggregated_values`"),
    ],
)
def test_operations_that_make_no_sense_are_refused(operation: dict[str, Any], problem: str) -> None:
    transform = {"include": "a", "action": "update", "operations": [operation]}
    with pytest.raises(ValidationError, match=problem):
        Config.model_validate({"transforms": [transform]})
