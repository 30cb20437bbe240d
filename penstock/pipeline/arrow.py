"""Batches and columns for pyarrow, and so for polars, pandas and others (`penstock[arrow]`)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from penstock.pipeline.batch import Signal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from penstock.pipeline.batch import Batch, Column

_USUAL = {
    Signal.TRACES: (
        "span.trace_id",
        "span.span_id",
        "span.parent_span_id",
        "span.name",
        "span.kind",
        "span.start_time_unix_nano",
        "span.duration",
        "span.status.code",
    ),
    Signal.METRICS: (
        "metric.name",
        "metric.unit",
        "metric.type",
        "datapoint.time_unix_nano",
        "datapoint.value",
    ),
    Signal.LOGS: (
        "log.time_unix_nano",
        "log.severity_number",
        "log.severity_text",
        "log.body",
        "log.trace_id",
        "log.span_id",
    ),
}
"""What an item has beside its attributes, by signal, where nobody says what is wanted."""


def table(batch: Batch, paths: Sequence[str]) -> pa.Table:
    """A table with a column for each of `paths`, or for the usual ones, under their names."""
    wanted = list(dict.fromkeys(paths or _usual(batch)))
    return pa.table({path: array(batch.column(path)) for path in wanted})


def array(column: Column) -> pa.DictionaryArray[Any, Any]:
    """The column as a dictionary array that shares its codes.

    Arrow's values are of one type: where a column's are not, they become text, and maps and lists
    become JSON.
    """
    return pa.DictionaryArray.from_arrays(pa.array(column.codes), _values(column.values))


def _values(values: list[Any]) -> pa.Array[Any]:
    nested = any(isinstance(value, dict | list) for value in values)
    kinds = {type(value) for value in values if value is not None}
    if nested or len(kinds) > 1:
        return pa.array([_text(value) for value in values], pa.string())
    return pa.array(values)


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, default=bytes.hex)


def _usual(batch: Batch) -> Iterator[str]:
    yield from _USUAL[batch.signal]
    for owner in (batch.signal.context, "resource"):
        yield from (
            f"{owner}.attributes[{json.dumps(key)}]" for key in batch.keys(f"{owner}.attributes")
        )
