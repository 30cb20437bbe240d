"""The spanmetrics connector: an integration test compares what it makes with the Collector's."""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from contextlib import asynccontextmanager
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from pydantic import ValidationError

from penstock.connectors.spanmetrics import Config
from penstock.pipeline import Batch, Invalid, Refused, Signal
from penstock.pipeline.telemetry.registry import Telemetry
from tests.connectors.telling import BEGIN, SPANS, put, request
from tests.kit import PATIENCE, context, eventually, in_loop

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from penstock.connectors.spanmetrics import SpanMetrics

DELTA: dict[str, Any] = {"aggregation_temporality": "AGGREGATION_TEMPORALITY_DELTA"}
Rows = list[dict[str, Any]]
KINDS = Span.SpanKind.keys()
STATUSES = Status.StatusCode.keys()


class Next:
    """What takes metrics, unless there is trouble."""

    def __init__(self) -> None:
        self.got: list[Rows] = []
        self.trouble: Exception | None = None
        self.offers = 0

    async def __call__(self, batch: Batch) -> None:
        self.offers += 1
        if self.trouble:
            raise self.trouble
        self.got.append(batch.rows())

    def has(self, count: int) -> bool:
        """Whether so many batches came."""
        return len(self.got) >= count

    @property
    def last(self) -> Rows:
        """What came last."""
        return self.got[-1]


def spans(change: Callable[[Any], None] = lambda _: None) -> Batch:
    """The spans of the table, each twice, of the shop."""
    made = request()
    del made.resource_spans[1:]
    change(made.resource_spans[0])
    return Batch.from_otlp(Signal.TRACES, made.SerializeToString())


@asynccontextmanager
async def running(
    telemetry: Telemetry | None = None, /, **options: Any
) -> AsyncIterator[tuple[SpanMetrics, Next]]:
    """A connector, and what takes what it makes."""
    config = Config.model_validate({"metrics_flush_interval": "1h"} | options)
    async with context("spanmetrics", telemetry, instance="me") as given:
        connector, following = config.build(given), Next()
        await connector.start(following)
        try:
            yield connector, following
        finally:
            following.trouble = None
            await connector.stop()


async def made(*batches: Batch, **options: Any) -> Rows:
    """What is made of batches in an interval."""
    async with running(**options) as (connector, following):
        for batch in batches:
            await connector.consume(batch)
    return following.last if following.got else []


def of_metric(rows: Rows, name: str) -> Rows:
    """The points of a metric."""
    return [row for row in rows if row["metric"]["name"] == f"traces.span.metrics.{name}"]


def calls(rows: Rows) -> dict[str, int]:
    """Calls by the name of the span."""
    found: dict[str, int] = {}
    for row in of_metric(rows, "calls"):
        name = row["attributes"].get("span.name", "others")
        found[name] = found.get(name, 0) + row["as_int"]
    return found


NUMBER = {"GET /": 6, "pay": 6, "": 2}
"""How many spans there are in `spans()`."""

ALL = NUMBER | {"GET /": 8}
"""How many those stand for: two of them for two each."""


@in_loop
async def test_calls_and_durations_are_told_of_each_kind_of_span() -> None:
    rows = await made(spans())
    (row,) = (
        row
        for row in of_metric(rows, "duration")
        if row["attributes"]["span.name"] == "GET /"
        and row["attributes"]["status.code"] == "STATUS_CODE_ERROR"
    )
    assert calls(rows) == ALL
    assert row["attributes"] == {
        "service.name": "shop",
        "span.name": "GET /",
        "span.kind": "SPAN_KIND_SERVER",
        "status.code": "STATUS_CODE_ERROR",
        "collector.instance.id": "me",
    }
    assert row["resource"]["attributes"]["service.name"] == "shop"
    assert (row["count"], row["sum"], row["metric"]["unit"]) == (2, 1401, "ms")
    assert row["metric"]["aggregation_temporality"] == 2
    assert row["scope"]["name"] == "penstock/connectors/spanmetrics"


@in_loop
async def test_all_metrics_of_a_resource_are_passed_on_together() -> None:
    events = {"enabled": True, "dimensions": [{"name": "exception.type"}]}
    async with running(events=events) as (connector, following):
        await connector.consume(spans())
    (rows,) = following.got
    assert {row["metric"]["name"].rpartition(".")[2] for row in rows} == {
        "calls",
        "duration",
        "events",
    }


