"""The service: started in order, stopped in order, and everything accounted for."""

import asyncio
import time

import pytest

from penstock.connectors.forward import Forward
from penstock.pipeline import (
    Batch,
    Consume,
    Context,
    Extension,
    Invalid,
    Permanent,
    Processor,
    Refused,
    Retryable,
    Stage,
    StartError,
)
from penstock.pipeline.component import ProcessorConfig
from penstock.pipeline.runner import Running
from penstock.pipeline.status import Status
from tests.kit import (
    Backend,
    GivenBackend,
    Hold,
    Source,
    eventually,
    in_loop,
    points,
    records,
    service,
    spans,
    wire,
)


class Journal(list[str]):
    """What happened, in order; makes components that write in it."""

    def extension(self, name: str) -> Extension:
        journal = self

        class Noted(Extension):
            async def start(self) -> None:
                journal.append(f"{name} starts")

            async def stop(self) -> None:
                journal.append(f"{name} stops")

            def ready(self) -> None:
                journal.append(f"{name} is ready")

            def not_ready(self) -> None:
                journal.append(f"{name} is not ready")

        return Noted()

    def source(self, name: str) -> Source:
        journal = self

        class Noted(Source):
            async def start(self, consume: Consume) -> None:
                journal.append(f"{name} starts")
                await super().start(consume)

            async def stop(self) -> None:
                journal.append(f"{name} stops")

        return Noted()

    def stage(self, name: str) -> Stage:
        journal = self

        class Noted(Hold):
            async def start(self, consume: Consume) -> None:
                journal.append(f"{name} starts")
                await super().start(consume)

            async def stop(self) -> None:
                journal.append(f"{name} stops")
                await super().stop()

        return Noted()

    def backend(self, name: str) -> Backend:
        journal = self

        class Noted(Backend):
            async def start(self) -> None:
                journal.append(f"{name} starts")

            async def stop(self) -> None:
                journal.append(f"{name} stops")

        return Noted()


