"""The page of Penstock's own metrics."""

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from penstock.config.types import HostPort
from penstock.pipeline.selfmetrics import MetricsPage
from penstock.pipeline.telemetry import Telemetry
from tests.kit import in_loop


async def read(page: MetricsPage) -> dict[str, float]:
    """The samples of the page, by name and labels."""
    url = f"http://127.0.0.1:{page.port}/metrics"
    async with aiohttp.ClientSession() as client, client.get(url) as answer:
        assert answer.content_type == "text/plain"
        text = await answer.text()
    return {
        f"{sample.name} {sorted(sample.labels.items())}": sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@in_loop
async def test_the_page_shows_the_numbers_as_they_are_now() -> None:
    telemetry = Telemetry()
    page = MetricsPage(telemetry, HostPort("127.0.0.1", 0))
    await page.start()
    spans = telemetry.counter("otelcol_exporter_sent_spans", "Spans sent.", exporter="otlp/2")
    spans.add(3)
    samples = await read(page)
    assert samples["otelcol_exporter_sent_spans_total [('exporter', 'otlp/2')]"] == 3
    assert samples["otelcol_process_uptime_seconds_total []"] >= 0
    spans.add(4)
    telemetry.gauge("otelcol_exporter_queue_size", "Queued.", lambda: 7)
    samples = await read(page)
    assert samples["otelcol_exporter_sent_spans_total [('exporter', 'otlp/2')]"] == 7
    assert samples["otelcol_exporter_queue_size []"] == 7
    await page.stop()


@in_loop
async def test_pages_of_two_services_know_nothing_of_each_other() -> None:
    pages = [MetricsPage(Telemetry(), HostPort("127.0.0.1", 0)) for _ in range(2)]
    for page in pages:
        await page.start()
    assert len(await read(pages[0])) == len(await read(pages[1]))
    for page in pages:
        await page.stop()
        await page.stop()
