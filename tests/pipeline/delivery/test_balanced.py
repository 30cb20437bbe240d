"""Several deliveries in one: each endpoint has its own, and what waits follows its key."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from penstock.pipeline import (
    Balancer,
    Batch,
    Context,
    Exporter,
    ExporterConfig,
    Refused,
    Retryable,
    Shares,
    StartError,
)
from penstock.pipeline.delivery.delivery import DeliveryConfig
from penstock.pipeline.status import Status
from tests.kit import Backend, Source, eventually, in_loop, names, outcome_of, service, spans, wire

if TYPE_CHECKING:
    from collections.abc import Mapping

    from penstock.pipeline.runner import Running

DOWN = Retryable("down")


class Plan(DeliveryConfig):
    """How the back ends are delivered to; they are made by the balancer."""

    def build(self, context: Context) -> Exporter:
        raise NotImplementedError


class Gateways(Balancer):
    """Shares spans by their names' last digit among back ends that a test has named."""

    def __init__(self, *endpoints: str, **plan: Any) -> None:
        super().__init__()
        self.plan = Plan.model_validate(plan)
        self.at = {name: Backend() for name in "abc"}
        self.log: list[str] = []
        self.fails: StartError | None = None
        if endpoints:
            self.become(*endpoints)

    def become(self, *endpoints: str) -> None:
        self.share(Shares(endpoints, lambda batch: self._split(endpoints, batch)))

    def _split(self, endpoints: tuple[str, ...], batch: Batch) -> Mapping[str, Batch]:
        column = batch.column("span.name").map(
            lambda name: endpoints[int(name[-1]) % len(endpoints)]
        )
        wanted = {name: column.equals(name) for name in endpoints}
        parts = {name: batch.keep(mask) for name, mask in wanted.items()}
        return {name: part for name, part in parts.items() if part}

    def id_of(self, endpoint: str) -> str:
        return f"to/{endpoint}"

    def exporter(self, endpoint: str, context: Context) -> Exporter:
        if self.fails:
            raise self.fails
        self.log.append(f"made {endpoint}")
        backend = self.at[endpoint]

        class One(Exporter):
            send = staticmethod(backend.send)

            async def stop(_) -> None:  # noqa: N805  (the test's names are around it)
                self.log.append(f"stopped {endpoint}")

        return One()

    @property
    def got(self) -> list[str]:
        return sorted(name for backend in self.at.values() for name in names(backend.got))


class Config(ExporterConfig):
    component: Any

    def build(self, context: Context) -> Balancer:
        component: Balancer = self.component
        return component


def balanced(gateways: Gateways) -> tuple[Source, Any]:
    source = Source()
    return source, service(wire("traces: in -> out", in_=source, out=Config(component=gateways)))


NOW = {"initial_interval": "1ms", "max_interval": "1ms", "max_elapsed_time": "0"}
LATER = {"initial_interval": "1h", "max_interval": "1h", "max_elapsed_time": "0"}
ALL = sorted(f"span {number}" for number in range(10))


def queued(running: Running) -> float:
    return running.telemetry.total("penstock_exporter_queued_items")


@in_loop
async def test_every_endpoint_gets_its_part() -> None:
    gateways = Gateways("a", "b")
    source, running = balanced(gateways)
    async with running:
        await source.send(spans(10))
    assert names(gateways.at["a"].got) == [f"span {number}" for number in range(0, 10, 2)]
    assert names(gateways.at["b"].got) == [f"span {number}" for number in range(1, 10, 2)]


@in_loop
async def test_each_endpoint_is_counted_under_its_own_id() -> None:
    gateways = Gateways("a", "b")
    source, running = balanced(gateways)
    async with running as service_:
        await source.send(spans(3))
    total = service_.telemetry.total
    assert total("otelcol_exporter_sent_spans", exporter="to/a") == 2
    assert total("otelcol_exporter_sent_spans", exporter="to/b") == 1
    assert total("penstock_exporter_balanced_items", exporter="out") == 3


@in_loop
async def test_one_dead_endpoint_delays_no_other() -> None:
    gateways = Gateways("a", "b", retry_on_failure=LATER)
    gateways.at["a"].down = DOWN
    source, running = balanced(gateways)
    async with running:
        for _ in range(20):
            await source.send(spans(10))
        await eventually(lambda: gateways.at["b"].items == 100)
        gateways.at["a"].down = None
    assert gateways.at["a"].items == 100


