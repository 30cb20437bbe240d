"""The memory_limiter processor."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from penstock._kernel import hold_at_most
from penstock.config.load import load_text
from penstock.pipeline import Refused, Signal
from penstock.pipeline.memory.limits import MIB, Memory, Pauses
from penstock.pipeline.status import State
from penstock.pipeline.telemetry.registry import Telemetry
from penstock.processors.memory_limiter import Config, MemoryLimiter
from tests.kit import Backend, Source, context, in_loop, points, service, spans, wire

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

LIMITED = {"check_interval": "1s", "limit_mib": 1000}


@pytest.fixture(autouse=True)
def room() -> Iterator[None]:
    """What servers may hold is a matter of the whole process, tests that follow included."""
    yield
    hold_at_most(sys.maxsize)


async def subject(memory: Memory, telemetry: Telemetry | None = None) -> MemoryLimiter:
    """With a limit of 1000 MiB, of which a fifth is for spikes."""
    fields: Mapping[str, Any] = {"signals": frozenset({Signal.TRACES}), "memory": memory}
    async with context("memory_limiter", telemetry, pipeline="traces", **fields) as given:
        return Config.model_validate(LIMITED).build(given)


def using(mib: int) -> Memory:
    """The memory of a process that uses so many MiB, half of them for queues."""
    return Memory(lambda: mib * MIB, lambda: mib * MIB // 2, give_back=lambda: None)


def test_options_and_defaults_are_the_collectors() -> None:
    assert Config.model_validate(LIMITED).model_dump() == {
        "check_interval": "1s",
        "limit_mib": 1000,
        "spike_limit_mib": 0,
        "limit_percentage": 0,
        "spike_limit_percentage": 0,
        "min_gc_interval_when_soft_limited": "10s",
        "min_gc_interval_when_hard_limited": "0s",
        "max_gc_interval_when_soft_limited": "30s",
        "max_gc_interval_when_hard_limited": "30s",
    }


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"limit_mib": 100}, "Field required"),
        ({"check_interval": "0s", "limit_mib": 100}, "greater than 0"),
        ({"check_interval": "1s"}, "expected limit_mib or limit_percentage"),
        ({**LIMITED, "spike_limit_mib": 1000}, "must be less than limit_mib"),
        ({**LIMITED, "spike_limit_percentage": 10}, "needs limit_percentage"),
        ({"check_interval": "1s", "limit_percentage": 101}, "less than or equal to 100"),
        (
            {"check_interval": "1s", "limit_percentage": 50, "spike_limit_percentage": 50},
            "must be less than limit_percentage",
        ),
        ({**LIMITED, "min_gc_interval_when_hard_limited": "11s"}, "must not be less"),
        ({**LIMITED, "max_gc_interval_when_soft_limited": "9s"}, "must not be less"),
        (
            {
                **LIMITED,
                "min_gc_interval_when_hard_limited": "5s",
                "max_gc_interval_when_hard_limited": "1s",
            },
            "must not be less",
        ),
    ],
)
def test_what_makes_no_limit_is_refused(options: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        Config.model_validate(options)


@pytest.mark.parametrize(
    ("options", "soft", "hard"),
    [
        ({"limit_mib": 1000}, 800, 1000),
        ({"limit_mib": 1000, "spike_limit_mib": 50}, 950, 1000),
        ({"limit_percentage": 50}, 1600, 2000),
        ({"limit_percentage": 50, "spike_limit_percentage": 20}, 1200, 2000),
        ({"limit_mib": 1000, "limit_percentage": 10}, 800, 1000),
    ],
)
def test_limits_are_in_mib_or_parts_of_what_there_is(
    options: dict[str, object], soft: int, hard: int
) -> None:
    config = Config.model_validate({"check_interval": "1s", **options})
    limits = config.limits(total=4000 * MIB)
    assert (limits.soft, limits.hard) == (soft * MIB, hard * MIB)


def test_collections_of_garbage_have_their_pauses() -> None:
    limits = Config.model_validate(LIMITED).limits(0)
    assert (limits.when_soft, limits.when_hard) == (Pauses(10.0, 30.0), Pauses(0.0, 30.0))


@in_loop
async def test_with_memory_to_spare_everything_passes() -> None:
    telemetry = Telemetry()
    limiter = await subject(using(799), telemetry)
    batch = spans(3)
    assert limiter.process(batch) is batch
    name = "otelcol_processor_memory_limiter_accepted_spans"
    assert telemetry.total(name, processor="memory_limiter") == 3


@in_loop
async def test_the_limit_is_told_beside_what_is_in_use() -> None:
    telemetry = Telemetry()
    await subject(using(0), telemetry)
    limit = telemetry.total("penstock_processor_memory_limit", processor="memory_limiter")
    assert limit == 800 * MIB


@in_loop
async def test_without_senders_are_told_to_try_again(caplog: pytest.LogCaptureFixture) -> None:
    telemetry, memory = Telemetry(), using(800)
    limiter = await subject(memory, telemetry)
    memory.limiter(Config.model_validate(LIMITED).limits(0), State()).check()
    with pytest.raises(Refused, match="data refused due to high memory usage") as refusal:
        limiter.process(spans(3))
    assert refusal.value.retry_after == 1.0
    name = "otelcol_processor_memory_limiter_refused_spans"
    assert telemetry.total(name, processor="memory_limiter") == 3
    assert "800 MiB are in use, from 800 on nothing is taken" in caplog.text


@in_loop
async def test_a_service_runs_with_it() -> None:
    source, backend = Source(), Backend()
    limiter = Config.model_validate({"check_interval": "10ms", "limit_percentage": 100})
    settings = wire(
        "traces: in -> limiter -> out",
        "metrics: in -> limiter -> out",
        in_=source,
        limiter=limiter,
        out=backend,
    )
    async with service(settings):
        await source.send(spans(3))
        await source.send(points(4))
    assert backend.items == 7


def test_a_file_is_told_that_it_belongs_first() -> None:
    text = """
        receivers: {otlp: {protocols: {grpc: }}}
        processors: {batch: , memory_limiter: {check_interval: 1s, limit_mib: 1000}}
        exporters: {nop: }
        service:
          pipelines:
            traces: {receivers: [otlp], processors: [ORDER], exporters: [nop]}
    """
    late = load_text(text.replace("ORDER", "batch, memory_limiter"), "gateway.yaml")
    (warning,) = late.warnings
    assert "does its work only as the first processor" in warning.message
    assert warning.path[-1] == 1
    first = load_text(text.replace("ORDER", "memory_limiter, batch"), "gateway.yaml")
    assert first.warnings == ()
