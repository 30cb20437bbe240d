"""Which format a scrape gets."""

from __future__ import annotations

import pytest

from penstock.prometheus.formats import negotiated, takes_gzip

PROTOBUF = (
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
)
PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,"
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)


@pytest.mark.parametrize(
    ("accept", "open_metrics", "name", "escaping"),
    [
        ("", True, "text", "underscores"),
        ("*/*", True, "text", "underscores"),
        (PROMETHEUS_3, True, "openmetrics", "allow-utf-8"),
        (PROMETHEUS_3, False, "text", "allow-utf-8"),
        (f"{PROTOBUF};q=0.7,{PROMETHEUS_3}", True, "protobuf", "underscores"),
        (f"text/plain;q=0.1,{PROTOBUF};escaping=allow-utf-8", True, "protobuf", "allow-utf-8"),
        ("application/openmetrics-text; version=0.0.1", True, "openmetrics", "underscores"),
        ("application/openmetrics-text; version=2.0.0", True, "text", "underscores"),
        ("application/vnd.google.protobuf;encoding=delimited", True, "text", "underscores"),
        ("application/vnd.google.protobuf;q=0", True, "text", "underscores"),
        ("text/plain;version=0.0.4;escaping=dots", True, "text", "dots"),
        ("text/plain;version=0.0.4;escaping=loud", True, "text", "underscores"),
        ("text/plain;q=high,;;,=;q", True, "text", "underscores"),
        ('APPLICATION/OpenMetrics-Text; version="1.0.0"', True, "openmetrics", "underscores"),
    ],
)
def test_the_best_format_that_is_taken_is_chosen(
    accept: str, open_metrics: bool, name: str, escaping: str
) -> None:
    found = negotiated(accept, open_metrics=open_metrics)
    assert (found.name, found.escaping) == (name, escaping)
    assert found.content_type.endswith(f"; escaping={escaping}")


def test_content_types_are_those_of_prometheus() -> None:
    protobuf = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily"
    for accept, content_type in (
        ("", "text/plain; version=0.0.4; charset=utf-8"),
        ("text/plain;version=1.0.0", "text/plain; version=1.0.0; charset=utf-8"),
        (
            "application/openmetrics-text;version=1.0.0",
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
        ),
        (PROTOBUF, f"{protobuf}; encoding=delimited"),
    ):
        found = negotiated(accept, open_metrics=True)
        assert found.content_type == f"{content_type}; escaping=underscores"


@pytest.mark.parametrize(
    ("header", "takes"),
    [("gzip", True), ("br, GZIP;q=0.5", True), ("gzip;q=0", False), ("", False), ("br", False)],
)
def test_gzip_is_for_who_takes_it(header: str, takes: bool) -> None:
    assert takes_gzip(header) is takes
