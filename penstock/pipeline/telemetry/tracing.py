"""Own traces: one of each sampled batch, from its receiver to the exporters' attempts.

Where a batch is put aside and goes on in another task, or with others as one, its trace is carried
along: what comes out follows the trace of the first that was sampled, and is linked to the others'.
Without traces none of this is called.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import contextmanager
from typing import TYPE_CHECKING

from penstock.logs import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from opentelemetry.trace import Span, SpanContext, Tracer

    from penstock.pipeline.batch import Batch
    from penstock.pipeline.component import Consume, Rejected

MAX_ORIGINS = 32
"""Batches that one is traced back to. It may be made of thousands, and links cost memory."""

_MAX_ERROR = 300  # characters: some back ends answer with a page of HTML


Send = Callable[["Batch"], Awaitable["Rejected | None"]]
"""One attempt to send a batch."""


class Tracing:
    """Makes the spans of one service."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    @contextmanager
    def span(
        self, name: str, items: int, origins: Sequence[SpanContext] = (), /, **attributes: str
    ) -> Iterator[Span]:
        """A span around what is done with so many items.

        It belongs to the present span, or to the first of `origins`. What is raised within is its
        error.
        """
        from opentelemetry import trace

        sampled = [each for each in origins if each.trace_flags.sampled] or origins
        first = sampled[0] if sampled else None
        parent = trace.set_span_in_context(trace.NonRecordingSpan(first)) if first else None
        with self._tracer.start_as_current_span(
            name,
            parent,
            attributes={**attributes, "items": items},
            links=[trace.Link(each) for each in origins if each is not first],
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                yield span
            except Exception as error:
                fail(span, error)
                raise

    def here(self) -> SpanContext:
        """The present span, to be carried along."""
        from opentelemetry import trace

        return trace.get_current_span().get_span_context()

    def around(self, consume: Consume, name: str, /, **attributes: str) -> Consume:
        """`consume` with a span around it."""

        async def traced(batch: Batch) -> None:
            with self.span(name, len(batch), **attributes):
                await consume(batch)

        return traced

    def around_attempt(self, send: Send, name: str, /, **attributes: str) -> Send:
        """An exporter's `send` with a span around it, which says what became of the items."""

        async def traced(batch: Batch) -> Rejected | None:
            with self.span(name, len(batch), **attributes) as span:
                rejected = await send(batch)
                lost = rejected.items if rejected else 0
                span.set_attributes({"items.sent": len(batch) - lost, "items.failed": lost})
                return rejected

        return traced

    def trail(self, name: str, /, **attributes: str) -> Trail:
        """For a place that puts batches aside, and passes them on as others."""
        return Trail(self, name, attributes)


class Trail:
    """What was put aside at a place since it last passed something on."""

    def __init__(self, tracing: Tracing, name: str, attributes: dict[str, str]) -> None:
        self._tracing = tracing
        self._name = name
        self._attributes = attributes
        self._origins: list[SpanContext] = []
        self._last: list[SpanContext] = []

    def note(self) -> None:
        """The present batch was put aside."""
        if len(self._origins) < MAX_ORIGINS:
            self._origins.append(self._tracing.here())

    async def follow(self, consume: Consume, batch: Batch) -> None:
        """Pass `batch` on in a span that belongs to what was put aside.

        Where nothing was since the last time, it is the rest of that, or the same again.
        """
        if self._origins:
            self._last, self._origins = self._origins, []
        with self._tracing.span(self._name, len(batch), self._last, **self._attributes):
            await consume(batch)


def fail(span: Span, error: BaseException | str) -> None:
    """End `span` as failed for this reason."""
    from opentelemetry.trace import StatusCode

    text = error if isinstance(error, str) else str(error) or repr(error)
    span.set_status(StatusCode.ERROR, printable(text[:_MAX_ERROR]))
