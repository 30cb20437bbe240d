"""The page of Penstock's own metrics."""

from __future__ import annotations

import re
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from penstock.config.settings import CounterNames, PageSettings
from penstock.config.types import HostPort
from penstock.pipeline.telemetry.page import MetricsPage
from penstock.pipeline.telemetry.process import observe_process
from penstock.pipeline.telemetry.registry import MAX_SERIES_PER_FAMILY, Level, Telemetry
from tests.kit import in_loop

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

ANYWHERE = HostPort("127.0.0.1", 0)


@asynccontextmanager
async def page(
    telemetry: Telemetry,
    level: Level = Level.NORMAL,
    settings: PageSettings | None = None,
) -> AsyncIterator[MetricsPage]:
    resource = {"service.name": "penstock"}
    page = MetricsPage(telemetry, settings or PageSettings(ANYWHERE), level, resource)
    await page.start()
    try:
        yield page
    finally:
        await page.stop()


async def read(page: MetricsPage) -> str:
    """The page's text, but for the resource."""
    url = f"http://127.0.0.1:{page.port}/metrics"
    async with aiohttp.ClientSession() as client, client.get(url) as answer:
        assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        lines = (await answer.text()).split("\n")
    return "\n".join(line for line in lines if "target_info" not in line)


async def samples(page: MetricsPage) -> dict[str, float]:
    """The samples of the page, by name and labels."""
    # Where the parser knows a counter, it takes its name to end in `_total`, whatever it is.
    text = re.sub(r"^# TYPE .*\n", "", await read(page), flags=re.MULTILINE)
    return {
        f"{sample.name} {sorted(sample.labels.items())}": sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def types(page: MetricsPage) -> dict[str, str]:
    """The type of each family of the page, by name."""
    return dict(re.findall(r"^# TYPE (\w+) (\w+)$", await read(page), re.MULTILINE))


@in_loop
async def test_the_page_shows_the_numbers_as_they_are_now() -> None:
    telemetry = Telemetry()
    async with page(telemetry) as subject:
        spans = telemetry.counter("otelcol_exporter_sent_spans", "Sent.", exporter="otlp/2")
        spans.add(3)
        sent = "otelcol_exporter_sent_spans [('exporter', 'otlp/2')]"
        assert (await samples(subject))[sent] == 3
        spans.add(4)
        telemetry.gauge("otelcol_exporter_queue_size", "Queued.", lambda: 7)
        shown = await samples(subject)
    assert (shown[sent], shown["otelcol_exporter_queue_size []"]) == (7, 7)


@in_loop
async def test_histograms_have_what_was_recorded_while_they_were_shown() -> None:
    telemetry = Telemetry()
    sizes = telemetry.histogram("sizes", "Sizes.", "By", (10, 100), Level.NORMAL, exporter="a")
    sizes.record(1_000_000)
    async with page(telemetry) as subject:
        for size in (5, 50, 500):
            sizes.record(size)
        shown = await samples(subject)
    assert shown == {
        "sizes_bucket [('exporter', 'a'), ('le', '10')]": 1,
        "sizes_bucket [('exporter', 'a'), ('le', '100')]": 2,
        "sizes_bucket [('exporter', 'a'), ('le', '+Inf')]": 3,
        "sizes_count [('exporter', 'a')]": 3,
        "sizes_sum [('exporter', 'a')]": 555,
    }


@in_loop
async def test_each_level_has_what_is_below_it() -> None:
    telemetry = Telemetry()
    for level in (Level.BASIC, Level.NORMAL, Level.DETAILED):
        telemetry.gauge(level.name.lower(), "A gauge.", lambda: 1, "{item}", level)
    for level, expected in (
        (Level.BASIC, ["basic"]),
        (Level.NORMAL, ["basic", "normal"]),
        (Level.DETAILED, ["basic", "normal", "detailed"]),
    ):
        async with page(telemetry, level) as subject:
            assert list(await types(subject)) == expected


@pytest.mark.parametrize(
    ("counters", "expected"),
    [
        (CounterNames.PLAIN, {"sent": "counter", "size": "gauge"}),
        (CounterNames.TOTAL, {"sent_total": "counter", "size": "gauge"}),
        (CounterNames.BOTH, {"sent": "counter", "sent_total": "counter", "size": "gauge"}),
    ],
)
@in_loop
async def test_counters_have_the_names_that_dashboards_know(
    counters: CounterNames, expected: dict[str, str]
) -> None:
    telemetry = Telemetry()
    telemetry.counter("sent", "Sent_total in all.").add(3)
    telemetry.gauge("size", "Size.", lambda: 7)
    async with page(telemetry, settings=PageSettings(ANYWHERE, counters)) as subject:
        assert await types(subject) == expected
        values = {"counter": 3, "gauge": 7}
        assert await samples(subject) == {f"{name} []": values[expected[name]] for name in expected}
        assert (await read(subject)).count("Sent_total in all.") == len(expected) - 1


@in_loop
async def test_units_are_in_names_where_they_are_asked_for() -> None:
    telemetry = Telemetry()
    observe_process(telemetry)
    settings = PageSettings(ANYWHERE, CounterNames.TOTAL, units=True)
    async with page(telemetry, settings=settings) as subject:
        shown = await samples(subject)
    assert shown["otelcol_process_uptime_seconds_total []"] >= 0
    assert shown["otelcol_process_memory_rss_bytes []"] > 1_000_000


@in_loop
async def test_the_process_is_shown_as_the_system_sees_it() -> None:
    telemetry = Telemetry()
    observe_process(telemetry)
    async with page(telemetry) as subject:
        shown = await samples(subject)
    assert shown["otelcol_process_cpu_seconds []"] > 0
    resident = shown["otelcol_process_memory_rss []"]
    assert 1_000_000 < shown["otelcol_process_runtime_heap_alloc_bytes []"] < resident
    assert shown["otelcol_process_runtime_total_sys_memory_bytes []"] > 1_000_000


@in_loop
async def test_labels_cannot_break_out_of_their_line() -> None:
    hostile = 'a"b\\c\n# TYPE x counter\nx 1\r\x1b[31m<img onerror>'
    telemetry = Telemetry()
    telemetry.counter("sent", "Sent.", exporter=hostile).add(3)
    async with page(telemetry) as subject:
        assert await samples(subject) == {f"sent {[('exporter', hostile)]}": 3}


@in_loop
async def test_the_page_has_a_bounded_number_of_series() -> None:
    telemetry = Telemetry()
    for number in range(MAX_SERIES_PER_FAMILY + 500):
        telemetry.counter("seen", "Seen.", client=str(number)).add(1)
    async with page(telemetry) as subject:
        shown = await samples(subject)
    assert len(shown) == MAX_SERIES_PER_FAMILY + 1
    assert sum(shown.values()) == MAX_SERIES_PER_FAMILY + 500


@in_loop
async def test_pages_of_two_services_know_nothing_of_each_other() -> None:
    first, second = Telemetry(), Telemetry()
    first.counter("sent", "Sent.").add(1)
    second.counter("failed", "Failed.").add(2)
    async with page(first) as one, page(second) as other:
        assert await samples(one) == {"sent []": 1}
        assert await samples(other) == {"failed []": 2}
        await other.stop()


@in_loop
async def test_reports_of_components_are_pages_of_their_own() -> None:
    telemetry = Telemetry()
    telemetry.tell("/cardinality", "metrics/cardinality_limit", lambda: {"series": 3})
    async with page(telemetry) as shown, aiohttp.ClientSession() as client:
        url = f"http://127.0.0.1:{shown.port}/cardinality"
        async with client.get(url) as answer:
            assert await answer.json() == {"metrics/cardinality_limit": {"series": 3}}
