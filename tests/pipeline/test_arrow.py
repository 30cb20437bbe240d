"""Batches and columns for pyarrow."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from penstock.pipeline import Batch, Column, Signal
from tests.kit import points, records, spans


def attribute(key: str, **value: Any) -> dict[str, Any]:
    return {"key": key, "value": value}


def test_a_table_has_the_columns_that_are_asked_for() -> None:
    table = spans(2).to_arrow("span.name", 'span.attributes["none"]')
    assert table.to_pydict() == {
        "span.name": ["span 0", "span 1"],
        'span.attributes["none"]': [None, None],
    }


def test_a_table_has_every_attribute_where_nothing_is_asked_for() -> None:
    resource = {"attributes": [attribute("service.name", stringValue="shop")]}
    span = {"name": "order", "attributes": [attribute('a "quoted" key', intValue="3")]}
    payload = {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": [span]}]}]}
    batch = Batch.from_json(Signal.TRACES, json.dumps(payload).encode())

    (row,) = batch.to_arrow().to_pylist()
    assert row["span.name"] == "order"
    assert row[r'span.attributes["a \"quoted\" key"]'] == 3
    assert row['resource.attributes["service.name"]'] == "shop"


@pytest.mark.parametrize("batch", [spans(3), points(3), records(3)], ids=lambda it: it.signal)
def test_every_signal_makes_a_table(batch: Batch) -> None:
    assert batch.to_arrow().num_rows == 3


def test_a_library_that_takes_streams_of_arrow_takes_a_batch() -> None:
    table = pa.table(spans(2))
    assert table.column("span.name").to_pylist() == ["span 0", "span 1"]


def test_codes_are_shared_and_not_copied() -> None:
    codes = np.array([1, 0, 1], dtype=np.uint32)
    array = Column(codes, ["a", "b"]).to_arrow()
    assert array.to_pylist() == ["b", "a", "b"]
    assert array.indices.buffers()[1].address == codes.ctypes.data


def test_values_of_several_types_become_text() -> None:
    column = Column(np.arange(5, dtype=np.uint32), ["a", 1, None, {"k": [1]}, b"\x01"])
    assert column.to_arrow().to_pylist() == ["a", "1", None, '{"k": [1]}', '"01"']
