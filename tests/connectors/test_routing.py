"""The routing connector."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from pydantic import ValidationError

from penstock.connectors.routing import Config
from penstock.pipeline import Batch, Invalid, Permanent, Refused, Retryable, Signal
from tests.conformance.contract import marked, marks_of
from tests.kit import Backend, Source, context, in_loop, service, spans, wire

FIRST = {"context": "span", "condition": 'name == "span 0"', "pipelines": ["traces/2"]}
SECOND = {"context": "span", "condition": 'IsMatch(name, "[01]")', "pipelines": ["traces/3"]}


def of_environments(*environments: str) -> Batch:
    """A span for each environment, in a resource of its own."""
    request = ExportTraceServiceRequest()
    for environment in environments:
        resource = request.resource_spans.add()
        resource.resource.attributes.add(key="env").value.string_value = environment
        resource.scope_spans.add().spans.add(name=environment)
    return Batch.from_otlp(Signal.TRACES, request.SerializeToString())


async def routed(batch: Batch, *table: dict[str, Any], **options: Any) -> dict[str, list[str]]:
    """The names of what goes to each pipeline, and how many items go nowhere."""
    async with context() as given:
        config = Config.model_validate({"table": table, **options})
        found = config.build(given).route(batch)
    ways = {id_: marks_of(part) for id_, part in found.parts.items()}
    return ways | ({"dropped": ["?"] * found.dropped} if found.dropped else {})


@in_loop
async def test_items_go_by_the_first_route_that_they_match_and_the_rest_to_the_default() -> None:
    found = await routed(spans(4), FIRST, SECOND, default_pipelines=["traces/4"])
    assert found == {
        "traces/2": ["span 0"],
        "traces/3": ["span 1"],
        "traces/4": ["span 2", "span 3"],
    }


@in_loop
async def test_what_is_copied_goes_on() -> None:
    found = await routed(spans(3), FIRST | {"action": "copy"}, SECOND)
    assert found == {"traces/2": ["span 0"], "traces/3": ["span 0", "span 1"], "dropped": ["?"]}


@in_loop
async def test_a_pipeline_gets_an_item_once_and_in_its_order() -> None:
    last = {"context": "span", "condition": 'name == "span 2"', "pipelines": ["traces/2"]}
    found = await routed(spans(3), last | {"action": "copy"}, FIRST, default_pipelines=["traces/2"])
    assert found == {"traces/2": ["span 0", "span 1", "span 2"]}


@in_loop
async def test_conditions_are_about_resources_unless_said_otherwise() -> None:
    route = {"condition": 'attributes["env"] == "eu"', "pipelines": ["traces/2", "traces/3"]}
    found = await routed(of_environments("eu", "us", "eu"), route)
    assert found == {"traces/2": ["eu", "eu"], "traces/3": ["eu", "eu"], "dropped": ["?"]}


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ('route() where name == "span 1"', ["span 1"]),
        ("  route( )", ["span 0", "span 1"]),
    ],
)
@in_loop
async def test_a_statement_says_the_same(statement: str, expected: list[str]) -> None:
    route = {"context": "span", "statement": statement, "pipelines": ["traces"]}
    found = await routed(spans(2), route)
    assert found["traces"] == expected


@pytest.mark.parametrize(
    ("signal", "about", "condition"),
    [
        (Signal.METRICS, "metric", 'name == "b"'),
        (Signal.METRICS, "datapoint", 'metric.name == "b" and value_int == 1'),
        (Signal.LOGS, "log", 'body == "b"'),
    ],
)
@in_loop
async def test_routes_are_for_the_signals_of_their_pipelines(
    signal: Signal, about: str, condition: str
) -> None:
    traces = {"condition": "true", "pipelines": ["traces"]}
    route = {"context": about, "condition": condition, "pipelines": [f"{signal}/b"]}
    found = await routed(marked(signal, "abc"), traces, route, default_pipelines=["traces"])
    assert found == {f"{signal}/b": ["b"], "dropped": ["?", "?"]}


@pytest.mark.parametrize(
    ("route", "problem"),
    [
        ({"context": "request"}, "route by a resource attribute"),
        ({"context": "log"}, "`traces/2` has nothing of the context `log`"),
        ({"condition": "nam == 1"}, "column 1: .*did you mean `name`"),
        ({"statement": "route()"}, "either `condition` or `statement`"),
        ({"condition": None}, "either `condition` or `statement`"),
        ({"condition": None, "statement": "route() where nam == 1"}, "column 15: .*`name`"),
        ({"condition": None, "statement": 'delete_key(attributes, "a")'}, "use|change items with"),
        ({"pipelines": []}, "at least 1 item"),
        ({"pipelines": ["spans"]}, "expected the id of a pipeline"),
    ],
)
def test_a_route_that_cannot_be_is_refused(route: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem) as caught:
        Config.model_validate({"table": [FIRST | route]})
    assert caught.value.error_count() == 1


def wired(source: Source, left: Backend, right: Backend, **options: Any) -> Any:
    """A service in which `span 0` goes to the left, and other spans to the right."""
    return wire(
        "traces: in -> routing",
        "traces/2: routing -> left",
        "traces/3: routing -> right",
        in_=source,
        routing=Config.model_validate({"table": [FIRST], **options}),
        left=left,
        right=right,
    )


@in_loop
async def test_every_item_is_accounted_for_by_pipeline() -> None:
    source, left, right = Source(), Backend(), Backend()
    settings = wired(source, left, right, default_pipelines=["traces/3"])
    async with service(settings) as running:
        await source.send(spans(3))
        await source.send(spans(1))
    assert (left.items, right.items) == (2, 2)
    name = "penstock_connector_routed_items"
    assert running.telemetry.total(name, branch="pipeline traces/2") == 2
    assert running.telemetry.total(name, branch="pipeline traces/3") == 2


@in_loop
async def test_what_goes_nowhere_is_dropped_and_counted() -> None:
    source, left, right = Source(), Backend(), Backend()
    async with service(wired(source, left, right)) as running:
        await source.send(spans(3))
    assert (left.items, right.items) == (1, 0)
    dropped = "penstock_connector_dropped_items"
    assert running.telemetry.total(dropped, reason="unrouted") == 2


@in_loop
async def test_what_one_pipeline_refuses_is_lost_there_when_another_takes_its_part() -> None:
    source, left, right = Source(), Backend(Permanent("never")), Backend()
    settings = wired(source, left, right, default_pipelines=["traces/3"])
    async with service(settings) as running:
        await source.send(spans(3))
    assert (left.items, right.items) == (0, 2)
    assert running.telemetry.total("penstock_fanout_lost_items") == 1
    assert running.telemetry.total("penstock_connector_outgoing_items") == 2


@in_loop
async def test_what_no_pipeline_takes_the_sender_still_has() -> None:
    source = Source()
    left, right = Backend(Retryable("busy")), Backend(Permanent("never"))
    settings = wired(source, left, right, default_pipelines=["traces/3"])
    async with service(settings) as running:
        with pytest.raises(Refused):
            await source.send(spans(3))
        assert running.telemetry.total("penstock_connector_incoming_items") == 0
        await source.send(spans(3))
    assert (left.items, right.items) == (1, 2)


FAILING = {"context": "span", "condition": "Len(name) / 0 == 1", "pipelines": ["traces/2"]}


@in_loop
async def test_a_batch_with_items_for_which_a_condition_fails_is_invalid() -> None:
    source, left, right = Source(), Backend(), Backend()
    async with service(wired(source, left, right, table=[FAILING])):
        with pytest.raises(Invalid, match="division by zero"):
            await source.send(spans(1))
    assert (left.items, right.items) == (0, 0)


@in_loop
async def test_items_for_which_a_condition_fails_go_on_when_failures_are_ignored() -> None:
    found = await routed(spans(1), FAILING, default_pipelines=["traces/3"], error_mode="ignore")
    assert found == {"traces/3": ["span 0"]}
