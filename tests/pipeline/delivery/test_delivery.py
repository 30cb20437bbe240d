"""Delivery: every batch ends as sent or failed, whatever the back end does."""

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from penstock.pipeline import Batch, Invalid, Permanent, Refused, Rejected, Retryable
from penstock.pipeline.delivery.delivery import DeliveryConfig
from penstock.pipeline.telemetry.registry import Telemetry
from tests.kit import (
    Backend,
    GivenBackend,
    Outcome,
    delivery,
    eventually,
    in_loop,
    names,
    outcome_of,
    spans,
)

QUICK = {"initial_interval": "1ms", "max_interval": "2ms"}
"""Retries that a test need not wait for."""


def settings(backend: Backend, **options: object) -> GivenBackend:
    """Settings with quick retries."""
    return GivenBackend.model_validate({"component": backend, "retry_on_failure": QUICK, **options})


def failed(telemetry: Telemetry, reason: str) -> float:
    """Spans counted as failed for `reason`."""
    return telemetry.total("otelcol_exporter_send_failed_spans", exporter="backend", reason=reason)


def test_options_and_defaults_are_the_collectors() -> None:
    class Config(DeliveryConfig):
        def build(self, context: object) -> Backend:
            return Backend()

    assert Config().model_dump() == {
        "timeout": "5s",
        "retry_on_failure": {
            "enabled": True,
            "initial_interval": "5s",
            "randomization_factor": 0.5,
            "multiplier": 1.5,
            "max_interval": "30s",
            "max_elapsed_time": "300s",
        },
        "sending_queue": {
            "enabled": True,
            "num_consumers": 10,
            "queue_size": 1000,
            "sizer": "requests",
            "block_on_overflow": False,
            "wait_for_result": False,
            "batch": None,
        },
        "dead_letter": None,
    }
    with pytest.raises(ValidationError):
        Config.model_validate({"sending_queue": {"storage": "file_storage"}})


@in_loop
async def test_a_batch_is_sent() -> None:
    backend = Backend()
    async with delivery(backend, settings(backend)) as subject:
        await subject.consume(spans(3))
    assert names(backend.got) == ["span 0", "span 1", "span 2"]


@in_loop
async def test_an_empty_batch_is_accepted_and_not_sent() -> None:
    backend = Backend()
    empty = spans(0)
    async with delivery(backend, settings(backend)) as subject:
        await subject.consume(empty)
    assert backend.tried == []


@in_loop
async def test_what_may_succeed_later_is_sent_again() -> None:
    backend = Backend(Retryable("busy"), Retryable("busy"))
    async with delivery(backend, settings(backend)) as subject:
        await subject.consume(spans(3))
        await eventually(lambda: backend.got)
    assert len(backend.tried) == 3


@in_loop
async def test_only_what_remains_is_sent_again() -> None:
    backend = Backend(Retryable("half", remaining=spans(1, "rest")))
    telemetry = Telemetry()
    async with delivery(backend, settings(backend), telemetry=telemetry) as subject:
        await subject.consume(spans(3))
        await eventually(lambda: backend.got)
    assert names(backend.got) == ["rest 0"]
    assert telemetry.total("otelcol_exporter_sent_spans", exporter="backend") == 3


@pytest.mark.parametrize("fault", [Permanent("no such tenant"), ZeroDivisionError("a bug")])
@in_loop
async def test_what_can_never_succeed_is_tried_once_and_counted(fault: Exception) -> None:
    backend = Backend(fault)
    telemetry = Telemetry()
    async with delivery(backend, settings(backend), telemetry=telemetry) as subject:
        await subject.consume(spans(3))
        await eventually(lambda: not subject.queued)
    assert failed(telemetry, "permanent") == 3
    assert len(backend.tried) == 1


@in_loop
async def test_a_batch_that_fails_for_too_long_is_given_up() -> None:
    backend = Backend()
    telemetry = Telemetry()
    backend.down = Retryable("unavailable")
    retry = {**QUICK, "max_elapsed_time": "10ms"}
    async with delivery(
        backend, settings(backend, retry_on_failure=retry), telemetry=telemetry
    ) as subject:
        await subject.consume(spans(3))
        await eventually(lambda: not subject.queued)
    assert failed(telemetry, "retries_exhausted") == 3
    assert len(backend.tried) > 1


@in_loop
async def test_rejected_items_are_counted_and_the_rest_is_sent() -> None:
    backend = Backend(Rejected(2, "names too long"))
    telemetry = Telemetry()
    async with delivery(backend, settings(backend), telemetry=telemetry) as subject:
        await subject.consume(spans(3))
        await eventually(lambda: not subject.queued)
    assert failed(telemetry, "partial") == 2
    assert len(backend.tried) == 1


