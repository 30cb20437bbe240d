"""The nop exporter."""

from penstock.exporters.nop import Config
from tests.kit import Source, in_loop, records, service, spans, wire


@in_loop
async def test_everything_counts_as_sent() -> None:
    source = Source()
    settings = wire("traces: in -> nop", "logs: in -> nop", in_=source, nop=Config())
    async with service(settings) as running:
        await source.send(spans(2))
        await source.send(records(3))
    assert running.telemetry.total("otelcol_exporter_sent_spans", exporter="nop") == 2
    assert running.telemetry.total("otelcol_exporter_sent_log_records", exporter="nop") == 3
