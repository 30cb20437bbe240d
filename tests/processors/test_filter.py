"""The filter processor."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from pydantic import ValidationError

from penstock.config.load import load_text
from penstock.pipeline import Batch, Invalid, Signal
from penstock.pipeline.errors import ConfigError
from penstock.processors.filter import Config, Filter
from tests.kit import (
    Backend,
    Source,
    context,
    in_loop,
    names,
    points,
    records,
    service,
    spans,
    wire,
)
from tests.ottl.running import of_json, with_attributes


async def subject(**options: Any) -> Filter:
    async with context("filter", pipeline="traces") as given:
        return Config.model_validate(options).build(given)


def left(batch: Batch | None, path: str) -> list[Any]:
    return [] if batch is None else batch.column(path).to_list()


def test_options_and_defaults_are_the_collectors() -> None:
    assert Config().model_dump() == {
        "error_mode": "ignore",
        "trace_conditions": [],
        "metric_conditions": [],
        "log_conditions": [],
        "traces": {"resource": [], "span": [], "spanevent": []},
        "metrics": {"resource": [], "metric": [], "datapoint": []},
        "logs": {"resource": [], "log_record": []},
    }


@in_loop
async def test_what_any_condition_is_true_for_is_dropped_and_counted() -> None:
    source, backend = Source(), Backend()
    drop = Config(trace_conditions=['span.name == "span 0"', 'IsMatch(span.name, "2$")'])
    async with service(
        wire("traces: in -> drop -> out", in_=source, drop=drop, out=backend)
    ) as running:
        await source.send(spans(4))
    assert names(backend.got) == ["span 1", "span 3"]
    assert running.telemetry.total("penstock_processor_dropped_items", reason="filtered") == 2


@pytest.mark.parametrize(
    ("batch", "path", "options"),
    [
        (spans(3), "span.name", {"traces": {"span": ['name == "span 1"']}}),
        (spans(3), "span.name", {"trace_conditions": ['span.name == "span 1"']}),
        (
            spans(3),
            "span.name",
            {"trace_conditions": [{"context": "span", "conditions": ['name == "span 1"']}]},
        ),
        (points(3), "datapoint.value_int", {"metrics": {"datapoint": ["value_int == 1"]}}),
        (points(3), "datapoint.value_int", {"metric_conditions": ["datapoint.value_int == 1"]}),
        (records(3), "log.body", {"logs": {"log_record": ['body == "record 1"']}}),
        (records(3), "log.body", {"log_conditions": ['log.body == "record 1"']}),
    ],
)
@in_loop
async def test_all_forms_drop_items_of_every_signal(
    batch: Batch, path: str, options: dict[str, Any]
) -> None:
    before = left(batch, path)
    assert left((await subject(**options)).process(batch), path) == [before[0], before[2]]


@pytest.mark.parametrize(
    "options",
    [
        {"traces": {"resource": ['attributes["a"] == nil']}},
        {"metrics": {"metric": ['name == "gauge"']}},
        {"metrics": {"resource": ["true"]}},
        {"logs": {"resource": ["true"]}},
        {"trace_conditions": ["true"], "metric_conditions": ["true"], "log_conditions": ["true"]},
    ],
)
@in_loop
async def test_nothing_is_left_where_all_is_dropped(options: dict[str, Any]) -> None:
    processor = await subject(**options)
    signals = {key.split("_")[0].rstrip("s") for key in options}
    for name, batch in (("trace", spans(2)), ("metric", points(2)), ("log", records(2))):
        assert (processor.process(batch) is None) == (name in signals)


@in_loop
async def test_events_are_dropped_and_their_spans_stay() -> None:
    batch = of_json(
        Signal.TRACES,
        {"name": "a", "events": [{"name": "gc"}, {"name": "x"}]},
        {"name": "b", "events": [{"name": "gc"}]},
        {"name": "gone", "events": [{"name": "x"}]},
    )
    filtered = (
        await subject(traces={"span": ['name == "gone"'], "spanevent": ['name == "gc"']})
    ).process(batch)
    assert left(filtered, "span.name") == ["a", "b"]
    assert left(filtered, "span.events") == [[{"name": "x"}], []]
    of_spans = await subject(trace_conditions=['spanevent.name == "x" and span.name == "a"'])
    assert left(of_spans.process(batch), "span.events")[0] == [{"name": "gc"}]


@in_loop
async def test_a_metric_is_dropped_by_what_any_of_its_points_has() -> None:
    points_of = [
        {"attributes": [{"key": "ns", "value": {"stringValue": value}}], "asInt": "1"}
        for value in ("prod", "test")
    ]
    batch = of_json(
        Signal.METRICS,
        {"name": "both", "gauge": {"dataPoints": points_of}},
        {"name": "prod", "sum": {"dataPoints": points_of[:1]}},
    )
    by_value = await subject(metrics={"metric": ['HasAttrOnDatapoint("ns", "test")']})
    assert left(by_value.process(batch), "metric.name") == ["prod"]
    by_key = await subject(metric_conditions=['HasAttrKeyOnDatapoint("ns")'])
    assert by_key.process(batch) is None


@in_loop
async def test_a_batch_of_which_nothing_is_dropped_is_passed_on_as_it_is() -> None:
    batch = spans(2)
    assert (await subject(trace_conditions=['span.name == "x"'])).process(batch) is batch
    assert (await subject()).process(batch) is batch


FAILS = 'Len(span.attributes["a"]) > 1'


@in_loop
async def test_items_for_which_a_condition_fails_stay(caplog: pytest.LogCaptureFixture) -> None:
    batch = with_attributes({"a": "long"}, {"a": 1}, {})
    with caplog.at_level(logging.WARNING, "penstock.test"):
        kept = (await subject(trace_conditions=[FAILS])).process(batch)
        assert left(kept, "span.name") == ["span 1", "span 2"]
    assert f"Failed: {FAILS} (2 items, 1 times): expected a string, a list or a map" in caplog.text
    caplog.clear()
    kept = (await subject(trace_conditions=[FAILS], error_mode="silent")).process(batch)
    assert left(kept, "span.name") == ["span 1", "span 2"]
    assert caplog.text == ""


@in_loop
async def test_what_propagates_refuses_the_batch() -> None:
    batch = with_attributes({"a": 1})
    with pytest.raises(Invalid, match="expected a string, a list or a map, found an int"):
        (await subject(trace_conditions=[FAILS], error_mode="propagate")).process(batch)
    group = {"conditions": [FAILS], "error_mode": "propagate"}
    with pytest.raises(Invalid):
        (await subject(trace_conditions=[group])).process(batch)


@in_loop
async def test_a_batch_that_is_refused_is_in_the_books() -> None:
    source, backend = Source(), Backend()
    drop = Config.model_validate({"trace_conditions": [FAILS], "error_mode": "propagate"})
    async with service(wire("traces: in -> drop -> out", in_=source, drop=drop, out=backend)):
        with pytest.raises(Invalid):
            await source.send(with_attributes({"a": 1}))
        await source.send(with_attributes({"a": ""}))
    assert backend.items == 1


CONFIG = """\
receivers: {otlp: {protocols: {grpc: {}}}}
processors:
  filter:
    trace_conditions:
      - 'span.nam == "a"'
      - true
    metrics:
      include: {}
      metric:
        - 'name = "a"'
    log_conditions:
      - context: span
        conditions: ['log.body == "a"']
exporters: {nop: {}}
service: {pipelines: {traces: {receivers: [otlp], processors: [filter], exporters: [nop]}}}
"""


FAULTS = [
    "5:9 trace_conditions[0]: column 1: `span.nam` is not a path of span; did you mean",
    "6:9 trace_conditions[1]: expected text, found true; put it in quotes",
    "8:7 metrics.include: the Collector has this option, Penstock does not: write it",
    "10:11 metrics.metric[0]: column 6: expected the end, found `=`",
    "12:18 log_conditions[0].context: expected resource, scope or log, found 'span'",
]


def test_every_fault_is_reported_at_its_place() -> None:
    with pytest.raises(ConfigError) as fault:
        load_text(CONFIG, "file", {})
    report = " ".join(str(fault.value).replace("processors.filter.", "").split())
    assert [line for line in FAULTS if line not in report] == []


def test_texts_and_groups_do_not_mix() -> None:
    with pytest.raises(ValidationError, match="expected texts or groups, found both"):
        Config.model_validate({"trace_conditions": ["true", {"conditions": ["true"]}]})
