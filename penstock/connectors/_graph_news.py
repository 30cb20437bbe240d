"""What is counted of calls that wait for their other side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.pipeline.steps import dropped

if TYPE_CHECKING:
    from penstock.connectors._calls import News, Waiting
    from penstock.pipeline import Context
    from penstock.pipeline.telemetry.registry import Counter


class NewsCounts:
    """The counts of a connector, by the Collector's names where it has one."""

    def __init__(self, context: Context, waiting: Waiting) -> None:
        self._context = context
        self._total = self._counter("total_edges", "Calls of which a side was seen.", "{edge}")
        self._expired = self._counter(
            "expired_edges", "Calls whose other side did not come in time.", "{edge}"
        )
        self._full = self._counter(
            "dropped_spans", "Spans for which the store had no room.", "{span}"
        )
        self._invalid = dropped(context, "invalid_id")
        self._show(waiting)

    def note(self, news: News) -> None:
        """Count what became of spans and calls."""
        self._total.add(news.new)
        self._expired.add(news.expired)
        self._full.add(news.full)
        self._invalid.add(news.invalid)

    def _counter(self, name: str, description: str, unit: str) -> Counter:
        name = f"otelcol_connector_servicegraph_{name}"
        return self._context.telemetry.counter(name, description, unit, connector=self._context.id)

    def _show(self, waiting: Waiting) -> None:
        self._context.telemetry.gauge(
            "penstock_connector_waiting_edges",
            "Calls that wait for their other side.",
            lambda: waiting.size()[0],
            "{edge}",
            connector=self._context.id,
        )
        self._context.telemetry.gauge(
            "penstock_connector_waiting_bytes",
            "Bytes of the calls that wait for their other side.",
            lambda: waiting.size()[1],
            "By",
            connector=self._context.id,
        )
