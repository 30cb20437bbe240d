"""What indicators see of a batch."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from penstock.business.clocks import EventClock
from penstock.business.items import Items
from penstock.business.sources import SOURCES
from penstock.ottl import ErrorMode, Reporter
from penstock.pipeline import Signal
from penstock.pipeline.faults import FaultLog
from penstock.testing.encode import batch_of
from penstock.testing.items import Event as SpanEvent
from penstock.testing.items import LogItem, PointItem, SpanItem
from tests.business.streams import Event, engine, spans

if TYPE_CHECKING:
    from penstock.pipeline import Batch

NOW = 1_000


def items(batch: Batch, source: str) -> Items:
    reporter = Reporter(ErrorMode.IGNORE, FaultLog(logging.getLogger("test")))
    return Items(batch, SOURCES[source], NOW, reporter)


def test_equal_expressions_are_evaluated_once() -> None:
    found, source = items(spans([Event(1), Event(2)]), "spans"), SOURCES["spans"]
    text = 'attributes["value"]'
    assert found.mask(source.condition('name == "a"')) is found.mask(
        source.condition('name == "a"')
    )
    assert found.numbers(source.value(text)) is found.numbers(source.value(text))
    assert found.column(source.value(text)) is found.column(source.value(text))


def test_a_log_record_without_a_time_happened_when_it_was_observed_or_now() -> None:
    records = [LogItem(time=5), LogItem(observed_time=7), LogItem()]
    found = items(batch_of(Signal.LOGS, records), "logs")
    assert found.times.tolist() == [5, 7, NOW]


def test_span_events_have_times_of_their_own_and_what_is_their_spans() -> None:
    events = [SpanEvent(name="a", time=3), SpanEvent(name="b", time=4)]
    batch = batch_of(Signal.TRACES, [SpanItem(name="one", end=9, events=events)])
    found, value = items(batch, "spanevents"), SOURCES["spanevents"].value("span.name")
    assert found.times.tolist() == [3, 4]
    assert found.column(value).to_list() == ["one", "one"]


def test_the_number_of_a_data_point_is_what_it_is() -> None:
    points = [PointItem(metric="m", value=2), PointItem(metric="m", value=0.5)]
    found = items(batch_of(Signal.METRICS, points), "datapoints")
    assert found.numbers(None).tolist() == [2.0, 0.5]


def test_lists_and_maps_are_told_apart_by_their_text() -> None:
    spans_ = [SpanItem(attributes={"it": it}) for it in ([1, 2], {"a": "b"}, "text", 1, True, None)]
    found = items(batch_of(Signal.TRACES, spans_), "spans")
    column = found.column(SOURCES["spans"].value('attributes["it"]'), "none")
    assert column.to_list() == ["[1,2]", '{"a":"b"}', "text", 1, True, "none"]


def test_durations_are_numbers_of_seconds() -> None:
    batch = batch_of(Signal.TRACES, [SpanItem(start=0, end=1_500_000_000)])
    found = items(batch, "spans").numbers(SOURCES["spans"].value("end_time - start_time"))
    assert found.tolist() == [1.5]


def test_what_was_read_of_one_batch_is_read_of_the_next_at_once() -> None:
    events = [SpanEvent(name="a", time=1), SpanEvent(name="b", time=2)]
    batches = [
        batch_of(Signal.TRACES, [SpanItem(name=name, end=9, events=events)])
        for name in ("one", "two")
    ]
    by = {"span": "span.name", "event": "spanevent.name"}
    made = engine(EventClock(), {"x": {"kind": "count", "from": "spanevents", "by": by}})
    for batch in batches:
        made.take(batch)
    (reading,) = made.last().readings["x"]
    found = {(labels["span"], labels["event"]): value for labels, value in reading.rows()}
    assert found == dict.fromkeys([("one", "a"), ("one", "b"), ("two", "a"), ("two", "b")], 1.0)
