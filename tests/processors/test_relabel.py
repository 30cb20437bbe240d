"""The relabel processor: Prometheus' rules on items, and totals of series that become one."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from pydantic import ValidationError

from penstock.pipeline import Batch, Signal
from penstock.processors import relabel
from penstock.processors.relabel import Config, Relabel
from tests.kit import context, points
from tests.pipeline.test_points import CUMULATIVE, DELTA, metrics_of, sums
from tests.processors.items import attributes_of, each, items

if TYPE_CHECKING:
    from collections.abc import Iterable


def subject(*rules: dict[str, Any], **options: Any) -> Relabel:
    async def build() -> Relabel:
        async with context("relabel", pipeline="metrics") as given:
            return Config.model_validate({"relabel_configs": rules, **options}).build(given)

    return asyncio.run(build())


def relabelled(batch: Batch, *rules: dict[str, Any], **options: Any) -> Batch:
    done = subject(*rules, **options).process(batch)
    assert done is not None
    return done


WITHOUT_LABEL = {"action": "labeldrop", "regex": "label"}


@pytest.mark.parametrize("signal", ["traces", "metrics", "logs"])
def test_labels_are_attributes_of_items_and_resources(signal: str) -> None:
    batch = items({"k": "v", "n": 7}, {"k": "w", "n": 7}, signal=signal)
    batch = batch.set('resource.attributes["service.name"]', "shop")
    done = relabelled(
        batch,
        {"source_labels": ["k"], "regex": "w", "action": "drop"},
        {"source_labels": ["__resource__.service.name", "k"], "target_label": "both"},
        {"source_labels": ["k"], "target_label": "__resource__.kind"},
        {"regex": "k", "action": "labeldrop"},
    )
    assert attributes_of(done) == [{"n": 7, "both": "shop;v"}]
    assert done.column("resource.attributes").values == [{"service.name": "shop", "kind": "v"}]


@pytest.mark.parametrize(
    ("signal", "path"),
    [("traces", "span.name"), ("metrics", "metric.name"), ("logs", "log.event_name")],
)
def test_the_name_is_a_label(signal: str, path: str) -> None:
    batch = items({}, {}, signal=signal).set(path, "old")
    rule = {"source_labels": ["__name__"], "regex": "o(.*)", "target_label": "__name__"}
    done = relabelled(batch, rule | {"replacement": "b$1"})
    assert done.column(path).to_list() == ["bld", "bld"]
    kept = subject({"source_labels": ["__name__"], "regex": "old", "action": "drop"})
    assert kept.process(batch) is None


def test_values_keep_their_types_unless_a_rule_changes_them() -> None:
    batch = items({"a": 1, "b": True, "c": 2.5})
    same = {"source_labels": ["a"], "target_label": "a"}
    upper = {"source_labels": ["b"], "target_label": "b", "action": "uppercase"}
    assert attributes_of(relabelled(batch, same, upper)) == [{"a": 1, "b": "TRUE", "c": 2.5}]


def test_points_of_one_metric_can_get_different_names_and_resources() -> None:
    batch = sums([("a", 1, 2, 1), ("b", 1, 2, 2), ("a", 1, 3, 3)], DELTA)
    rules = [
        {"source_labels": ["label"], "target_label": "__name__"},
        {"source_labels": ["label"], "target_label": "__resource__.r", "regex": "(a)"},
    ]
    done = relabelled(batch, *rules)
    found = zip(
        done.column("metric.name").to_list(),
        done.column("resource.attributes").to_list(),
        done.column("datapoint.value").to_list(),
        strict=True,
    )
    assert sorted(found, key=repr) == [("a", {"r": "a"}, 1), ("a", {"r": "a"}, 3), ("b", {}, 2)]


def test_a_metric_without_a_name_is_dropped() -> None:
    """As Prometheus does not take it either."""
    nameless = subject({"target_label": "__name__", "replacement": ""})
    assert nameless.process(points(2)) is None


def folded(batches: Iterable[Batch], **options: Any) -> list[list[Any]]:
    processor = subject(WITHOUT_LABEL, **options)
    done = [processor.process(batch) for batch in batches]
    return [each.column("datapoint.value").to_list() if each else [] for each in done]


def test_series_that_become_one_are_added_up_through_resets_and_batches() -> None:
    batches = [
        sums([("a", 1, 10, 5), ("b", 1, 10, 7)]),
        sums([("a", 1, 20, 6)]),
        sums([("b", 15, 30, 2), ("a", 1, 30, 8)]),
    ]
    assert folded(batches) == [[12], [13], [17]]


def test_a_series_that_no_rule_changes_counts_too() -> None:
    batch = sums([("a", 1, 10, 5)])
    plain = batch.delete('datapoint.attributes["label"]').set("datapoint.value", 7)
    assert folded([batch, plain]) == [[5], [12]]


def test_deltas_and_gauges_are_put_together_where_they_meet() -> None:
    assert folded([sums([("a", 1, 10, 5), ("b", 1, 10, 7)], DELTA)]) == [[12]]
    gauges = items({"label": "a"}, {"label": "b"}, signal="metrics")
    gauges = gauges.set("datapoint.time_unix_nano", each([1, 2]))
    assert folded([gauges]) == [[1]]
    assert folded([gauges], gauge="sum") == [[1]]
    assert folded([gauges.set("datapoint.value", each([5, 7]))], gauge="sum") == [[12]]
    assert folded([gauges.set("datapoint.value", each([5, 7]))], gauge="min") == [[5]]


def test_points_of_one_series_from_several_times_stay_apart() -> None:
    gauges = items({"label": "a"}, {"label": "a"}, signal="metrics")
    gauges = gauges.set("datapoint.time_unix_nano", each([1, 2]))
    assert folded([gauges]) == [[0, 1]]
    assert folded([sums([("a", 1, 2, 1), ("a", 2, 3, 2)], DELTA)]) == [[1, 2]]


def test_without_merging_they_stand_side_by_side() -> None:
    assert folded([sums([("a", 1, 10, 5), ("b", 1, 10, 7)])], merge=False) == [[5, 7]]


def test_what_only_filters_remembers_nothing() -> None:
    batch = sums([("a", 1, 10, 5), ("b", 1, 10, 7)])
    keep = {"source_labels": ["label"], "regex": "a", "action": "keep"}
    done = relabelled(batch, keep)
    assert metrics_of(done)[0].sum.data_points[0] == metrics_of(batch)[0].sum.data_points[0]


def test_one_source_keeps_its_values_and_times() -> None:
    batch = sums([("a", 1, 10, 5)], CUMULATIVE)
    done = relabelled(batch, {"target_label": "x", "replacement": "y"})
    (point,) = metrics_of(done)[0].sum.data_points
    assert (point.start_time_unix_nano, point.time_unix_nano, point.as_int) == (1, 10, 5)


def test_summaries_pass() -> None:
    request = ExportMetricsServiceRequest()
    metric = request.resource_metrics.add().scope_metrics.add().metrics.add(name="latency")
    for label in "ab":
        point = metric.summary.data_points.add(count=2)
        point.attributes.add(key="label").value.string_value = label
    batch = Batch.from_otlp("metrics", request.SerializeToString())
    assert len(relabelled(batch, WITHOUT_LABEL)) == 2


def test_a_batch_with_very_many_keys_is_done_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relabel, "_MOST_VALUES", 100)
    batch = items(*({f"k{number}": "v", "keep": "x"} for number in range(100)))
    done = relabelled(batch, {"action": "labelkeep", "regex": "keep|__.*"})
    assert attributes_of(done) == [{"keep": "x"}] * 100
    assert done.column("span.name").to_list() == batch.column("span.name").to_list()
    named = {"source_labels": ["__name__"], "regex": "span (.*)", "target_label": "n$1"}
    done = relabelled(batch, named, {"action": "labelkeep", "regex": "n.*|__.*"})
    assert attributes_of(done) == [{f"n{number}": str(number)} for number in range(100)]


def test_options_about_series_are_refused_for_other_signals() -> None:
    config = Config.model_validate({"relabel_configs": [WITHOUT_LABEL], "gauge": "sum"})
    assert config.misfit(Signal.METRICS) is None
    assert config.misfit(Signal.TRACES) == "`gauge` applies to metrics only; remove it"


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"relabel_configs": []}, "at least one rule"),
        ({"relabel_configs": [{"action": "keep", "regex": "("}]}, "RE2"),
        ({"relabel_configs": [WITHOUT_LABEL], "gauge": "mean"}, "gauge"),
    ],
)
def test_what_makes_no_sense_is_refused(options: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        Config.model_validate(options)