@in_loop
async def test_a_warning_of_the_back_end_is_logged_and_nothing_is_lost(
    caplog: pytest.LogCaptureFixture,
) -> None:
    backend = Backend(Rejected(0, "too many series"))
    telemetry = Telemetry()
    async with delivery(backend, settings(backend), telemetry=telemetry) as subject:
        await subject.consume(spans(3))
        await eventually(lambda: not subject.queued)
    assert failed(telemetry, "partial") == 0
    (line,) = [record.getMessage() for record in caplog.records]
    assert line == "The back end took all and warns (3 items, 1 times): too many series"


@in_loop
async def test_an_attempt_that_takes_too_long_is_repeated() -> None:
    backend = Backend(asyncio.Event())
    async with delivery(backend, settings(backend, timeout="5ms")) as subject:
        await subject.consume(spans(3))
        await eventually(lambda: backend.got)
    assert len(backend.tried) == 2


@in_loop
async def test_a_full_queue_refuses_until_something_is_sent() -> None:
    block = asyncio.Event()
    backend = Backend(block)
    queue = {"queue_size": 2, "num_consumers": 1}
    async with delivery(backend, settings(backend, sending_queue=queue)) as subject:
        await subject.consume(spans(1))
        await subject.consume(spans(1))
        with pytest.raises(Refused, match="queue is full"):
            await subject.consume(spans(1))
        block.set()
        await eventually(lambda: not subject.queued)
        await subject.consume(spans(1))


@pytest.mark.parametrize(("sizer", "size"), [("items", 5), ("bytes", spans(5).nbytes)])
@in_loop
async def test_the_queue_can_count_items_or_bytes(sizer: str, size: int) -> None:
    block = asyncio.Event()
    backend = Backend(block)
    queue = {"queue_size": size, "sizer": sizer}
    async with delivery(backend, settings(backend, sending_queue=queue)) as subject:
        await subject.consume(spans(4))
        with pytest.raises(Refused):
            await subject.consume(spans(2))
        block.set()


@in_loop
async def test_an_empty_queue_takes_a_batch_that_is_larger_than_itself() -> None:
    backend = Backend()
    queue = {"queue_size": 5, "sizer": "items"}
    async with delivery(backend, settings(backend, sending_queue=queue)) as subject:
        await subject.consume(spans(50))
    assert backend.items == 50


@in_loop
async def test_with_block_on_overflow_batches_wait_their_turn_for_room() -> None:
    block = asyncio.Event()
    backend = Backend(block)
    queue = {"queue_size": 1, "num_consumers": 1, "block_on_overflow": True}
    async with delivery(backend, settings(backend, sending_queue=queue)) as subject:
        await subject.consume(spans(1, "first"))
        second = outcome_of(subject.consume(spans(1, "second")))
        third = outcome_of(subject.consume(spans(1, "third")))
        await eventually(lambda: backend.at_once)
        assert not second.done()
        block.set()
        assert await second is None
        assert await third is None
    assert names(backend.got) == ["first 0", "second 0", "third 0"]


@in_loop
async def test_who_waits_for_room_is_refused_when_the_exporter_stops() -> None:
    block = asyncio.Event()
    backend = Backend(block)
    queue = {"queue_size": 1, "block_on_overflow": True}
    async with delivery(backend, settings(backend, sending_queue=queue)) as subject:
        await subject.consume(spans(1))
        waiting = outcome_of(subject.consume(spans(1)))
        await eventually(lambda: backend.at_once)
        stopping = outcome_of(subject.stop(asyncio.get_running_loop().time() + 5))
        assert isinstance(await waiting, Refused)
        block.set()
        assert await stopping is None


@pytest.mark.parametrize(
    ("script", "answer"),
    [
        ([None], type(None)),
        ([Retryable("busy"), None], type(None)),
        ([Rejected(1, "too old")], type(None)),
        ([Permanent("never")], Invalid),
    ],
)
@pytest.mark.parametrize("queue", [{"wait_for_result": True}, {"enabled": False}])
@in_loop
async def test_who_waits_for_the_result_is_told_it(
    script: Sequence[Outcome], answer: type, queue: dict[str, object]
) -> None:
    backend = Backend(*script)
    async with delivery(backend, settings(backend, sending_queue=queue)) as subject:
        assert isinstance(await outcome_of(subject.consume(spans(2))), answer)


