"""What telemetry says can neither forge a line of the log nor a series of our own metrics."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from prometheus_client.parser import text_string_to_metric_families

from tests.integration.program import fetch
from tests.integration.service import Penstock
from tests.receivers.clients import post

if TYPE_CHECKING:
    from collections.abc import Iterator

FORGED = "2026-01-01T00:00:00.000Z error service forged"
HOSTILE = [
    f"line end\n{FORGED}",
    f"return\r{FORGED}",
    f"both\r\n{FORGED}",
    f"next line\x85{FORGED}",
    f"separator\u2028{FORGED}\u2029{FORGED}",
    "\x1b[31mred\x1b[2J\x1b]0;title\x07",
    "\x9b31m",
    "NUL \0 and backspace \b\b\b",
    'quote " backslash \\ brace } {',
    "<img src=x onerror=alert(1)><script>alert(1)</script>",
    'up{job="x"} 1\n# TYPE forged counter\nforged_total 1',
    "%s %n %(password)s {0} ${env:HOME}",
    "\u202egpj.exe \u200b \ufeff",
]
CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")

HOSTILE_ID = 'debug/quote"backslash\\<img/src=x/onerror=alert(1)>\\n'


def spans_of(text: str) -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add(schema_url=text)
    resource.resource.attributes.add(key="service.name").value.string_value = text
    scope = resource.scope_spans.add()
    scope.scope.name = text
    span = scope.spans.add(name=text, trace_state=text)
    span.attributes.add(key=text).value.string_value = text
    span.events.add(name=text)
    span.status.message = text
    return request


def points_of(text: str) -> ExportMetricsServiceRequest:
    request = ExportMetricsServiceRequest()
    scope = request.resource_metrics.add().scope_metrics.add()
    metric = scope.metrics.add(name=text, unit=text, description=text)
    metric.gauge.data_points.add(as_int=1).attributes.add(key=text).value.string_value = text
    return request


def records_of(text: str) -> ExportLogsServiceRequest:
    request = ExportLogsServiceRequest()
    record = request.resource_logs.add().scope_logs.add().log_records.add(severity_text=text)
    record.body.string_value = text
    return request


@pytest.fixture(scope="module")
def penstock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Penstock]:
    """One that shows everything it is sent, after it was sent what is hostile."""
    exporters = {HOSTILE_ID: {"verbosity": "detailed", "sampling_initial": 1_000_000}}
    with Penstock(tmp_path_factory.mktemp("injection"), exporters) as penstock:
        for text in HOSTILE:
            send(penstock, "traces", spans_of(text).SerializeToString())
            send(penstock, "metrics", points_of(text).SerializeToString())
            send(penstock, "logs", records_of(text).SerializeToString())
        for signal in ("traces", "metrics", "logs"):
            penstock.expect_delivered(signal, len(HOSTILE))
        yield penstock


def send(penstock: Penstock, signal: str, body: bytes) -> None:
    assert post(penstock.ports.http, f"/v1/{signal}", body).status == 200


def test_no_text_ends_a_line_or_drives_a_terminal(penstock: Penstock) -> None:
    output = penstock.output()
    assert "onerror" in output, "what was sent is shown"
    assert not CONTROLS.search(output)
    assert not [line for line in output.splitlines() if line.startswith(FORGED)]


def test_own_metrics_tell_hostile_ids_as_they_are_and_hold_no_other_series(
    penstock: Penstock,
) -> None:
    page = fetch(f"http://127.0.0.1:{penstock.ports.metrics}/metrics")
    families = [*text_string_to_metric_families((page or b"").decode())]
    samples = [sample for family in families for sample in family.samples]
    assert HOSTILE_ID in {sample.labels.get("exporter") for sample in samples}
    assert not [family.name for family in families if "forged" in family.name]
    assert len(samples) < 1_000


@pytest.mark.parametrize("path", ["/<script>alert(1)</script>", "/'onload=alert(1)//&lt;script"])
def test_a_hostile_path_is_never_told_back_as_a_page(penstock: Penstock, path: str) -> None:
    for port in penstock.ports:
        answer = post(port, path, b"")
        assert answer.status in {400, 404, 405}
        assert "html" not in answer.headers.get("content-type", "")
