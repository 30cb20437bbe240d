"""The servicegraph connector: golden calls, and what becomes of them over time."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
import yaml
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from pydantic import ValidationError

from penstock.connectors import servicegraph
from penstock.connectors.servicegraph import Config
from penstock.pipeline import Batch, Processor, Refused, Signal
from tests.kit import Backend, Source, eventually, in_loop, service, wire

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from penstock.pipeline.runner import Running

CASES = sorted((Path(__file__).parent / "servicegraph").glob("*.yaml"))
KINDS = {"internal": 1, "server": 2, "client": 3, "producer": 4, "consumer": 5}
CALL = {"service": "shop", "kind": "client", "id": 1, "seconds": 1}
ANSWER = {"service": "stock", "kind": "server", "id": 2, "parent": 1, "seconds": 1}


class Shut(Processor):
    """Refuses the first batch."""

    def __init__(self) -> None:
        self._tried = 0

    def process(self, batch: Batch) -> Batch:
        self._tried += 1
        if self._tried == 1:
            raise Refused(str(self._tried), retry_after=0.001)
        return batch


def traces(*spans: dict[str, Any]) -> Batch:
    """Spans as the golden cases have them."""
    request = ExportTraceServiceRequest()
    for span in spans:
        group = request.resource_spans.add()
        group.resource.attributes.add(key="service.name").value.string_value = span["service"]
        written = group.scope_spans.add().spans.add(
            kind=KINDS[span["kind"]],
            trace_id=span.get("trace", 1).to_bytes(16, "big"),
            span_id=span["id"].to_bytes(8, "big"),
            start_time_unix_nano=10**9,
            end_time_unix_nano=10**9 + round(span["seconds"] * 1e9),
            status={"code": 2 if span.get("failed") else 0},
        )
        if "parent" in span:
            written.parent_span_id = span["parent"].to_bytes(8, "big")
        for link in span.get("links", ()):
            written.links.add(
                trace_id=link["trace"].to_bytes(16, "big"), span_id=link["id"].to_bytes(8, "big")
            )
        for key, value in span.get("attributes", {}).items():
            written.attributes.add(key=key).value.string_value = value
    return Batch.from_otlp(Signal.TRACES, request.SerializeToString())


def told(batches: list[Batch]) -> dict[str, list[dict[str, Any]]]:
    """The data points of each metric, without the metric's prefix."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in (row for batch in batches for row in batch.rows()):
        name = row["metric"]["name"].removeprefix("traces_service_graph_request_")
        found.setdefault(name, []).append(row)
    return found


def calls(batches: list[Batch]) -> list[dict[str, Any]]:
    """What metrics say, as the golden cases have it."""
    by_name = told(batches)
    found = []
    for total in by_name.get("total", ()):
        attributes = total["attributes"]
        failed, server, client = (
            next((row for row in by_name.get(name, ()) if row["attributes"] == attributes), None)
            for name in ("failed_total", "server", "client")
        )
        assert server
        assert client
        call = {
            "attributes": attributes,
            "count": total["as_int"],
            "server": {"sum": server["sum"], "buckets": server["bucket_counts"]},
            "client": {"sum": client["sum"], "buckets": client["bucket_counts"]},
        }
        found.append(call | ({"failed": failed["as_int"]} if failed else {}))
    return found


