"""Several columns in one walk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.pipeline import Batch
from tests.kernel.messages import SIGNALS, delimited, payloads
from tests.kernel.test_column import ONE, OVERLONG, TWO, A, B, spans

if TYPE_CHECKING:
    from penstock.pipeline import Column

PATHS = {
    "traces": [
        *(f"span.{name}" for name in ("name", "kind", "trace_state", "trace_id", "events")),
        *(f"span.{name}" for name in ("status", "status.code", "status.message", "attributes")),
        *('span.attributes["a"]', 'span.attributes["a"]["b"]', "span.duration"),
        *("scope.name", 'resource.attributes["a"]', "spanevent.name"),
    ],
    "metrics": ["metric.name", 'datapoint.attributes["a"]', "datapoint.value", "datapoint.flags"],
    "logs": ["log.body", "log.severity_number", "log.event_name", 'log.attributes["a"]'],
}


def said(columns: list[Column]) -> list[tuple[list[int], str]]:
    """Codes and values; NaN is like itself."""
    return [(column.codes.tolist(), repr(column.values)) for column in columns]


@pytest.mark.parametrize("signal", SIGNALS)
@given(st.data())
@settings(max_examples=60, deadline=None)
def test_several_columns_are_what_each_is_by_itself(signal: str, data: st.DataObject) -> None:
    batch = Batch.from_otlp(signal, data.draw(payloads(signal)))
    paths = PATHS[signal]
    assert said(batch.columns(*paths)) == said([batch.column(path) for path in paths])


STATUS = (delimited(15, b"\x18\x02"), delimited(15, b"\x12\x01x"), delimited(15, b"\x18\x01"))
WRONG = (b"\x78\x01", b"\x28\x01", delimited(6, b"\x02"), b"\x30\x02", b"\x30\x83\x00")
PAIRS = (
    *(delimited(9, part + value) for part in (A, B, OVERLONG) for value in (ONE, TWO)),
    b"\x48\x01",
)


@given(st.lists(st.lists(st.sampled_from([*STATUS, *WRONG, *PAIRS]), max_size=6), max_size=4))
def test_fields_that_are_there_twice_or_of_a_wrong_type_change_nothing(
    bodies: list[list[bytes]],
) -> None:
    batch = Batch.from_otlp("traces", spans(*map(b"".join, bodies)))
    paths = PATHS["traces"]
    assert said(batch.columns(*paths)) == said([batch.column(path) for path in paths])


def test_a_path_that_there_is_not_is_refused() -> None:
    with pytest.raises(ValueError, match="not a path"):
        Batch.from_otlp("traces", spans(b"")).columns("span.name", "span.nothing")
    assert Batch.from_otlp("traces", spans(b"")).columns() == []
