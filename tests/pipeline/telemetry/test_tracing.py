"""Spans around what is done with batches, and traces that are carried along with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from penstock.pipeline import Refused, Rejected
from penstock.pipeline.telemetry.tracing import MAX_ORIGINS, Tracing
from tests.kit import in_loop, spans

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

    from penstock.pipeline import Batch


class Recorded:
    """A tracing whose spans are kept."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.tracing = Tracing(provider.get_tracer("test"))

    def spans(self, name: str) -> list[ReadableSpan]:
        return [span for span in self._exporter.get_finished_spans() if span.name == name]


def trace_id(span: ReadableSpan) -> int:
    assert span.context
    found: int = span.context.trace_id
    return found


async def taken(batch: Batch) -> None:
    """A next stage that takes everything."""


@in_loop
async def test_an_attempt_says_what_became_of_the_items() -> None:
    async def send(batch: Batch) -> Rejected:
        return Rejected(1, "too old")

    recorded = Recorded()
    await recorded.tracing.around_attempt(send, "attempt", exporter="out")(spans(3))

    (span,) = recorded.spans("attempt")
    assert span.attributes == {"exporter": "out", "items": 3, "items.sent": 2, "items.failed": 1}
    assert span.status.is_unset


@in_loop
async def test_an_error_is_short_and_printable() -> None:
    async def refuse(batch: Batch) -> None:
        raise Refused("full\n\x1b[31m" + "x" * 10_000)

    recorded = Recorded()
    with pytest.raises(Refused):
        await recorded.tracing.around(refuse, "step")(spans(1))

    (span,) = recorded.spans("step")
    assert span.status.description
    assert span.status.description.startswith(r"full\n\u001b[31mxx")
    assert len(span.status.description) < 400
    assert span.events == ()


@in_loop
async def test_what_is_put_aside_is_followed_and_linked() -> None:
    recorded = Recorded()
    trail = recorded.tracing.trail("send")
    for _ in range(3):
        with recorded.tracing.span("take", 1):
            trail.note()
    await trail.follow(taken, spans(3))

    first, *others = map(trace_id, recorded.spans("take"))
    (span,) = recorded.spans("send")
    assert trace_id(span) == first
    assert [link.context.trace_id for link in span.links] == others


@in_loop
async def test_what_is_offered_again_or_in_pieces_stays_in_its_trace() -> None:
    async def refuse(batch: Batch) -> None:
        msg = "full"
        raise Refused(msg)

    recorded = Recorded()
    trail = recorded.tracing.trail("send")
    with recorded.tracing.span("take", 2):
        trail.note()
    with pytest.raises(Refused):
        await trail.follow(refuse, spans(1))
    await trail.follow(taken, spans(1))
    await trail.follow(taken, spans(1))

    (take,) = recorded.spans("take")
    assert {trace_id(span) for span in recorded.spans("send")} == {trace_id(take)}


@in_loop
async def test_links_are_bounded() -> None:
    recorded = Recorded()
    trail = recorded.tracing.trail("send")
    for _ in range(3 * MAX_ORIGINS):
        with recorded.tracing.span("take", 1):
            trail.note()
    await trail.follow(taken, spans(1))

    (span,) = recorded.spans("send")
    assert len(span.links) == MAX_ORIGINS - 1