@in_loop
async def test_who_waits_is_told_when_to_come_back() -> None:
    backend = Backend(Retryable("busy", after=7.0))
    options = {"sending_queue": {"enabled": False}, "retry_on_failure": {"enabled": False}}
    async with delivery(backend, settings(backend, **options)) as subject:
        with pytest.raises(Refused) as refusal:
            await subject.consume(spans(2))
    assert refusal.value.retry_after == 7.0


@in_loop
async def test_a_waiting_sender_that_goes_away_leaves_the_books_in_balance() -> None:
    block = asyncio.Event()
    backend = Backend(block)
    queue = {"wait_for_result": True}
    async with delivery(backend, settings(backend, sending_queue=queue)) as subject:
        sender = asyncio.ensure_future(subject.consume(spans(2)))
        await eventually(lambda: backend.at_once)
        sender.cancel()
        await asyncio.wait([sender])
        assert subject.taken() == 0
        block.set()


@in_loop
async def test_no_more_batches_are_sent_at_a_time_than_there_are_consumers() -> None:
    block = asyncio.Event()
    backend = Backend(*[block] * 9)
    queue = {"num_consumers": 3}
    async with delivery(backend, settings(backend, sending_queue=queue)) as subject:
        for _ in range(9):
            await subject.consume(spans(1))
        await eventually(lambda: backend.at_once == 3)
        block.set()
    assert backend.most_at_once == 3
    assert backend.items == 9


@in_loop
async def test_queued_batches_are_merged_up_to_the_least_size() -> None:
    backend = Backend()
    queue = {"batch": {"min_size": 5, "flush_timeout": "1h"}}
    async with delivery(backend, settings(backend, sending_queue=queue)) as subject:
        for number in range(5):
            await subject.consume(spans(1, str(number)))
        await eventually(lambda: backend.got)
        assert names(backend.got) == ["0 0", "1 0", "2 0", "3 0", "4 0"]
    assert len(backend.got) == 1


@in_loop
async def test_an_incomplete_batch_is_sent_after_the_flush_timeout() -> None:
    backend = Backend()
    queue = {"batch": {"flush_timeout": "5ms"}}
    async with delivery(backend, settings(backend, sending_queue=queue)) as subject:
        await subject.consume(spans(1))
        await subject.consume(spans(1))
        await eventually(lambda: backend.items == 2)
    assert len(backend.got) == 1


@in_loop
async def test_what_is_being_batched_counts_against_the_queue() -> None:
    backend = Backend()
    queue = {"queue_size": 2, "batch": {"flush_timeout": "1h"}}
    async with delivery(backend, settings(backend, sending_queue=queue)) as subject:
        await subject.consume(spans(3))
        await subject.consume(spans(3))
        assert subject.queued == 6
        with pytest.raises(Refused):
            await subject.consume(spans(3))


@pytest.mark.parametrize("sizer", ["items", "bytes"])
@in_loop
async def test_a_batch_over_the_greatest_size_is_split(sizer: str) -> None:
    limit = 4 if sizer == "items" else spans(4).nbytes
    backend = Backend()
    batch = {"min_size": 0, "max_size": limit, "sizer": sizer}
    queue = {"batch": batch, "num_consumers": 1}
    async with delivery(backend, settings(backend, sending_queue=queue)) as subject:
        await subject.consume(spans(10))
    assert [len(batch) for batch in backend.got] == [4, 4, 2]
    assert names(backend.got) == [f"span {number}" for number in range(10)]


@in_loop
async def test_each_of_those_merged_is_told_its_own_outcome() -> None:
    backend = Backend(None, Permanent("never"))
    batch = {"min_size": 4, "max_size": 4}
    queue = {"batch": batch, "num_consumers": 1, "wait_for_result": True}
    async with delivery(backend, settings(backend, sending_queue=queue)) as subject:
        outcomes = [outcome_of(subject.consume(spans(items))) for items in (3, 2, 3)]
        answers = await asyncio.gather(*outcomes)
    assert [type(answer) for answer in answers] == [type(None), Invalid, Invalid]


@in_loop
async def test_a_stop_sends_what_is_queued_or_being_batched() -> None:
    backend = Backend()
    queue = {"batch": {"flush_timeout": "1h"}}
    async with delivery(backend, settings(backend, sending_queue=queue)) as subject:
        await subject.consume(spans(5))
    assert backend.items == 5


@in_loop
async def test_a_stop_gives_what_waits_for_a_retry_one_last_attempt() -> None:
    backend = Backend(Retryable("busy"))
    retry = {"initial_interval": "30s"}
    async with delivery(backend, settings(backend, retry_on_failure=retry)) as subject:
        await subject.consume(spans(5))
        await eventually(lambda: backend.tried)
    assert backend.items == 5


