"""State that is saved and taken back is what it was; damage is counted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.pipeline.panes import Keys, Metric, Panes
from tests.kernel.events import EVENTS, NOW, Event, add, column, keys, pieces

SHAPES: list[dict[str, Any]] = [
    {"counts": 3},
    {"counts": 8},
    {"numbers": {}},
    {"histogram": [0.0, 1.0]},
    {"exponential": {"max_size": 5}},
    {"sketch": {"scale": 6, "max_buckets": 50}},
    {"distinct": {"precision": 5}},
    {"busy": {"max_intervals": 4, "pane": 10}},
]


def put(panes: Panes, events: list[Event]) -> None:
    hashes = np.array([hash(event) % 2**64 for event in events], dtype=np.uint64)
    values = np.array([abs(event.value) % 1e9 for event in events])
    add(panes, events, hashes=hashes, values=values)


def told(panes: Panes) -> list[Any]:
    """All that a result says, in an order of its own."""
    result = panes.merged()
    columns: list[Any] = [map(repr, result.labels())]
    for figure in ("buckets", "counts", "sum", "min", "max", "last", "distinct", "busy"):
        try:
            columns.append(getattr(result, figure)().tolist())
        except ValueError:
            continue
    return sorted(zip(*columns, strict=True), key=repr)


@given(st.sampled_from(SHAPES), EVENTS, st.integers(1, 30), st.sampled_from([-100, 5, 100]))
def test_a_store_that_takes_every_change_gives_back_what_there_is(
    shape: dict[str, Any], events: list[Event], size: int, dropped: int
) -> None:
    panes = Panes(shape, limit=3, tracked=True)
    store: dict[bytes, bytes] = {}
    for at, piece in enumerate(pieces(events, size)):
        put(panes, piece)
        if at == 1:
            panes.drop(dropped)
        for key, record in panes.changes():
            assert len(key) <= 32
            store.pop(key, None)
            if record is not None:
                store[key] = record
    assert panes.changes() == []
    again = Panes(shape, limit=3, tracked=True)
    assert again.restore(list(store.items())) == 0
    assert told(again) == told(panes)
    assert again.starts() == panes.starts()
    assert again.size()[0] == panes.size()[0]
    assert again.changes() == []


@given(st.sampled_from(SHAPES), EVENTS.filter(bool), st.data())
def test_damaged_records_are_counted_and_left_out(
    shape: dict[str, Any], events: list[Event], data: st.DataObject
) -> None:
    panes = Panes(shape, limit=100, tracked=True)
    put(panes, events)
    records = [(key, record or b"") for key, record in panes.changes()]
    assert records
    at = data.draw(st.integers(0, len(records) - 1))
    key, record = records[at]
    place = data.draw(st.integers(0, len(record) - 1))
    flipped = record[:place] + bytes([record[place] ^ 1]) + record[place + 1 :]
    records[at] = data.draw(st.sampled_from([(key, flipped), (key, record[:place]), (b"", record)]))
    again = Panes(shape, limit=100)
    assert again.restore(records) == 1
    assert again.size()[0] < len(records) + 1


@given(st.binary(max_size=30), st.binary(max_size=200))
def test_what_never_was_a_record_is_damage(key: bytes, record: bytes) -> None:
    for shape in SHAPES:
        panes = Panes(shape, limit=10)
        assert panes.restore([(key, record)]) == 1
        assert panes.size()[0] == 0


def test_records_of_another_shape_are_left_out() -> None:
    panes = Panes({"histogram": [1.0]}, limit=10, tracked=True)
    panes.add(Keys(1, {}), now=NOW, values=np.ones(1))
    records = [(key, record or b"") for key, record in panes.changes()]
    assert Panes({"histogram": [2.0]}, limit=10).restore(records) == 1
    assert Panes({"histogram": [1.0]}, limit=10).restore(records) == 0


def test_keys_that_there_is_no_room_for_any_more_become_one() -> None:
    shape = {"counts": 1}
    panes = Panes(shape, limit=5, tracked=True)
    panes.add(Keys(5, {"tenant": column("abcde")}), now=NOW)
    records = {key: record or b"" for key, record in panes.changes()}
    fewer = Panes(shape, limit=2, tracked=True)
    assert fewer.restore(list(records.items())) == 0
    assert sorted(fewer.merged().counts()[:, 0].tolist()) == [1, 1, 3]
    for key, record in fewer.changes():
        records.pop(key, None)
        if record is not None:
            records[key] = record
    again = Panes(shape, limit=2)
    assert again.restore(list(records.items())) == 0
    assert told(again) == told(fewer)


def test_the_start_of_a_cumulative_series_survives() -> None:
    panes = Panes({"counts": 1}, limit=5, tracked=True)
    panes.add(Keys(1, {}), now=NOW)
    panes.add(Keys(1, {}), now=NOW + 5)
    again = Panes({"counts": 1}, limit=5)
    again.restore([(key, record or b"") for key, record in panes.changes()])
    point = again.write(Metric(name="m", cumulative=True), time=NOW + 9)
    assert point is not None
    assert point.rows()[0]["start_time_unix_nano"] == NOW


def test_without_tracking_nothing_is_noted() -> None:
    panes = Panes({"counts": 1}, limit=5)
    panes.add(Keys(1, {}), now=NOW)
    assert panes.changes() == []


@pytest.mark.parametrize("value", ["last", 3])
def test_restored_resources_are_those_of_keys_that_come_again(value: object) -> None:
    resource = column([{"service.name": "a", "n": value}])
    panes = Panes({"counts": 1}, limit=5, tracked=True)
    panes.add(Keys(1, {"x": column([1.5])}, resource), now=NOW)
    again = Panes({"counts": 1}, limit=5)
    again.restore([(key, record or b"") for key, record in panes.changes()])
    again.add(Keys(1, {"x": column([1.5])}, resource), now=NOW)
    assert again.merged().counts().tolist() == [[2]]
    assert again.merged().resources() == [{"service.name": "a", "n": value}]
    assert again.merged().labels() == [{"x": 1.5}]


def test_keys_of_events_are_the_same_in_every_batch() -> None:
    events = [Event("a", 1, 0, 0, 0.0), Event("a", "1", 0, 0, 0.0)]
    assert keys(events).hashes.tolist() == keys(events[::-1]).hashes.tolist()[::-1]
