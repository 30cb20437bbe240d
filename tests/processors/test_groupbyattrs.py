"""The groupbyattrs processor."""

from __future__ import annotations

import json
from typing import Any

from penstock.pipeline import Batch
from penstock.processors.groupbyattrs import Config, GroupByAttrs
from tests.kit import points, records, spans
from tests.processors.items import attributes_of, items, processed, resources, resources_of


def subject(*keys: str) -> GroupByAttrs:
    return GroupByAttrs(Config(keys=keys))


def groups(batch: Batch) -> list[dict[str, Any]]:
    """The resources of a batch, as JSON has them."""
    (found,) = json.loads(batch.to_json()).values()
    assert isinstance(found, list)
    return found


def test_items_with_the_same_values_share_a_resource() -> None:
    batch = items({"host": "a", "n": 1}, {"host": "b", "n": 2}, {"n": 3}, {"host": "a", "n": 4})
    done = processed(subject("host"), batch.set("resource.attributes", {"r": 0}))
    assert resources_of(done) == [{"r": 0, "host": "a"}, {"r": 0, "host": "b"}, {"r": 0}]
    assert attributes_of(done) == [{"n": 1}, {"n": 4}, {"n": 2}, {"n": 3}]


def test_an_items_value_goes_before_that_of_its_resource() -> None:
    batch = resources({"host": "a"}, {"host": "b"}).set('span.attributes["host"]', "c")
    done = processed(subject("host"), batch)
    assert resources_of(done) == [{"host": "c"}]
    assert attributes_of(done) == [{}, {}]


def test_each_combination_of_several_keys_has_its_resource() -> None:
    batch = items({"a": 1, "b": 1}, {"a": 1}, {"b": 1}, {"a": 1, "b": 1}, {"a": True, "b": 1})
    done = processed(subject("a", "b", "a", ""), batch)
    assert resources_of(done) == [{"a": 1, "b": 1}, {"a": 1}, {"b": 1}, {"a": True, "b": 1}]


def test_without_keys_resources_and_scopes_that_are_the_same_become_one() -> None:
    one, other = resources({"a": 1}, {"b": 2}), resources({"b": 2}, {"a": 1})
    scoped = other.set("scope.name", "s")
    done = processed(subject(), Batch.concat([one, scoped, one]))
    assert resources_of(done) == [{"a": 1}, {"b": 2}]
    assert [len(group["scopeSpans"]) for group in groups(done)] == [2, 2]
    assert len(done) == 6


def test_points_of_one_metric_come_together_again() -> None:
    done = processed(subject(), Batch.concat([points(2), points(3)]))
    (group,) = groups(done)
    (scope,) = group["scopeMetrics"]
    (metric,) = scope["metrics"]
    assert len(metric["gauge"]["dataPoints"]) == 5


def test_log_records_are_grouped_too() -> None:
    batch = records(2).set('log.attributes["host"]', "a")
    done = processed(subject("host"), batch)
    assert done.column("resource.attributes").values == [{"host": "a"}]


def test_many_groups_keep_every_item() -> None:
    batch = items(*({"n": number % 50} for number in range(500)))
    done = processed(subject("n"), batch)
    assert len(groups(done)) == 50
    assert len(done) == 500
    assert len(processed(subject(), spans(1))) == 1