@in_loop
async def test_a_stop_does_not_try_twice() -> None:
    backend = Backend()
    backend.down = Retryable("unavailable")
    queue = {"num_consumers": 1}
    async with delivery(backend, settings(backend, sending_queue=queue)) as subject:
        for _ in range(5):
            await subject.consume(spans(1))
        await subject.stop(asyncio.get_running_loop().time() + 5)
        assert subject.undelivered == 5
    assert len(backend.tried) == 5


@in_loop
async def test_what_is_not_delivered_at_the_deadline_is_counted() -> None:
    backend = Backend(asyncio.Event())
    queue = {"num_consumers": 1}
    config = settings(backend, sending_queue=queue, timeout="1h")
    async with delivery(backend, config, patience=0.01) as subject:
        await subject.consume(spans(2))
        await subject.consume(spans(3))
        await eventually(lambda: backend.at_once)
    assert subject.undelivered == 5
    assert subject.queued == 0
    assert len(backend.tried) == 1


@in_loop
async def test_an_attempt_without_queue_ends_at_the_deadline_too() -> None:
    backend = Backend(asyncio.Event())
    config = settings(backend, sending_queue={"enabled": False}, timeout="1h")
    async with delivery(backend, config, patience=0.01) as subject:
        sender = outcome_of(subject.consume(spans(2)))
        await eventually(lambda: backend.at_once)
    assert isinstance(await sender, Refused)


class Patient(GivenBackend):
    @property
    def patience(self) -> None:
        """As long as it takes."""


@in_loop
async def test_an_attempt_without_a_limit_that_is_cut_short_names_none() -> None:
    backend = Backend(asyncio.Event())
    config = Patient.model_validate({"component": backend, "sending_queue": {"enabled": False}})
    async with delivery(backend, config, patience=0.01) as subject:
        sender = outcome_of(subject.consume(spans(2)))
        await eventually(lambda: backend.at_once)
    assert str(await sender).endswith("no answer in time")


@pytest.mark.parametrize("queue", [{}, {"enabled": False}])
@in_loop
async def test_after_a_stop_everything_is_refused(queue: dict[str, object]) -> None:
    backend = Backend()
    async with delivery(backend, settings(backend, sending_queue=queue)) as subject:
        await subject.stop(asyncio.get_running_loop().time() + 5)
        with pytest.raises(Refused):
            await subject.consume(spans(1))


OUTCOMES = st.sampled_from(["taken", "retry", "half", "never", "partial", "bug", "slow"])


@given(
    sizes=st.lists(st.integers(1, 9), min_size=1, max_size=12),
    fates=st.lists(OUTCOMES, max_size=12),
    queue=st.fixed_dictionaries(
        {
            "enabled": st.booleans(),
            "num_consumers": st.integers(1, 3),
            "queue_size": st.sampled_from([4, 20, 1000]),
            "sizer": st.sampled_from(["items", "requests"]),
            "block_on_overflow": st.booleans(),
            "wait_for_result": st.booleans(),
            "batch": st.sampled_from(
                [None, {"min_size": 3, "max_size": 4, "sizer": "items", "flush_timeout": "1ms"}]
            ),
        }
    ),
    patience=st.sampled_from([0.0, 0.002, 5.0]),
    answered=st.booleans(),
)
def test_whatever_happens_every_item_is_accounted_for(
    sizes: list[int],
    fates: list[str],
    queue: dict[str, object],
    patience: float,
    *,
    answered: bool,
) -> None:
    async def run() -> None:
        backend = Fate(fates)
        config = settings(backend, sending_queue=queue, timeout="3ms")
        async with delivery(backend, config, patience=patience) as subject:
            senders = [outcome_of(subject.consume(spans(size))) for size in sizes]
            if answered:
                await asyncio.wait(senders)
        answers = await asyncio.gather(*senders)
        told = sum(size for size, answer in zip(sizes, answers, strict=True) if answer is None)
        assert subject.taken() == told

    asyncio.run(run())


class Fate(Backend):
    """A back end whose outcomes depend on the batch that meets them."""

    def __init__(self, fates: list[str]) -> None:
        super().__init__()
        self._fates = list(fates)

    async def _follow_script(self, batch: Batch) -> Rejected | None:
        match self._fates.pop() if self._fates else "taken":
            case "retry":
                raise Retryable("busy", after=0.001)
            case "half":
                raise Retryable("half", remaining=batch.split(max_items=(len(batch) + 1) // 2)[-1])
            case "never":
                raise Permanent("never")
            case "bug":
                raise ZeroDivisionError
            case "slow":
                await asyncio.Event().wait()
            case "partial":
                return Rejected(1, "too old")
        return None
