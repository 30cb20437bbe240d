"""The page of Penstock's own metrics, in Prometheus' text format."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

from penstock.pipeline.component import Extension
from penstock.pipeline.web import Page

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiohttp import web
    from opentelemetry.metrics import CallbackOptions, Observation

    from penstock.config.types import HostPort
    from penstock.pipeline.telemetry import Family, Telemetry


class MetricsPage(Extension):
    """Serves `/metrics` at an address.

    The OpenTelemetry SDK reads the numbers of `Telemetry` while the page is being answered, and at
    no other time; it has no thread. Both it and aiohttp are imported when the page opens.
    """

    def __init__(self, telemetry: Telemetry, address: HostPort) -> None:
        self.port = 0
        """The port, once it is open."""
        self._telemetry = telemetry
        self._address = address
        self._page = Page("/metrics", self._answer)
        self._shown: set[str] = set()

    async def start(self) -> None:
        """Open the page. Raises `StartError`."""
        from opentelemetry.exporter.prometheus import PrometheusMetricReader
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.resources import Resource
        from prometheus_client import CollectorRegistry

        begin = time.monotonic()
        self._telemetry.observe(
            "otelcol_process_uptime", "Time since the start.", lambda: time.monotonic() - begin, "s"
        )
        self._registry = CollectorRegistry()
        reader = PrometheusMetricReader(scope_info_enabled=False, registry=self._registry)
        resource = Resource({"service.name": "penstock"})
        provider = MeterProvider([reader], resource, shutdown_on_exit=False)
        self._meter = provider.get_meter("penstock")
        self.port = await self._page.open(self._address)

    async def stop(self) -> None:
        """Close the page."""
        await self._page.close()

    async def _answer(self, _request: web.Request) -> web.Response:
        from aiohttp import web
        from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

        self._show_new_families()
        page = generate_latest(self._registry)
        return web.Response(body=page, headers={"Content-Type": CONTENT_TYPE_LATEST})

    def _show_new_families(self) -> None:
        for family in self._telemetry.families.values():
            if family.name not in self._shown:
                self._shown.add(family.name)
                self._show(family)

    def _show(self, family: Family) -> None:
        create = (
            self._meter.create_observable_counter
            if family.monotonic
            else self._meter.create_observable_gauge
        )
        create(family.name, [partial(_observe, family)], family.unit, family.description)


def _observe(family: Family, _: CallbackOptions) -> Iterator[Observation]:
    from opentelemetry.metrics import Observation

    for labels, value in family.read():
        yield Observation(value, dict(labels))
