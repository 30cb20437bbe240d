"""The page of Penstock's own metrics, in Prometheus' text format."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

from penstock.pipeline.component import Extension
from penstock.pipeline.telemetry.instruments import show
from penstock.pipeline.web import Page

if TYPE_CHECKING:
    from aiohttp import web

    from penstock.config.settings import PageSettings
    from penstock.pipeline.telemetry.registry import Level, Telemetry

_TOTAL = re.compile(rb"^((?:# (?:HELP|TYPE) )?\w+)_total(?=[ {])", re.MULTILINE)
"""The name of a counter, wherever a line has one. No name of ours ends so by itself."""


class MetricsPage(Extension):
    """Serves `/metrics` at an address, with what `level` has.

    The OpenTelemetry SDK reads the numbers of `Telemetry` while the page is being answered, and at
    no other time; it has no thread. Both it and aiohttp are imported when the page opens.
    """

    def __init__(
        self,
        telemetry: Telemetry,
        settings: PageSettings,
        level: Level,
        resource: dict[str, str],
    ) -> None:
        self.port = 0
        """The port, once it is open."""
        self._telemetry = telemetry
        self._settings = settings
        self._level = level
        self._resource = resource
        self._page = Page()
        self._page.add("/metrics", self._answer)

    async def start(self) -> None:
        """Open the page. Raises `StartError`."""
        from opentelemetry.exporter.prometheus import PrometheusMetricReader
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.resources import Resource
        from prometheus_client import CollectorRegistry

        self._registry = CollectorRegistry()
        reader = PrometheusMetricReader(scope_info_enabled=False, registry=self._registry)
        provider = MeterProvider([reader], Resource(self._resource), shutdown_on_exit=False)
        show(self._telemetry, provider, self._level, units=self._settings.units)
        for path in self._telemetry.reports:
            self._page.add(path, partial(self._report, path))
        self.port = await self._page.open(self._settings.address)

    async def stop(self) -> None:
        """Close the page."""
        await self._page.close()

    async def _report(self, path: str, _request: web.Request) -> web.Response:
        import orjson
        from aiohttp import web

        reports = self._telemetry.reports[path].items()
        body = orjson.dumps({component: report() for component, report in reports})
        return web.Response(body=body, content_type="application/json")

    async def _answer(self, _request: web.Request) -> web.Response:
        from aiohttp import web
        from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

        text = spell(generate_latest(self._registry), self._settings.counters)
        return web.Response(body=text, headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})


def spell(page: bytes, counters: str) -> bytes:
    """`page` with its counters under `plain` names, those that end in `_total`, or `both`."""
    if counters == "total":
        return page
    plain = _TOTAL.sub(rb"\1", page)
    if counters == "plain":
        return plain
    suffixed = [line for line in page.splitlines(keepends=True) if _TOTAL.match(line)]
    return plain + b"".join(suffixed)