class Fails(Backend):
    """An exporter that cannot start."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    async def start(self) -> None:
        raise self.error


class Buggy(Processor):
    """Crashes on its first batch."""

    def __init__(self) -> None:
        self.batches = 0

    def process(self, batch: Batch) -> Batch | None:
        self.batches += 1
        if self.batches == 1:
            raise ZeroDivisionError
        return batch


class Half(Processor):
    """Keeps the first half of each batch, and nothing of a single item."""

    def process(self, batch: Batch) -> Batch | None:
        return batch.split(max_items=len(batch) // 2)[0] if len(batch) > 1 else None


@in_loop
async def test_what_is_received_is_sent() -> None:
    source, backend = Source(), Backend()
    async with service(wire("traces: in -> out", in_=source, out=backend)):
        await source.send(spans(3))
    assert backend.items == 3


@in_loop
async def test_starts_towards_the_receivers_and_stops_the_other_way() -> None:
    journal = Journal()
    settings = wire(
        "traces: in -> a -> b -> out",
        in_=journal.source("receiver"),
        out=journal.backend("exporter"),
        a=journal.stage("first"),
        b=journal.stage("second"),
        ext=journal.extension("extension"),
    )
    async with service(settings):
        assert journal == [
            *("extension starts", "exporter starts", "second starts", "first starts"),
            *("receiver starts", "extension is ready"),
        ]
        journal.clear()
    assert journal == [
        *("extension is not ready", "receiver stops", "first stops", "second stops"),
        *("exporter stops", "extension stops"),
    ]


@pytest.mark.parametrize("error", [StartError("no such host"), OSError("no such host")])
@in_loop
async def test_what_cannot_start_is_named_and_the_rest_is_stopped(error: Exception) -> None:
    journal = Journal()
    settings = wire(
        "traces: in -> a -> ok bad",
        in_=journal.source("receiver"),
        a=journal.stage("stage"),
        ok=journal.backend("exporter"),
        bad=Fails(error),
    )
    with pytest.raises(StartError, match=r"exporter bad could not start: .*no such host"):
        async with Running(settings):
            pass
    assert "receiver starts" not in journal
    assert journal[-1] == "exporter stops"


@in_loop
async def test_signals_and_pipelines_each_go_their_own_way() -> None:
    source, backend, other = Source(), Backend(), Backend()
    settings = wire(
        "traces: in -> out",
        "traces/2: in -> out other",
        "logs: in -> out",
        "metrics: in -> other",
        in_=source,
        out=backend,
        other=other,
    )
    async with service(settings):
        for batch in (spans(1), records(2), points(3)):
            await source.send(batch)
    assert sorted(map(len, backend.got)) == [1, 1, 2]
    assert sorted(map(len, other.got)) == [1, 3]


@in_loop
async def test_connectors_join_pipelines() -> None:
    one, two, backend = Source(), Source(), Backend()
    settings = wire(
        "traces/1: one -> link",
        "traces/2: two -> link",
        "traces: link -> half -> out",
        one=one,
        two=two,
        link=Forward(),
        half=Half(),
        out=backend,
    )
    async with service(settings):
        await one.send(spans(4))
        await two.send(spans(2))
    assert backend.items == 3


@in_loop
async def test_the_metrics_are_called_as_in_the_collector() -> None:
    source, backend = Source(), Backend(Permanent("never"))
    settings = wire("logs: in -> half -> out", in_=source, half=Half(), out=backend)
    async with service(settings) as running:
        with pytest.raises(Invalid):
            await source.send(records(4))
        await source.send(records(10))
        await source.send(records(1))
    total = running.telemetry.total
    assert total("otelcol_receiver_accepted_log_records", receiver="in") == 11
    assert total("otelcol_receiver_failed_log_records", receiver="in") == 4
    assert total("otelcol_receiver_refused_log_records", receiver="in") == 0
    assert total("otelcol_processor_incoming_items", processor="half", pipeline="logs") == 11
    assert total("otelcol_processor_outgoing_items", processor="half", otel_signal="logs") == 5
    assert total("penstock_processor_dropped_items", processor="half", reason="filtered") == 6
    assert total("otelcol_exporter_sent_log_records", exporter="out") == 5
    assert total("otelcol_exporter_send_failed_log_records", exporter="out") == 2


@in_loop
async def test_a_dead_exporter_does_not_delay_a_healthy_one() -> None:
    source, healthy, dead = Source(), Backend(), Backend()
    dead.down = Retryable("unavailable")
    queue = {"queue_size": 2, "num_consumers": 1}
    settings = wire(
        "traces: in -> healthy dead",
        in_=source,
        healthy=GivenBackend(component=healthy),
        dead=GivenBackend.model_validate({"component": dead, "sending_queue": queue}),
    )

    async def arrive() -> None:
        expected = healthy.items + 1
        await source.send(spans(1))
        await eventually(lambda: healthy.items == expected)

    async with service(settings) as running:
        for _ in range(100):
            await arrive()
        assert len(dead.tried) == 1
    lost = running.telemetry.total("penstock_fanout_lost_items", branch="exporter dead traces")
    assert lost == 98


@in_loop
async def test_a_batch_that_hits_a_bug_is_dropped_counted_and_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    source, backend = Source(), Backend()
    settings = wire("traces: in -> bug -> out", in_=source, bug=Buggy(), out=backend)
    async with service(settings) as running:
        await source.send(spans(3))
        await source.send(spans(2))
    assert backend.items == 2
    assert running.telemetry.total("penstock_processor_dropped_items", reason="error") == 3
    assert "Dropped by a bug in bug (3 items, 1 times)" in caplog.text
    assert "Traceback" in caplog.text


@in_loop
async def test_what_a_processor_refuses_its_sender_keeps() -> None:
    class Guard(Processor):
        def process(self, batch: Batch) -> Batch | None:
            msg = "no memory"
            raise Refused(msg)

    source, backend = Source(), Backend()
    settings = wire("traces: in -> guard -> out", in_=source, guard=Guard(), out=backend)
    async with service(settings) as running:
        with pytest.raises(Refused):
            await source.send(spans(3))
    assert running.telemetry.total("otelcol_receiver_refused_spans") == 3


@in_loop
async def test_what_stages_and_queues_hold_is_delivered_at_the_end() -> None:
    source, backend = Source(), Backend()
    settings = wire(
        "traces: in -> a -> b -> out",
        in_=source,
        a=Hold(),
        b=Hold(),
        out=GivenBackend(component=backend),
    )
    async with service(settings):
        await source.send(spans(3))
        await source.send(spans(4))
        assert backend.items == 0
    assert backend.items == 7


@in_loop
async def test_what_cannot_be_delivered_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    source, backend = Source(), Backend()
    backend.down = Retryable("unavailable")
    settings = wire(
        "traces: in -> out",
        "logs: in -> out",
        in_=source,
        out=GivenBackend(component=backend),
    )
    async with service(settings):
        await source.send(spans(3))
        await source.send(records(4))
    assert "exporter out could not deliver before the stop: 3 spans, 4 log_records" in [
        record.getMessage() for record in caplog.records
    ]


@in_loop
async def test_a_second_interrupt_gives_up_at_once(caplog: pytest.LogCaptureFixture) -> None:
    class Stuck(Hold):
        async def stop(self) -> None:
            await asyncio.Event().wait()

    class Deaf(Source):
        async def stop(self) -> None:
            await asyncio.Event().wait()

    source, backend = Deaf(), Backend(asyncio.Event())
    settings = wire(
        "traces: in -> stuck -> out",
        "logs: in -> out",
        in_=source,
        stuck=Stuck(),
        out=GivenBackend.model_validate({"component": backend, "timeout": "1h"}),
    )
    async with service(settings) as running:
        await source.send(spans(3))
        await source.send(records(4))
        await eventually(lambda: backend.at_once)
        running.interrupt()
        await running.ended()
        running.interrupt()
        begin = time.monotonic()
    assert time.monotonic() - begin < 2
    assert "processor stuck in traces could not pass on 3 items in time" in caplog.text
    assert "exporter out could not deliver before the stop: 4 log_records" in caplog.text


class Crashing(ProcessorConfig):
    """A processor whose task ends in an error."""

    def build(self, context: Context) -> Stage:
        class Crash(Hold):
            async def start(self, consume: Consume) -> None:
                await super().start(consume)
                context.tasks.create_task(self._fail())

            async def _fail(self) -> None:
                raise ZeroDivisionError

        return Crash()


@in_loop
async def test_a_crashed_task_is_named_and_stops_the_service_in_order(
    caplog: pytest.LogCaptureFixture,
) -> None:
    source, backend = Source(), Backend()
    settings = wire("traces: in -> crash -> out", in_=source, crash=Crashing(), out=backend)
    async with service(settings) as running:
        await source.send(spans(3))
        await running.ended()
        assert running.crashed
    assert backend.items == 3
    state = running.board.groups["pipeline:traces"]["processor:crash"]
    assert state.report.status is Status.FATAL_ERROR
    assert "processor crash in traces crashed" in caplog.text
