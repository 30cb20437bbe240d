"""Statements run on small batches, and what is left of these."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

from penstock.ottl import Condition, Draft, ErrorMode, Program, Reporter, Statement
from penstock.pipeline import Batch, Signal
from penstock.pipeline.faults import FaultLog
from tests.kit import points, records, spans

if TYPE_CHECKING:
    from collections.abc import Mapping

REQUESTS = {
    Signal.TRACES: ("resourceSpans", "scopeSpans", "spans"),
    Signal.METRICS: ("resourceMetrics", "scopeMetrics", "metrics"),
    Signal.LOGS: ("resourceLogs", "scopeLogs", "logRecords"),
}


def of_json(signal: Signal, *items: Mapping[str, Any]) -> Batch:
    """Items of one scope, as OTLP/JSON has them."""
    groups, scopes, members = REQUESTS[signal]
    document = {groups: [{scopes: [{members: items}]}]}
    return Batch.from_json(signal, json.dumps(document).encode())


def with_attributes(*attributes: Mapping[str, Any]) -> Batch:
    """Spans with these attributes, in order."""
    batch = spans(len(attributes))
    for number, found in enumerate(attributes):
        here = batch.column("span.name").equals(f"span {number}")
        batch = batch.set("span.attributes", dict(found), here)
    return batch


def reporter(mode: str = "propagate") -> Reporter:
    return Reporter(ErrorMode(mode), FaultLog(logging.getLogger("penstock.test")))


def after(
    batch: Batch, *statements: str, context: str | None = None, mode: str = "propagate"
) -> Batch:
    """The batch after statements, which must not fail for any item unless the mode lets them."""
    draft = Draft(batch)
    compiled = [Statement.compile(text, batch.signal, context) for text in statements]
    for statement in compiled:
        Program([statement], [], reporter(mode)).run(draft)
    return draft.batch


def attributes(batch: Batch, path: str = "span.attributes") -> list[dict[str, Any]]:
    return batch.column(path).to_list()


def result(expression: str, **given: Any) -> Any:
    """What an expression is for a span with these attributes."""
    batch = after(with_attributes(given), f'set(span.attributes["result"], {expression})')
    return attributes(batch)[0].get("result")


def holds(condition: str, batch: Batch, mode: str = "propagate") -> list[bool]:
    """For which items a condition is true."""
    compiled = Condition.compile(condition, batch.signal)
    return compiled.mask(Draft(batch), reporter(mode)).tolist()  # type: ignore[no-any-return]


MAKE = {Signal.TRACES: spans, Signal.METRICS: points, Signal.LOGS: records}
