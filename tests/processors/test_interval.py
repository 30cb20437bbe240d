"""The interval processor: the last point of each series once an interval, and none is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from pydantic import ValidationError

from penstock.pipeline import Batch, Invalid, Refused
from penstock.pipeline.telemetry.registry import Telemetry
from penstock.processors import interval
from penstock.processors.interval import Config, Interval, Window
from tests.kit import Backend, Next, Source, eventually, in_loop, points, service, wire
from tests.pipeline.test_points import CUMULATIVE, DELTA, batch_of, sums
from tests.processors.stages import running

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

REASON = "penstock_processor_dropped_items"


def subject(
    after: Next, telemetry: Telemetry | None = None, **options: Any
) -> AbstractAsyncContextManager[Interval]:
    """A running processor; what it holds is passed on at the end."""
    config = Config.model_validate({"interval": "1h", **options})
    return running(config, "metrics", after, telemetry)


def found(batch: Batch) -> list[tuple[str, int, Any]]:
    labels = batch.column('datapoint.attributes["label"]').to_list()
    times = batch.numbers("datapoint.time_unix_nano").tolist()
    return list(zip(labels, times, batch.column("datapoint.value").to_list(), strict=True))


@in_loop
async def test_the_newest_point_of_each_series_is_passed_on() -> None:
    after, telemetry = Next(), Telemetry()
    async with subject(after, telemetry) as stage:
        await stage.consume(sums([("foo", 1, 10, 4.0), ("bar", 1, 2, 3.1)]))
        await stage.consume(sums([("foo", 1, 8, 12.8), ("bar", 1, 10, 6.4), ("foo", 1, 10, 5.0)]))
        assert after.got == []
        assert stage.held == 5
    (done,) = after.got
    assert sorted(found(done)) == [("bar", 10, 6.4), ("foo", 10, 4.0)]
    assert telemetry.total(REASON, reason="replaced") == 3
    assert len(set(done.parents("resource").tolist())) == 1


@in_loop
async def test_what_would_lose_something_is_passed_on_at_once() -> None:
    after = Next()
    falling = sums([("c", 1, 2, 3)]).set("metric.is_monotonic", False)
    async with subject(after) as stage:
        await stage.consume(Batch.concat([sums([("a", 1, 2, 1)], DELTA), falling]))
        assert [found(batch) for batch in after.got] == [[("a", 2, 1), ("c", 2, 3)]]
        await stage.consume(
            Batch.concat(
                [sums([("b", 1, 2, 2)]), sums([("d", 1, 2, 4)], DELTA), sums([("e", 1, 2, 5)])]
            )
        )
        assert found(after.got[1]) == [("d", 2, 4)]
    assert found(after.got[2]) == [("b", 2, 2), ("e", 2, 5)]


def of_each_type() -> Batch:
    request = ExportMetricsServiceRequest()
    metrics = request.resource_metrics.add().scope_metrics.add().metrics
    metrics.add(name="gauge").gauge.data_points.add(as_int=1)
    metrics.add(name="summary").summary.data_points.add(count=1)
    for temporality, name in ((DELTA, "delta"), (CUMULATIVE, "cumulative")):
        histogram = metrics.add(name=f"{name} histogram").histogram
        histogram.aggregation_temporality = temporality
        histogram.data_points.add(count=1)
        exponential = metrics.add(name=f"{name} exponential").exponential_histogram
        exponential.aggregation_temporality = temporality
        exponential.data_points.add(count=1)
    return batch_of(request)


@pytest.mark.parametrize("gauge", [False, True])
@pytest.mark.parametrize("summary", [False, True])
@in_loop
async def test_types_wait_or_pass(gauge: bool, summary: bool) -> None:
    after = Next()
    options = {"gauge": gauge, "summary": summary}
    async with subject(after, pass_through=options) as stage:
        await stage.consume(of_each_type())
    passing = {"delta histogram", "delta exponential"}
    passing |= {name for name, passes in options.items() if passes}
    everything = set(of_each_type().column("metric.name").values)
    passed, waited = (set(batch.column("metric.name").values) for batch in after.got)
    assert (passed, waited) == (passing, everything - passing)


@given(
    batches=st.lists(
        st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 9)), min_size=1), min_size=1
    ),
    few=st.integers(0, 3),
)
def test_it_does_not_matter_when_replaced_points_are_looked_for(
    batches: list[list[tuple[str, int]]], few: int
) -> None:
    window, expected, number = Window(), dict[str, tuple[int, int]](), 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(interval, "_FEW", few)
        replaced = 0
        for batch in batches:
            values = []
            for label, time in batch:
                number += 1
                values.append((label, 1, time, number))
                if label not in expected or time > expected[label][0]:
                    expected[label] = (time, number)
            replaced += window.add(sums(values))
        replaced += window.tidy()
    assert {label: (time, value) for label, time, value in found(window.batch())} == expected
    assert (len(expected), number) == (len(window), len(window) + replaced)


@in_loop
async def test_points_are_passed_on_after_every_interval_and_forgotten() -> None:
    after = Next()
    async with subject(after, interval="5ms") as stage:
        await stage.consume(sums([("a", 1, 4, 1)]))
        await eventually(lambda: len(after.got) == 1)
        await stage.consume(sums([("a", 1, 3, 2)]))
        await eventually(lambda: len(after.got) == 2)
        assert stage.held == 0
    assert [found(batch) for batch in after.got] == [[("a", 4, 1)], [("a", 3, 2)]]


@in_loop
async def test_many_series_are_passed_on_before_the_interval_is_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(interval, "_MOST_BYTES", 1_000)
    many = sums([(f"series {number}", 1, 2, 3) for number in range(50)])
    after = Next(Refused("full", 3600))
    async with subject(after) as stage:
        await stage.consume(many)
        await eventually(lambda: not after.faults)
        await stage.consume(many)
        with pytest.raises(Refused, match="behind"):
            await stage.consume(many)
        assert stage.held == 100
    assert [len(batch) for batch in after.got] == [50, 50]


@in_loop
async def test_what_is_refused_at_once_is_not_held() -> None:
    mixed = Batch.concat([sums([("a", 1, 2, 1)]), sums([("b", 1, 2, 2)], DELTA)])
    after = Next(Refused("not now"))
    async with subject(after) as stage:
        with pytest.raises(Refused, match="not now"):
            await stage.consume(mixed)
        assert stage.held == 0
        await stage.consume(mixed)
        assert stage.held == 1


@in_loop
async def test_what_no_stage_takes_is_dropped_and_counted() -> None:
    telemetry = Telemetry()
    async with subject(Next(Invalid("never")), telemetry) as stage:
        await stage.consume(sums([("a", 1, 2, 1), ("b", 1, 2, 1)]))
    assert telemetry.total(REASON, reason="invalid") == 2


@in_loop
async def test_after_the_stop_nothing_is_taken() -> None:
    async with subject(Next()) as stage:
        await stage.stop()
        with pytest.raises(Refused, match="stops"):
            await stage.consume(points(1))


@in_loop
async def test_in_a_service_every_point_is_accounted_for() -> None:
    source, backend = Source(), Backend()
    settings = wire("metrics: in -> interval -> out", in_=source, interval=Config(), out=backend)
    async with service(settings) as running:
        await source.send(points(3))
    assert backend.items == 1
    assert running.telemetry.total(REASON, reason="replaced") == 2


def test_an_interval_takes_time() -> None:
    with pytest.raises(ValidationError, match="greater than 0"):
        Config.model_validate({"interval": 0})