@in_loop
async def test_totals_grow_and_begin_when_the_first_span_came() -> None:
    async with running(metrics_flush_interval="2ms") as (connector, following):
        await connector.consume(spans())
        await eventually(lambda: following.got)
        await connector.consume(spans())
        await eventually(lambda: calls(following.last)["pay"] == 2 * ALL["pay"])
    starts = {row["start_time_unix_nano"] for rows in following.got for row in rows}
    assert len(starts) == 1
    times = [rows[0]["time_unix_nano"] for rows in following.got]
    assert times == sorted(times)
    assert starts.pop() < times[0]


@in_loop
async def test_deltas_tell_of_every_span_once_and_leave_no_time_out() -> None:
    async with running(metrics_flush_interval="2ms", **DELTA) as (connector, following):
        for number in range(3):
            await connector.consume(spans())
            await eventually(partial(following.has, number + 1))
    assert [calls(rows) for rows in following.got] == [ALL] * 3
    begins = [rows[0]["start_time_unix_nano"] for rows in following.got]
    ends = [rows[0]["time_unix_nano"] for rows in following.got]
    assert all(begin >= end for begin, end in zip(begins[1:], ends, strict=False))
    assert all(begin < end for begin, end in zip(begins, ends, strict=True))


@pytest.mark.parametrize("options", [{}, DELTA])
@in_loop
async def test_nothing_is_lost_while_the_next_stage_refuses(options: dict[str, Any]) -> None:
    async with running(metrics_flush_interval="2ms", **options) as (connector, following):
        following.trouble = Refused("full", retry_after=0.001)
        await connector.consume(spans())
        await eventually(lambda: following.offers > 2)
        assert connector.held == 10
        await connector.consume(spans())
    found = [calls(rows) for rows in following.got]
    twice = {name: 2 * count for name, count in ALL.items()}
    assert (found[0], found[-1]) == (ALL, ALL if options else twice)
    assert connector.held == 0


@in_loop
async def test_what_no_stage_will_take_is_dropped_and_counted() -> None:
    telemetry = Telemetry()
    async with running(telemetry, metrics_flush_interval="2ms", **DELTA) as (connector, following):
        following.trouble = Invalid("never")
        await connector.consume(spans())
        name = "penstock_connector_dropped_items"
        await eventually(lambda: telemetry.total(name, reason="invalid") == 10)


@in_loop
async def test_a_connector_that_stops_takes_no_more() -> None:
    async with running() as (connector, _):
        await connector.stop()
        with pytest.raises(Refused):
            await connector.consume(spans())


@in_loop
async def test_spans_of_services_without_a_name_are_left_out_and_counted() -> None:
    telemetry = Telemetry()
    async with running(telemetry) as (connector, following):
        await connector.consume(Batch.from_otlp(Signal.TRACES, request().SerializeToString()))
    name = "penstock_connector_dropped_items"
    assert telemetry.total(name, reason="no_service_name") == 2 * len(SPANS)
    assert calls(following.last) == {name: 2 * count for name, count in ALL.items()}


@in_loop
async def test_series_that_are_too_many_become_one_and_their_spans_are_counted() -> None:
    telemetry = Telemetry()
    async with running(telemetry, aggregation_cardinality_limit=2) as (connector, following):
        await connector.consume(spans())
        assert telemetry.total("penstock_connector_series") == 6
    assert calls(following.last) == {"GET /": 8, "others": 8}
    overflows = [row for row in following.last if "otel.metric.overflow" in row["attributes"]]
    assert [row["attributes"]["otel.metric.overflow"] for row in overflows] == [True, True]
    assert telemetry.total("penstock_connector_folded_items") == 16


@pytest.mark.parametrize(
    ("option", "left"), [("series_expiration", {"pay"}), ("metrics_expiration", {"pay", "GET /"})]
)
@in_loop
async def test_what_nothing_comes_to_is_forgotten(option: str, left: set[str]) -> None:
    """The shop's `pay` goes on, and the bank has nothing to tell any more."""

    def all_of_the_bank(group: Any) -> None:
        group.resource.attributes[-1].value.string_value = "bank"

    def some_of_the_shop(group: Any) -> None:
        del group.scope_spans[1:], group.scope_spans[0].spans[5:], group.scope_spans[0].spans[:3]

    def requests_of_the_shop(group: Any) -> None:
        del group.scope_spans[1:], group.scope_spans[0].spans[1:]

    options: dict[str, Any] = {"metrics_flush_interval": "20ms", option: "1s"}
    async with running(**options) as (connector, following):
        await connector.consume(spans(all_of_the_bank))
        await connector.consume(spans(requests_of_the_shop))

        async def goes_on() -> bool:
            await connector.consume(spans(some_of_the_shop))
            services = {row["attributes"]["service.name"] for row in following.last or ()}
            return services == {"shop"} and {*calls(following.last)} == left

        async with asyncio.timeout(PATIENCE):
            await eventually(lambda: following.got)
            while not await goes_on():  # noqa: ASYNC110  (what is waited for needs what is sent)
                await asyncio.sleep(0.02)