@in_loop
async def test_what_waits_for_an_endpoint_that_leaves_is_routed_anew() -> None:
    gateways = Gateways("a", "b", retry_on_failure=LATER, sending_queue={"num_consumers": 1})
    gateways.at["a"].down = DOWN
    source, running = balanced(gateways)
    async with running as service_:
        for _ in range(5):
            await source.send(spans(10))
        await eventually(lambda: gateways.at["a"].tried)
        gateways.become("b", "c")
        await eventually(lambda: len(gateways.got) == 50)
        await eventually(lambda: "stopped a" in gateways.log)
        assert service_.telemetry.total("penstock_exporter_rerouted_items", exporter="to/a") == 25
    assert set(names(gateways.at["b"].got[1:])) <= {f"span {number}" for number in range(10)}
    assert not gateways.at["a"].got


@in_loop
async def test_what_waits_follows_its_key_to_an_endpoint_that_comes() -> None:
    gateways = Gateways("a", retry_on_failure=LATER, sending_queue={"num_consumers": 1})
    gateways.at["a"].down = DOWN
    source, running = balanced(gateways)
    async with running:
        for _ in range(3):
            await source.send(spans(10))
        await eventually(lambda: gateways.at["a"].tried)
        gateways.at["a"].down = None
        gateways.become("a", "b")
        await eventually(lambda: len(gateways.got) == 30)
        assert gateways.log == ["made a", "made b"], "one channel for an endpoint that stays"
    assert {name[-1] for name in names(gateways.at["a"].got)} == set("02468")
    assert {name[-1] for name in names(gateways.at["b"].got)} == set("13579")


@in_loop
async def test_an_attempt_under_way_ends_before_its_batch_is_routed_anew() -> None:
    answer = asyncio.Event()
    gateways = Gateways("a")
    gateways.at["a"].script.append(answer)
    source, running = balanced(gateways)
    async with running:
        await source.send(spans(10))
        await eventually(lambda: gateways.at["a"].at_once)
        gateways.become("b")
        await source.send(spans(1, "new"))
        await eventually(lambda: gateways.at["b"].items == 1)
        answer.set()
        await eventually(lambda: "stopped a" in gateways.log)
    assert sorted(names(gateways.at["a"].got)) == ALL
    assert names(gateways.at["b"].got) == ["new 0"]


@in_loop
async def test_who_leaves_and_finds_no_room_elsewhere_waits_until_there_is() -> None:
    held = asyncio.Event()
    gateways = Gateways(
        "a", "b", retry_on_failure=NOW, sending_queue={"queue_size": 1, "num_consumers": 1}
    )
    gateways.at["a"].down = DOWN
    gateways.at["b"].script.append(held)
    source, running = balanced(gateways)
    async with running:
        await source.send(spans(10))
        await eventually(lambda: gateways.at["b"].at_once and gateways.at["a"].tried)
        gateways.become("b")
        await asyncio.sleep(0)
        held.set()
        await eventually(lambda: len(gateways.got) == 10)
    assert gateways.got == ALL


@in_loop
async def test_what_one_endpoint_has_no_room_for_is_lost_there_and_counted() -> None:
    gateways = Gateways(
        "a", "b", retry_on_failure=NOW, sending_queue={"queue_size": 1, "num_consumers": 1}
    )
    gateways.at["a"].down = DOWN
    source, running = balanced(gateways)
    async with running as service_:
        await source.send(spans(10))
        await eventually(lambda: gateways.at["b"].items == 5)
        await source.send(spans(10))
        assert service_.telemetry.total("penstock_fanout_lost_items") == 5
        gateways.at["a"].down = None
    assert len(gateways.got) == 15


@in_loop
async def test_what_no_endpoint_has_room_for_is_refused() -> None:
    gateways = Gateways("a", retry_on_failure=NOW, sending_queue={"queue_size": 1})
    gateways.at["a"].down = DOWN
    source, running = balanced(gateways)
    async with running:
        await source.send(spans(1))
        with pytest.raises(Refused, match="full"):
            await source.send(spans(1))
        gateways.at["a"].down = None


@in_loop
async def test_without_endpoints_batches_are_refused() -> None:
    gateways = Gateways()
    source, running = balanced(gateways)
    async with running:
        with pytest.raises(Refused, match="no endpoint"):
            await source.send(spans(1))
        gateways.become("a")
        await eventually(lambda: gateways.log)
        await source.send(spans(1))
    assert gateways.got == ["span 0"]


@in_loop
async def test_who_waits_for_the_outcome_is_told_what_became_of_it_elsewhere() -> None:
    gateways = Gateways("a", retry_on_failure=LATER, sending_queue={"enabled": False})
    gateways.at["a"].down = DOWN
    source, running = balanced(gateways)
    async with running:
        outcome = outcome_of(source.send(spans(10)))
        await eventually(lambda: gateways.at["a"].tried)
        assert not outcome.done()
        gateways.become("b", "c")
        assert await outcome is None
    assert gateways.got == ALL


