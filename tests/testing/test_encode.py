"""Items in short become batches, and batches are told in the same words."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.pipeline import Signal
from penstock.testing.decode import in_short
from penstock.testing.encode import batch_of
from penstock.testing.items import KINDS, MODELS, SEVERITIES, STATUSES

TEXT = st.text(max_size=3)
VALUES = st.recursive(
    st.booleans() | st.integers(-(2**63), 2**63 - 1) | TEXT | st.floats(allow_nan=False, width=32),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=3,
)
ATTRIBUTES = st.dictionaries(TEXT, VALUES, min_size=1, max_size=2)
NAMES = st.text("abc", min_size=1, max_size=3)
TIMES = st.integers(1, 2**62)
AROUND = {
    "attributes": ATTRIBUTES,
    "resource": ATTRIBUTES,
    "scope": st.fixed_dictionaries({"name": NAMES}, optional={"attributes": ATTRIBUTES}),
}
EVENT = st.fixed_dictionaries({"name": NAMES, "time": TIMES}, optional={"attributes": ATTRIBUTES})
ITEMS: dict[Signal, dict[str, st.SearchStrategy[Any]]] = {
    Signal.TRACES: {
        **AROUND,
        "name": NAMES,
        "kind": st.sampled_from(KINDS),
        "status": st.sampled_from(STATUSES),
        "status_message": NAMES,
        "start": TIMES,
        "end": TIMES,
        "trace_id": st.just("0a" * 16),
        "span_id": st.just("0b" * 8),
        "parent_span_id": st.just("0c" * 8),
        "trace_state": NAMES,
        "events": st.lists(EVENT, min_size=1, max_size=2),
        "links": st.just([{"trace_id": "0d" * 16, "span_id": "0e" * 8}]),
    },
    Signal.LOGS: {
        **AROUND,
        "body": VALUES,
        "severity": st.sampled_from(list(SEVERITIES)),
        "severity_text": NAMES,
        "event_name": NAMES,
        "time": TIMES,
        "observed_time": TIMES,
        "trace_id": st.just("0a" * 16),
        "span_id": st.just("0b" * 8),
    },
    Signal.METRICS: {
        **AROUND,
        "metric": NAMES,
        "unit": NAMES,
        "description": NAMES,
        "type": st.sampled_from(["sum", None]),
        "temporality": st.sampled_from(["DELTA", "CUMULATIVE"]),
        "monotonic": st.just(True),
        "value": st.integers(-9, 9) | st.floats(0.5, 9),
        "time": TIMES,
        "start": TIMES,
    },
}


@pytest.mark.parametrize("signal", Signal)
@given(data=st.data())
def test_what_is_written_in_short_is_told_in_the_same_words(
    signal: Signal, data: st.DataObject
) -> None:
    item = st.fixed_dictionaries({}, optional=ITEMS[signal])
    written = data.draw(st.lists(item, min_size=1, max_size=3))
    batch = batch_of(signal, [MODELS[signal].model_validate(it) for it in written])

    told = in_short(batch)
    assert len(told) == len(written)
    for found, expected in zip(told, written, strict=True):
        assert {key: found[key] for key in expected if key != "type"} == {
            key: value for key, value in expected.items() if key != "type"
        }


def test_a_histogram_has_its_buckets() -> None:
    item = {
        "metric": "latency",
        "type": "histogram",
        "temporality": "DELTA",
        "count": 3,
        "sum": 4.5,
        "bounds": [1.0, 2.0],
        "bucket_counts": [1, 1, 1],
    }
    (told,) = in_short(batch_of(Signal.METRICS, [MODELS[Signal.METRICS].model_validate(item)]))
    assert item.items() <= told.items()


def test_points_of_one_metric_share_it() -> None:
    model = MODELS[Signal.METRICS]
    points = [model.model_validate({"metric": "m", "value": value}) for value in (1, 2)]
    assert batch_of(Signal.METRICS, points).to_otlp().count(b"\n\x01m") == 1


@pytest.mark.parametrize(
    ("given", "span"),
    [
        ({"duration": "5ns"}, (0, 5)),
        ({"start": 7, "duration": "5ns"}, (7, 12)),
        ({"end": 12, "duration": "5ns"}, (7, 12)),
        ({"start": "1970-01-01T01:00:00.000001+01:00", "end": 2000}, (1000, 2000)),
    ],
)
def test_a_span_has_a_start_and_an_end_or_a_duration(
    given: dict[str, Any], span: tuple[int, int]
) -> None:
    (told,) = in_short(batch_of(Signal.TRACES, [MODELS[Signal.TRACES].model_validate(given)]))
    assert (told["start"], told["end"]) == span


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="expected a time with its zone"):
        MODELS[Signal.LOGS].model_validate({"time": "2026-01-31T12:00:00"})
