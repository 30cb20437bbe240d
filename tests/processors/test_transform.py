"""The transform processor."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from pydantic import ValidationError

from penstock.config.load import load_text
from penstock.pipeline import Batch, Invalid, Signal
from penstock.pipeline.errors import ConfigError
from penstock.processors.transform import Config, Transform
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
from tests.ottl.running import attributes, of_json, with_attributes


async def subject(**options: Any) -> Transform:
    async with context("transform", pipeline="traces") as given:
        return Config.model_validate(options).build(given)


def column(batch: Batch, path: str) -> list[Any]:
    return batch.column(path).to_list()


def test_options_and_defaults_are_the_collectors() -> None:
    assert Config().model_dump() == {
        "error_mode": "ignore",
        "trace_statements": [],
        "metric_statements": [],
        "log_statements": [],
    }


@in_loop
async def test_statements_change_what_passes() -> None:
    source, backend = Source(), Backend()
    change = Config(trace_statements=['set(span.name, Concat([span.name, "x"], " "))'])
    async with service(wire("traces: in -> tr -> out", in_=source, tr=change, out=backend)):
        await source.send(spans(2))
    assert names(backend.got) == ["span 0 x", "span 1 x"]


@pytest.mark.parametrize(
    ("batch", "path", "options"),
    [
        (spans(2), "span.name", {"trace_statements": ['set(span.name, "new")']}),
        (
            spans(2),
            "span.name",
            {"trace_statements": [{"context": "span", "statements": ['set(name, "new")']}]},
        ),
        (points(2), "metric.name", {"metric_statements": ['set(metric.name, "new")']}),
        (
            points(2),
            "metric.name",
            {
                "metric_statements": [
                    {"context": "datapoint", "statements": ['set(metric.name, "new")']}
                ]
            },
        ),
        (records(2), "log.body", {"log_statements": ['set(log.body, "new")']}),
        (
            records(2),
            "log.body",
            {"log_statements": [{"context": "log", "statements": ['set(body.string, "new")']}]},
        ),
    ],
)
@in_loop
async def test_all_forms_change_items_of_every_signal(
    batch: Batch, path: str, options: dict[str, Any]
) -> None:
    assert column((await subject(**options)).process(batch), path) == ["new", "new"]


@in_loop
async def test_a_group_works_where_any_of_its_conditions_is_true() -> None:
    group = {
        "context": "span",
        "conditions": ['name == "span 0"', 'name == "span 2"'],
        "statements": ['set(attributes["a"], 1)', 'set(attributes["b"], 2) where name != "span 0"'],
    }
    left = (await subject(trace_statements=[group])).process(spans(3))
    assert attributes(left) == [{"a": 1}, {}, {"a": 1, "b": 2}]
    none = group | {"conditions": ["false"]}
    batch = spans(1)
    assert (await subject(trace_statements=[none])).process(batch) is batch


@in_loop
async def test_a_cache_is_kept_within_a_list_and_no_longer() -> None:
    parse = {
        "context": "log",
        "statements": [
            'merge_maps(cache, ParseJSON(body), "upsert")',
            'set(attributes["user"], cache["user"]["id"])',
        ],
    }
    later = {"statements": ['set(log.attributes["later"], "yes") where log.cache["user"] != nil']}
    batch = of_json(Signal.LOGS, {"body": {"stringValue": '{"user": {"id": "u1"}}'}})
    left = (await subject(log_statements=[parse, later])).process(batch)
    assert attributes(left, "log.attributes") == [{"user": "u1"}]
    flat = ['set(span.cache["n"], 1)', 'set(span.attributes["n"], span.cache["n"])']
    assert attributes((await subject(trace_statements=flat)).process(spans(1))) == [{"n": 1}]


@in_loop
async def test_events_are_changed_with_what_their_span_has() -> None:
    batch = of_json(
        Signal.TRACES,
        {"name": "a", "events": [{"name": "x"}, {"name": "y"}]},
        {"name": "b"},
        {"name": "c", "events": [{"name": "z"}]},
    )
    statements = [
        'set(spanevent.attributes["of"], span.name) where spanevent.name != "x"',
        'set(span.attributes["last"], spanevent.name)',
        'set(spanevent.name, "!") where spanevent.attributes["of"] == "c"',
        'delete_key(spanevent.attributes, "of") where spanevent.name == "y"',
    ]
    left = (await subject(trace_statements=statements)).process(batch)
    assert attributes(left) == [{"last": "y"}, {}, {"last": "z"}]
    assert column(left, "span.events") == [
        [{"name": "x"}, {"name": "y"}],
        [],
        [{"name": "!", "attributes": {"of": "c"}}],
    ]


FAILS = 'set(span.attributes["r"], Len(span.attributes["a"]))'


@in_loop
async def test_items_for_which_a_statement_fails_stay_as_they_are(
    caplog: pytest.LogCaptureFixture,
) -> None:
    batch = with_attributes({"a": "abc"}, {"a": 1})
    statements = [FAILS, 'set(span.attributes["next"], true)']
    with caplog.at_level(logging.WARNING, "penstock.test"):
        left = (await subject(trace_statements=statements)).process(batch)
    assert attributes(left) == [{"a": "abc", "r": 3, "next": True}, {"a": 1, "next": True}]
    assert f"Failed: {FAILS} (1 items, 1 times): expected a string" in caplog.text
    caplog.clear()
    await subject(trace_statements=statements, error_mode="silent")
    assert caplog.text == ""


@in_loop
async def test_what_propagates_refuses_the_batch() -> None:
    batch = with_attributes({"a": 1})
    with pytest.raises(Invalid, match="expected a string"):
        (await subject(trace_statements=[FAILS], error_mode="propagate")).process(batch)
    group = {"statements": [FAILS], "error_mode": "propagate"}
    with pytest.raises(Invalid):
        (await subject(trace_statements=[group])).process(batch)
    mild = {"statements": [FAILS], "error_mode": "silent"}
    processor = await subject(trace_statements=[mild], error_mode="propagate")
    assert processor.process(batch).to_otlp() == batch.to_otlp()


CONFIG = """\
receivers: {otlp: {protocols: {grpc: {}}}}
processors:
  transform:
    trace_statements:
      - set(span.name, "a"
    log_statements:
      - context: log
        conditions: ['bod == "x"']
        statements:
          - set(body, Lenn(body))
    profile_statements: []
exporters: {nop: {}}
service: {pipelines: {traces: {receivers: [otlp], processors: [transform], exporters: [nop]}}}
"""


FAULTS = [
    "5:9 trace_statements[0]: column 19: expected `,` or `)`, found the end",
    "8:22 log_statements[0].conditions[0]: column 1: `bod` is not a path of log; did you mean",
    "10:13 log_statements[0].statements[0]: column 11: there is no converter `Lenn`; did you mean",
    "11:5 profile_statements: the Collector has this option, Penstock does not: profiles are not",
]


def test_every_fault_is_reported_at_its_place() -> None:
    with pytest.raises(ConfigError) as fault:
        load_text(CONFIG, "file", {})
    report = " ".join(str(fault.value).replace("processors.transform.", "").split())
    assert [line for line in FAULTS if line not in report] == []


def test_texts_and_groups_do_not_mix() -> None:
    with pytest.raises(ValidationError, match="expected texts or groups, found both"):
        Config.model_validate(
            {"trace_statements": ['set(span.name, "a")', {"statements": ['set(span.name, "a")']}]}
        )