QUEUES: dict[str, dict[str, Any]] = {
    "queue": {},
    "batching queue": {"batch": {"min_size": 45, "flush_timeout": "1ms"}},
    "queue that is waited for": {"queue_size": 2, "num_consumers": 1, "block_on_overflow": True},
    "outcome that is waited for": {"wait_for_result": True},
    "no queue": {"enabled": False},
}


@pytest.mark.parametrize("queue", QUEUES)
@in_loop
async def test_endpoints_that_come_and_go_all_the_time_lose_and_double_nothing(queue: str) -> None:
    gateways = Gateways("a", "b", retry_on_failure=NOW, sending_queue=QUEUES[queue])
    source, running = balanced(gateways)
    sets = ["ab", "bc", "a", "abc", "c", "ca"] * 5
    outcomes = []
    async with running as service_:
        for number, endpoints in enumerate(sets):
            gateways.at["b"].down = DOWN if number % 3 else None
            gateways.become(*endpoints)
            for _ in range(3):
                outcomes.append(outcome_of(source.send(spans(10, f"{number}"))))
                await asyncio.sleep(0)
        gateways.at["b"].down = None
        assert await asyncio.gather(*outcomes) == [None] * 3 * len(sets)
        await eventually(lambda: len(gateways.got) == 30 * len(sets))
        await eventually(lambda: gateways.log.count("stopped b") >= 1)
        assert queued(service_) == 0
    expected = [f"{number} {n}" for number in range(len(sets)) for n in range(10) for _ in "123"]
    assert gateways.got == sorted(expected)


@in_loop
async def test_deliveries_of_the_past_leave_nothing_behind() -> None:
    gateways = Gateways("a")
    source, running = balanced(gateways)
    async with running as service_:
        for number, endpoint in enumerate("bcab", start=2):
            await source.send(spans(10))
            gateways.become(endpoint)
            await eventually(lambda: sum(map(_made, gateways.log)) == number)  # noqa: B023
        await eventually(lambda: sum(entry.startswith("stopped") for entry in gateways.log) == 4)
        families = service_.telemetry.families
        shown = [dict(labels) for labels in families["otelcol_exporter_queue_size"].series]
        assert [labels["exporter"] for labels in shown] == ["to/b"]


def _made(entry: str) -> bool:
    return entry.startswith("made")


@in_loop
async def test_an_exporter_that_cannot_start_fails_the_start() -> None:
    gateways = Gateways("a")
    gateways.fails = StartError("no certificate")
    _, running = balanced(gateways)
    with pytest.raises(StartError, match="no certificate"):
        async with running:
            pass


@in_loop
async def test_endpoints_stay_as_they_were_when_one_cannot_be_started_later() -> None:
    gateways = Gateways("a")
    source, running = balanced(gateways)
    async with running:
        gateways.fails = StartError("no certificate")
        gateways.become("a", "b")
        await source.send(spans(10))
    assert sorted(names(gateways.at["a"].got)) == ALL


@in_loop
async def test_it_is_as_well_as_the_endpoint_that_is_worst() -> None:
    gateways = Gateways("a", "b", retry_on_failure=NOW)
    gateways.at["a"].down = DOWN
    source, running = balanced(gateways)
    async with running as service_:
        (state,) = service_.board.at("exporter out")
        await source.send(spans(10))
        await eventually(lambda: state.report.status is Status.RECOVERABLE_ERROR)
        assert state.report.error == "down"
        gateways.at["a"].down = None
        await eventually(lambda: state.report.status is Status.OK)


@in_loop
async def test_what_is_left_at_the_stop_is_counted_once() -> None:
    gateways = Gateways("a", "b", retry_on_failure=LATER)
    gateways.at["a"].down = gateways.at["b"].down = DOWN
    source, running = balanced(gateways)
    async with running as service_:
        await source.send(spans(10))
        await eventually(lambda: gateways.at["a"].tried and gateways.at["b"].tried)
        gateways.become("b", "c")
        gateways.at["c"].down = DOWN
    total = service_.telemetry.total
    assert total("otelcol_exporter_send_failed_spans", reason="shutdown") == 10


@in_loop
async def test_a_second_signal_ends_every_attempt() -> None:
    gateways = Gateways("a", "b", timeout="1h")
    for backend in gateways.at.values():
        backend.script.append(asyncio.Event())
    source, running = balanced(gateways)
    async with running as service_:
        await source.send(spans(10))
        await eventually(lambda: gateways.at["a"].at_once and gateways.at["b"].at_once)
        service_.interrupt()
        service_.interrupt()
    assert service_.telemetry.total("otelcol_exporter_send_failed_spans", reason="shutdown") == 10