@in_loop
async def test_resources_that_are_alike_by_some_attributes_are_one() -> None:
    batches = []
    for pid in range(3):

        def change(group: Any, pid: int = pid) -> None:
            group.resource.attributes[1].value.int_value = 100 + pid

        batches.append(spans(change))
    apart = await made(*batches)
    assert len(of_metric(apart, "calls")) == 15
    alike = await made(*batches, resource_metrics_key_attributes=["service.name", "none"])
    assert calls(alike) == calls(apart)
    assert {row["resource"]["attributes"]["process.pid"] for row in alike} == {100}
    assert len(of_metric(alike, "calls")) == 5


@in_loop
async def test_metrics_can_be_of_no_resource() -> None:
    rows = await made(spans(), add_resource_attributes=False)
    assert {str(row["resource"]) for row in rows} == {"{}"}


@in_loop
async def test_a_span_counts_for_as_many_as_its_sampler_says() -> None:
    def change(group: Any) -> None:
        for scope in group.scope_spans:
            for span in scope.spans:
                span.trace_state = "x=1,ot=th:c;rv:ffffffffffffff"

    rows = await made(spans(change), enable_metrics_sampling_method=True)
    assert calls(rows) == {name: 4 * count for name, count in NUMBER.items()}
    assert {row["attributes"]["sampling.method"] for row in rows} == {"extrapolated"}


@pytest.mark.parametrize("state", ["ot=th:zz", "ot=rv:1", "ot=", "x=ot=th:8", "ot=th:8;;", "th:8"])
@in_loop
async def test_a_trace_state_that_says_nothing_of_samplers_counts_once(state: str) -> None:
    def change(group: Any) -> None:
        for scope in group.scope_spans:
            for span in scope.spans:
                span.trace_state = state

    rows = await made(spans(change), enable_metrics_sampling_method=True)
    assert calls(rows) == NUMBER
    assert {row["attributes"]["sampling.method"] for row in rows} == {"counted"}


@in_loop
async def test_counts_of_sampled_spans_are_whole_and_right_on_the_average() -> None:
    def change(group: Any) -> None:
        for scope in group.scope_spans:
            for span in scope.spans:
                span.trace_state = "ot=th:4"  # 4/3 spans

    rows = await made(*[spans(change)] * 300)
    assert sum(calls(rows).values()) == pytest.approx(14 * 300 * 4 / 3, rel=0.05)


@in_loop
async def test_exemplars_are_few_and_told_of_once() -> None:
    options: dict[str, Any] = {"exemplars": {"enabled": True, "max_per_data_point": 1}}
    async with running(metrics_flush_interval="2ms", **options) as (connector, following):
        await connector.consume(spans())
        await eventually(lambda: len(following.got) > 1)
    first = [row["exemplars"] for row in following.got[0]]
    assert {len(exemplars) for exemplars in first} == {1}
    assert first[0][0]["trace_id"] == "01" * 16
    assert {row.get("exemplars") and 1 for row in following.last} == {None}
    assert first[0][0]["time_unix_nano"] >= BEGIN


@in_loop
async def test_ids_of_a_wrong_length_make_no_exemplars() -> None:
    def change(group: Any) -> None:
        for scope in group.scope_spans:
            for span in scope.spans:
                span.trace_id = b"short"

    rows = await made(spans(change), exemplars={"enabled": True})
    assert calls(rows) == ALL
    assert not any(row.get("exemplars") for row in rows)


@in_loop
async def test_batches_without_spans_that_count_make_nothing() -> None:
    assert await made() == []
    assert await made(spans(lambda group: group.resource.ClearField("attributes"))) == []