def by_attributes(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(found, key=lambda call: sorted(map(str, call["attributes"].items())))


class Graph(NamedTuple):
    """A service with the connector alone, whose receiver is `source`."""

    source: Source
    backend: Backend
    running: Running


@asynccontextmanager
async def graphing(gate: Processor | None = None, **options: Any) -> AsyncIterator[Graph]:
    """The connector at work; its metrics pass `gate`, if there is one."""
    source, backend = Source(), Backend()
    settings = wire(
        "traces: in -> servicegraph",
        "metrics: servicegraph -> gate -> out" if gate else "metrics: servicegraph -> out",
        in_=source,
        servicegraph=Config.model_validate(options),
        **({"gate": gate} if gate else {}),
        out=backend,
    )
    async with service(settings) as running:
        yield Graph(source, backend, running)


async def made(batch: Batch, **options: Any) -> tuple[list[Batch], Running]:
    """The metrics that are told at the stop, after what waits has waited too long."""
    async with graphing(**options) as graph:
        await graph.source.send(batch)
    return graph.backend.got, graph.running


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_calls_are_told_as_the_collector_tells_them(case: Path) -> None:
    golden = yaml.safe_load(case.read_text())
    options = {"store": {"ttl": "0s"}} | golden.get("options", {})
    got, _ = asyncio.run(made(traces(*golden["spans"]), **options))
    assert by_attributes(calls(got)) == by_attributes(golden["calls"])


@in_loop
async def test_metrics_are_the_collectors() -> None:
    got, _ = await made(traces(CALL, ANSWER))
    rows = told(got)
    assert set(rows) == {"total", "server", "client"}
    assert {row["scope"]["name"] for all_ in rows.values() for row in all_} == {
        "traces_service_graph"
    }
    assert {row["metric"]["unit"] for name in ("server", "client") for row in rows[name]} == {"s"}
    assert all(
        row["metric"]["aggregation_temporality"] == 2 for all_ in rows.values() for row in all_
    )
    assert rows["total"][0]["metric"]["is_monotonic"] is True


@in_loop
async def test_durations_can_be_exponential_histograms() -> None:
    got, _ = await made(traces(CALL, ANSWER), exponential_histogram_max_size=160)
    (server,) = told(got)["server"]
    assert (server["count"], server["sum"]) == (1, 1.0)
    assert "scale" in server or "positive" in server
    assert "bucket_counts" not in server


@in_loop
async def test_without_interval_every_batch_is_told_at_once() -> None:
    async with graphing(metrics_flush_interval="0s") as graph:
        for number in range(1, 4):
            await graph.source.send(traces({**CALL, "trace": number}))
            await graph.source.send(traces({**ANSWER, "trace": number}))
            await eventually(
                lambda: [row["as_int"] for row in told(graph.backend.got)["total"]][-1:] == [number]  # noqa: B023
            )


@in_loop
async def test_metrics_are_told_once_an_interval() -> None:
    async with graphing(metrics_flush_interval="10ms") as graph:
        await graph.source.send(traces(CALL, ANSWER))
        await eventually(lambda: len(told(graph.backend.got).get("total", ())) > 2)
    first, *_, last = told(graph.backend.got)["total"]
    assert first["as_int"] == last["as_int"] == 1
    assert first["start_time_unix_nano"] == last["start_time_unix_nano"]
    assert first["time_unix_nano"] < last["time_unix_nano"]


@in_loop
async def test_what_waited_too_long_is_told_without_other_spans() -> None:
    async with graphing(
        metrics_flush_interval="10ms", store_expiration_loop="10ms", store={"ttl": "1ms"}
    ) as graph:
        await graph.source.send(traces(CALL))
        await eventually(lambda: told(graph.backend.got).get("total"))
        name = "otelcol_connector_servicegraph_"
        assert graph.running.telemetry.total(f"{name}total_edges") == 1
        assert graph.running.telemetry.total(f"{name}expired_edges") == 1


@in_loop
async def test_what_finds_no_room_or_has_no_ids_is_counted() -> None:
    _, running = await made(
        traces(*({**CALL, "trace": number} for number in range(4))), store={"max_items": 2}
    )
    name = "otelcol_connector_servicegraph_dropped_spans"
    assert running.telemetry.total(name) == 1
    invalid = running.telemetry.total("penstock_connector_dropped_items", reason="invalid_id")
    assert invalid == 1


@in_loop
async def test_a_next_stage_that_refuses_costs_no_call() -> None:
    async with graphing(Shut(), metrics_flush_interval="0s") as graph:
        await graph.source.send(traces(CALL, ANSWER))
        await graph.source.send(traces({**CALL, "trace": 2}, {**ANSWER, "trace": 2}))
    assert [row["as_int"] for row in told(graph.backend.got)["total"]][-1] == 2


@in_loop
async def test_the_times_of_metrics_can_be_set_back() -> None:
    got, _ = await made(traces(CALL, ANSWER), metrics_timestamp_offset="1h")
    now, _ = await made(traces(CALL, ANSWER))
    (early,), (late,) = told(got)["total"], told(now)["total"]
    assert 3599e9 < late["time_unix_nano"] - early["time_unix_nano"] < 3700e9
    assert early["start_time_unix_nano"] <= early["time_unix_nano"]


@in_loop
async def test_too_many_kinds_of_calls_are_told_together() -> None:
    batch = traces(
        *(
            span
            for number in range(1, 6)
            for span in (
                {**CALL, "trace": number, "service": f"shop {number}"},
                {**ANSWER, "trace": number},
            )
        )
    )
    got, _ = await made(batch, aggregation_cardinality_limit=2)
    rows = told(got)["total"]
    assert sum(row["as_int"] for row in rows) == 5
    assert [row["as_int"] for row in rows if "otel.metric.overflow" in row["attributes"]] == [3]


@in_loop
async def test_series_without_calls_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servicegraph, "_IDLE", -2.0)  # all that came is idle
    async with graphing(cache_loop="1ms") as graph:
        await graph.source.send(traces(CALL, ANSWER))
        await eventually(lambda: not graph.running.telemetry.total("penstock_connector_series"))
    assert graph.backend.got == []


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (
            {"latency_histogram_buckets": ["1s"], "exponential_histogram_max_size": 10},
            "use either",
        ),
        ({"latency_histogram_buckets": ["2s", "1s"]}, "each bucket ends after"),
        ({"exponential_histogram_max_size": 1}, "at least 2"),
        ({"store": {"max_items": 0}}, "max_items"),
    ],
)
def test_settings_that_make_no_sense_are_refused(options: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        Config.model_validate(options)
