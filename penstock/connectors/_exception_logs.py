"""Span events to log records: what went wrong in a span, as an event of its own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from penstock.connectors._measuring import attribute_path
from penstock.pipeline import Batch, Column, Signal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from penstock.connectors._measuring import Items
    from penstock.pipeline import Mask
    from penstock.pipeline.edits import Edits

_SEVERITY = (17, "ERROR")
_SAME = (
    ("log.time_unix_nano", "spanevent.time_unix_nano"),
    ("log.trace_id", "span.trace_id"),
    ("log.span_id", "span.span_id"),
    ("log.attributes", "span.attributes"),
    *(
        (path, path)
        for path in (
            "resource.attributes",
            "resource.schema_url",
            "scope.name",
            "scope.version",
            "scope.attributes",
            "scope.schema_url",
        )
    ),
)
"""What a record has of its event, span, scope and resource."""
_OF_EXCEPTIONS = ("exception.type", "exception.message", "exception.stacktrace")


def records(items: Items, where: Mask, attributes: Mapping[str, Column]) -> Batch:
    """A record for each of the span events where the mask is true, with these attributes besides
    the span's and what the event says of its exception."""
    batch = _blank(items.parents("scope")[where])
    edits = batch.edit().set("log.event_name", "exception")
    edits.set("log.severity_number", _SEVERITY[0]).set("log.severity_text", _SEVERITY[1])
    for path, source in _SAME:
        edits.set(path, _part(items.column(source), where))
    for key, column in attributes.items():
        _add(edits, key, _part(column, where))
    for key in _OF_EXCEPTIONS:
        _add(edits, key, _part(items.attribute("item", key), where))
    return edits.apply().compact()


def _add(edits: Edits, key: str, column: Column) -> None:
    there = column.where(lambda value: value is not None)
    edits.set(attribute_path("log", key), column, there)


def _part(column: Column, where: Mask) -> Column:
    return Column(column.codes[where], column.values)


def _blank(scopes: Any) -> Batch:
    """Records without anything in them, in a scope for each run of one number."""
    ends = np.flatnonzero(np.diff(scopes, append=-1)) + 1
    groups: list[dict[str, Any]] = [
        {"resource": {}, "scopeLogs": [{"scope": {}, "logRecords": [{}] * size}]}
        for size in np.diff(ends, prepend=0).tolist()
    ]
    return Batch.from_json(Signal.LOGS, json.dumps({"resourceLogs": groups}).encode())