@in_loop
async def test_durations_without_end_and_of_centuries_do_no_harm() -> None:
    def change(group: Any) -> None:
        first, second, *_ = group.scope_spans[0].spans
        first.start_time_unix_nano, first.end_time_unix_nano = 2**64 - 1, 0
        second.start_time_unix_nano, second.end_time_unix_nano = 0, 2**64 - 1
        put(group.scope_spans[0].spans[2], {"span.name": "x"})

    assert calls(await made(spans(change))) == ALL


Told = tuple[int, int, int, int, int]
"""Service, name, kind, status and nanoseconds of a span."""

TOLD = st.tuples(
    st.integers(0, 2),
    st.integers(0, 3),
    st.integers(0, 5),
    st.integers(0, 2),
    st.integers(0, 10**11) | st.sampled_from([0, 2_000_000, 2_000_001, 15 * 10**9]),
)


def telling(spans: list[Told]) -> Batch:
    """A batch of such spans, each of a resource of its own."""
    made: Any = ExportTraceServiceRequest()
    for service, name, kind, status, nanos in spans:
        group = made.resource_spans.add()
        put(group.resource, {"service.name": f"s{service}"})
        span = group.scope_spans.add().spans.add(name=f"n{name}", kind=kind)
        span.status.code = status
        span.start_time_unix_nano, span.end_time_unix_nano = BEGIN, BEGIN + nanos
    return Batch.from_otlp(Signal.TRACES, made.SerializeToString())


def counted(batches: list[list[Told]]) -> dict[tuple[str, ...], tuple[int, list[int], float]]:
    """Calls, counts in buckets and milliseconds, worked out one by one."""
    bounds = Config().histogram.shape["histogram"]
    found: dict[tuple[str, ...], tuple[int, list[int], float]] = {}
    for service, name, kind, status, nanos in chain.from_iterable(batches):
        key = (f"s{service}", f"n{name}", KINDS[kind], STATUSES[status])
        calls, buckets, total = found.get(key, (0, [0] * (len(bounds) + 1), 0.0))
        buckets[bisect_left(bounds, nanos / 1e6)] += 1
        found[key] = (calls + 1, buckets, total + nanos / 1e6)
    return found


@given(st.lists(st.lists(TOLD, min_size=1, max_size=20), max_size=5))
@settings(max_examples=20, deadline=None)
def test_whatever_comes_is_counted_as_one_would_by_hand(batches: list[list[Told]]) -> None:
    rows = asyncio.run(made(*map(telling, batches)))
    wanted = counted(batches)
    keys = ("service.name", "span.name", "span.kind", "status.code")
    assert {
        tuple(row["attributes"][key] for key in keys): row["as_int"]
        for row in of_metric(rows, "calls")
    } == {key: calls for key, (calls, _, _) in wanted.items()}
    for row in of_metric(rows, "duration"):
        calls, buckets, total = wanted[tuple(row["attributes"][key] for key in keys)]
        assert (row["count"], row["bucket_counts"]) == (calls, buckets)
        assert row["sum"] == pytest.approx(total)


@pytest.mark.parametrize(
    "options",
    [
        {"histogram": {"explicit": {}, "exponential": {}}},
        {"histogram": {"unit": "h"}},
        {"histogram": {"explicit": {"buckets": ["2ms", "1ms"]}}},
        {"histogram": {"exponential": {"max_size": 1}}},
        {"histogram": {"dimensions": [{"name": "a"}, {"name": "a"}]}},
        {"dimensions": [{"name": "service.name"}]},
        {"dimensions": [{"glob": "span.*"}]},
        {"calls_dimensions": [{"name": "collector.instance.id"}]},
        {"exclude_dimensions": ["http.method"]},
        {"events": {"enabled": True}},
        {"events": {"dimensions": [{"name": "status.code"}]}},
        {"exemplars": {"max_per_data_point": -1}},
        {"metrics_flush_interval": "0"},
        {"metrics_expiration": "-1s"},
        {"aggregation_cardinality_limit": 0},
        {"aggregation_temporality": "delta"},
        {"dimensions_cache_size": 100},
        {"metric_timestamp_cache_size": 100},
    ],
)
def test_what_makes_no_sense_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Config.model_validate(options)


def test_a_histogram_is_what_is_named() -> None:
    def shape(**histogram: Any) -> dict[str, Any]:
        return Config.model_validate({"histogram": histogram}).histogram.shape

    assert shape(exponential=None) == {"exponential": {"max_size": 160}}
    assert shape(unit="S", explicit=None)["histogram"][:2] == [0.002, 0.004]
    assert shape(explicit={"buckets": ["1500us"]}) == {"histogram": [1.5]}
