"""The probabilistic_sampler processor: its decisions are the Collector's."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from penstock.pipeline import Batch, Signal
from penstock.pipeline.telemetry.registry import Telemetry
from penstock.processors.probabilistic_sampler import Config
from tests.kit import Backend, Source, context, in_loop, service, spans, wire
from tests.processors.items import attributes_of, each, items

CASES = [
    json.loads(line)
    for line in Path(__file__).with_name("probabilistic_sampler.jsonl").read_text().splitlines()
]
"""What the Collector's own processor (0.155) made of random items with random settings."""


async def left_of(batch: Batch, telemetry: Telemetry | None = None, **options: Any) -> Batch | None:
    """What passes of a batch."""
    config = Config.model_validate(options)
    async with context("probabilistic_sampler", telemetry, pipeline="traces") as given:
        return config.build(given).process(batch)


def sent(case: dict[str, Any]) -> Batch:
    """The items of a case; their names, or bodies, are their numbers."""
    count, name = len(case["in"]), "span" if case["signal"] == "traces" else "log"
    found = [dict(item.get("attributes", {})) for item in case["in"]]
    for attributes, item in zip(found, case["in"], strict=True):
        if "priority" in item:
            attributes["sampling.priority"] = item["priority"]
    edits = items(*found, signal=case["signal"]).edit()
    edits.set(f"{name}.trace_id", each([item["trace_id"] for item in case["in"]]))
    numbers = each([str(number) for number in range(count)])
    edits.set("span.name" if name == "span" else "log.body", numbers)
    if name == "span":
        edits.set("span.trace_state", each([item["trace_state"] for item in case["in"]]))
    return edits.apply()


def passed(signal: str, batch: Batch | None) -> list[dict[str, Any]]:
    """What is left, in the form of a case's `out`."""
    if batch is None:
        return []
    if signal == "logs":
        bodies = batch.column("log.body").to_list()
        pairs = zip(bodies, attributes_of(batch), strict=True)
        return [{"name": body, "attributes": found} for body, found in pairs]
    states = batch.column("span.trace_state").to_list()
    names = batch.column("span.name").to_list()
    return [{"name": name, "trace_state": state} for name, state in zip(names, states, strict=True)]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['signal']}-{case['config']}")
def test_what_passes_and_what_is_written_into_it_is_as_in_the_collector(
    case: dict[str, Any],
) -> None:
    left = asyncio.run(left_of(sent(case), **case["config"]))
    assert passed(case["signal"], left) == case["out"]


@in_loop
async def test_spans_of_a_trace_share_their_fate() -> None:
    traces = [f"{number % 40 + 1:032x}" for number in range(400)]
    batch = spans(400).set("span.trace_id", each(traces))
    left = await left_of(batch, sampling_percentage=50)
    assert left is not None
    ids = left.column("span.trace_id").to_list()
    assert 0 < len(ids) < 400
    assert all(ids.count(trace) == 10 for trace in set(ids))


@in_loop
async def test_an_id_of_another_length_is_none() -> None:
    batch = spans(2).set("span.trace_id", each(["abcd", "0" * 31 + "1"]))
    left = await left_of(batch, sampling_percentage=100)
    assert left is not None
    assert len(left) == 1


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"sampling_percentage": -1}, "greater than or equal to 0"),
        ({"sampling_percentage": 1e-20}, "at least 2⁻⁵⁶"),
        ({"sampling_percentage": float("inf")}, "finite"),
        ({"sampling_precision": 0}, "greater than or equal to 1"),
        ({"sampling_precision": 15}, "less than or equal to 14"),
        ({"hash_seed": 2**32}, "less than"),
        ({"mode": "other"}, "'hash_seed', 'equalizing' or 'proportional'"),
        ({"attribute_source": "span"}, "'traceID' or 'record'"),
    ],
)
def test_what_is_no_rate_is_refused(options: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        Config.model_validate(options)


def test_metrics_are_not_sampled() -> None:
    assert Signal.METRICS not in Config.signals


@in_loop
async def test_what_is_dropped_is_counted() -> None:
    source, backend = Source(), Backend()
    settings = wire("traces: in -> sample -> out", in_=source, sample=Config(), out=backend)
    async with service(settings) as running:
        await source.send(spans(3))
        name = "penstock_processor_dropped_items"
        assert running.telemetry.total(name, reason="filtered") == 3
    assert backend.items == 0


@pytest.mark.parametrize(
    ("mode", "attributes", "state", "policy"),
    [
        ("hash_seed", {}, "", "trace_id_hash"),
        ("equalizing", {}, "", "trace_id_w3c"),
        ("equalizing", {}, "ot=rv:80000000000000", "sampling_randomness"),
        ("equalizing", {"sampling.priority": 1}, "", "sampling_priority"),
    ],
)
def test_spans_are_counted_by_what_decided(
    mode: str, attributes: dict[str, Any], state: str, policy: str
) -> None:
    batch = items(attributes).set("span.trace_state", each([state]))
    assert counted(batch, mode=mode, sampling_percentage=100) == {(policy, "true"): 1}


def test_records_are_counted_by_the_attribute_that_decided() -> None:
    batch = items({"user": "a"}, {}, signal="logs")
    found = counted(batch, sampling_percentage=100, from_attribute="user")
    assert found == {("user", "true"): 1, ("missing_randomness", "false"): 1}


def counted(batch: Batch, **options: Any) -> dict[tuple[str, str], float]:
    """How many items were sampled (`true`) and not, by what decided."""
    telemetry = Telemetry()
    asyncio.run(left_of(batch, telemetry, **options))
    name = f"otelcol_processor_probabilistic_sampler_count_{batch.signal}_sampled"
    series = telemetry.families[name].read()
    told = [(dict(labels), value) for labels, value in series if value]
    return {(labels["policy"], labels["sampled"]): value for labels, value in told}
