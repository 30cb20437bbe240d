"""The queue before an exporter: its settings, and how parcels are shared out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from penstock.pipeline.delivery.sending_queue import (
    Entry,
    Parcel,
    QueueConfig,
    SendingQueue,
    Sizer,
)
from penstock.pipeline.memory.pace import Pace
from tests.kit import in_loop, names, spans


@pytest.mark.parametrize(
    "options",
    [
        {"num_consumers": 0},
        {"queue_size": 0},
        {"sizer": "packets"},
        {"batch": {"flush_timeout": "0"}},
        {"batch": {"min_size": 10, "max_size": 9}},
        {"batch": {"sizer": "requests"}},
        {"batch": {"partition": {}}},
        {"sizer": "requests", "batch": {"min_size": 1}},
        {"sizer": "items", "queue_size": 9, "batch": {"min_size": 10}},
        {"blocking": True},
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        QueueConfig.model_validate(options)


@pytest.mark.parametrize(
    ("options", "sizer"),
    [
        ({"batch": {}}, Sizer.ITEMS),
        ({"sizer": "bytes", "batch": {}}, Sizer.ITEMS),
        ({"sizer": "bytes", "queue_size": 9000, "batch": {"min_size": 1}}, Sizer.BYTES),
        ({"sizer": "bytes", "batch": {"sizer": "items"}}, Sizer.ITEMS),
    ],
)
def test_batches_are_measured_as_in_the_collector(options: dict[str, object], sizer: Sizer) -> None:
    batch = QueueConfig.model_validate(options).batch
    assert batch is not None
    assert batch.sizer is sizer


@given(st.lists(st.integers(1, 9), min_size=1), st.integers(1, 9))
def test_a_split_keeps_every_item_with_its_entry(sizes: list[int], limit: int) -> None:
    batches = [spans(size, str(number)) for number, size in enumerate(sizes)]
    entries = [Entry(batch, 1, None) for batch in batches]
    parcels = [
        Parcel(batch, [(entry, len(batch))]) for batch, entry in zip(batches, entries, strict=True)
    ]
    pieces = Parcel.merge(parcels).split(Sizer.ITEMS, limit)
    shared = dict.fromkeys(entries, 0)
    for piece in pieces:
        assert len(piece.batch) == sum(items for _, items in piece.shares) <= limit
        for entry, items in piece.shares:
            shared[entry] += items
    assert list(shared.values()) == sizes
    assert names(piece.batch for piece in pieces) == names(batches)


@pytest.mark.parametrize("batch", [None, {"min_size": 1000}])
@in_loop
async def test_what_waits_is_joined_to_parcels_of_a_size(batch: dict[str, int] | None) -> None:
    queue = SendingQueue(QueueConfig.model_validate({"batch": batch}), Pace().backlog())
    sent = [spans(10, str(number)) for number in range(5)]
    for each in sent:
        await queue.put(each)
    queue.gather(2 * sent[0].nbytes)
    queue.close()
    parcels = []
    while parcel := await queue.get():
        parcels.append(parcel)
        queue.settle(parcel, None)
    assert names(parcel.batch for parcel in parcels) == names(sent)
    assert len(parcels) in ({3} if batch is None else {1, 3})
    assert (queue.size, queue.items) == (0, 0)
