"""The formats of a scrape: whole expositions, and what Prometheus' own parsers read in them."""

from __future__ import annotations

import asyncio
import math
import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import parser as plain
from prometheus_client.openmetrics import parser as openmetrics

from tests.exporters.exposing import (
    Metrics,
    exposed,
    from_json,
    of_every_type,
    scraped,
    shown,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

LABELS = (
    'http_route="/",job="shop",otel_scope_name="lib",otel_scope_service_name="shop",'
    'otel_scope_version="1.2"'
)
TRACE = '# {span_id="0102030405060708",trace_id="0102030405060708090a0b0c0d0e0f10"}'

TEXT = r"""# TYPE imported untyped
imported{L} -7
# TYPE latency_seconds histogram
latency_seconds_bucket{L,le="1"} 1
latency_seconds_bucket{L,le="2.5"} 3
latency_seconds_bucket{L,le="+Inf"} 6
latency_seconds_sum{L} 7.5
latency_seconds_count{L} 6
# TYPE native histogram
native_bucket{L,le="+Inf"} 10
native_sum{L} 12.5
native_count{L} 10
# TYPE quantiles summary
quantiles{L,quantile="0.5"} 1.5
quantiles_sum{L} 4.5
quantiles_count{L} 3
# TYPE ratio gauge
ratio{L} 0.25
# HELP requests_total Requests \\ "all"\nof them.
# TYPE requests_total counter
requests_total{L} 5
# HELP target_info Target metadata
# TYPE target_info gauge
target_info{job="shop"} 1
""".replace("L}", LABELS + "}").replace("L,", LABELS + ",")

OPEN_METRICS = (
    r"""# TYPE imported unknown
imported{L} -7 1500000001.000
# TYPE latency_seconds histogram
# UNIT latency_seconds seconds
latency_seconds_bucket{L,le="1.0"} 1 1500000001.000
latency_seconds_bucket{L,le="2.5"} 3 1500000001.000 TRACE 2 1500000000.250
latency_seconds_bucket{L,le="+Inf"} 6 1500000001.000 # {} 99 1500000000.250
latency_seconds_sum{L} 7.5 1500000001.000
latency_seconds_count{L} 6 1500000001.000
# TYPE native histogram
native_bucket{L,le="+Inf"} 10 1500000001.000
native_sum{L} 12.5 1500000001.000
native_count{L} 10 1500000001.000
# TYPE quantiles summary
quantiles{L,quantile="0.5"} 1.5 1500000001.000
quantiles_sum{L} 4.5 1500000001.000
quantiles_count{L} 3 1500000001.000
# TYPE ratio gauge
ratio{L} 0.25 1500000001.000
# HELP requests Requests \\ \"all\"\nof them.
# TYPE requests counter
requests_total{L} 5 1500000001.000 TRACE 1 1500000000.250
# HELP target_info Target metadata
# TYPE target_info gauge
target_info{job="shop"} 1
# EOF
""".replace("L}", LABELS + "}")
    .replace("L,", LABELS + ",")
    .replace("TRACE", TRACE)
)


@pytest.mark.parametrize(
    ("format_", "timestamps", "expected"),
    [("text", False, TEXT), ("openmetrics", True, OPEN_METRICS)],
)
def test_a_metric_of_every_type_is_written(format_: str, timestamps: bool, expected: str) -> None:
    subject = exposed()
    asyncio.run(subject.take(of_every_type()))
    assert shown(subject, format_, timestamps=timestamps) == expected


def test_names_of_any_script_stand_in_quotes_for_who_takes_them() -> None:
    subject = exposed(translation_strategy="NoUTF8EscapingWithSuffixes")
    labels: dict[str, Any] = {"http.route": "/", "plain": "x"}
    metrics = Metrics().sum('http.request"s', 5, **labels)
    asyncio.run(subject.take(metrics.histogram("λ", [1], []).batch))
    assert scraped(subject, "text", "allow-utf-8").decode() == (
        '# TYPE "http.request\\"s_total" counter\n'
        '{"http.request\\"s_total","http.route"="/",plain="x"} 5\n'
        '# TYPE "λ" histogram\n'
        '{"λ_bucket",le="+Inf"} 1\n{"λ_sum"} 1.5\n{"λ_count"} 1\n'
    )


@pytest.mark.parametrize(
    ("escaping", "line"),
    [
        ("underscores", 'http_requests_total{a_b="1;2",plain_x="x"} 5'),
        ("dots", 'http_dot_requests__total{a__b="1",a_dot_b="2",plain__x="x"} 5'),
        ("values", 'U__http_2e_requests__total{U__a_2e_b="2",a_b="1",plain_x="x"} 5'),
    ],
)
def test_names_of_any_script_are_escaped_for_all_others(escaping: str, line: str) -> None:
    subject = exposed(translation_strategy="NoUTF8EscapingWithSuffixes")
    labels: dict[str, Any] = {"a.b": "2", "a_b": "1", "plain_x": "x"}
    metrics = Metrics().sum("http.requests", 5, **labels)
    asyncio.run(subject.take(metrics.batch))
    assert (
        scraped(subject, "text", escaping).decode().splitlines()[-1].replace("2;1", "1;2") == line
    )


def test_of_two_names_that_are_one_when_escaped_that_which_needs_none_is_shown() -> None:
    subject = exposed(translation_strategy="NoTranslation")
    asyncio.run(subject.take(Metrics().gauge("a.b", 1).gauge("a_b", 2).batch))
    assert scraped(subject, "text", "underscores") == b"# TYPE a_b gauge\na_b 2\n"


def test_a_counter_whose_openmetrics_name_another_has_is_of_unknown_type() -> None:
    subject = exposed()
    asyncio.run(subject.take(Metrics().gauge("requests", 1).sum("requests", 2).batch))
    text = shown(subject, "openmetrics")
    assert "# TYPE requests_total unknown\nrequests_total 2\n" in text
    assert "# TYPE requests gauge\nrequests 1\n" in text


def test_openmetrics_has_no_sum_that_may_become_less() -> None:
    subject = exposed()
    metrics = Metrics().histogram("a", [1, 1], [-1]).histogram("b", [1], [], sum=-2)
    asyncio.run(subject.take(metrics.batch))
    assert "_sum" not in shown(subject, "openmetrics")
    assert "_count" not in shown(subject, "openmetrics")
    assert "b_sum -2\nb_count 1\n" in shown(subject)


RESERVED = re.compile(r'[{,]"?__')
"""Labels that the parsers refuse, though Prometheus itself takes them."""

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
values = st.floats() | st.integers(-(2**63), 2**63 - 1).map(float)


@st.composite
def anything(draw: st.DrawFn) -> list[dict[str, Any]]:
    """A few metrics of names, labels and values that may be anything."""
    metrics = []
    for _ in range(draw(st.integers(0, 5))):
        pairs = draw(st.dictionaries(texts, texts, max_size=3)).items()
        attributes = [{"key": key, "value": {"stringValue": value}} for key, value in pairs]
        temporality = {"aggregationTemporality": draw(st.integers(0, 3))}
        number = {"attributes": attributes, "asDouble": _json(draw(values))}
        bounds = draw(st.lists(values, max_size=3))
        counts = draw(st.lists(st.integers(0, 2**64 - 1), max_size=4))
        whole = {"attributes": attributes, "count": str(draw(st.integers(0, 2**64 - 1)))}
        total = {**whole, "sum": _json(draw(values))}
        buckets = {"bucketCounts": [str(count) for count in counts]}
        data: dict[str, Any] = draw(
            st.sampled_from(
                [
                    {"gauge": {"dataPoints": [number]}},
                    {"sum": {**temporality, "isMonotonic": True, "dataPoints": [number]}},
                    {"sum": {**temporality, "dataPoints": [number]}},
                    {
                        "histogram": {
                            **temporality,
                            "dataPoints": [
                                {**total, **buckets, "explicitBounds": [*map(_json, bounds)]}
                            ],
                        }
                    },
                    {
                        "exponentialHistogram": {
                            **temporality,
                            "dataPoints": [
                                {
                                    **total,
                                    "scale": draw(st.integers(-11, 20)),
                                    "positive": {
                                        **buckets,
                                        "offset": draw(st.integers(-(2**31), 2**31 - 1)),
                                    },
                                }
                            ],
                        }
                    },
                    {"summary": {"dataPoints": [total]}},
                ]
            )
        )
        described = {"unit": draw(texts), "description": draw(texts)}
        metrics.append({"name": draw(texts | st.just("depth")), **described, **data})
    return [{"scopeMetrics": [{"metrics": metrics}]}]


def _json(value: float) -> float | str:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


STRATEGIES = st.sampled_from(["UnderscoreEscapingWithSuffixes", "NoTranslation"])


@settings(max_examples=150, deadline=None)
@given(anything(), STRATEGIES)
def test_whatever_comes_the_parsers_of_prometheus_read_it(
    resource_metrics: list[dict[str, Any]], strategy: str
) -> None:
    subject = exposed(translation_strategy=strategy)
    asyncio.run(subject.take(from_json(resource_metrics)))
    for escaping in ("allow-utf-8", "underscores", "values", "dots"):
        text = scraped(subject, "text", escaping).decode()
        types = [line for line in text.splitlines() if line.startswith("# TYPE")]
        assert len(set(types)) == len(types)
        if not RESERVED.search(text):
            seen = [
                (sample.name, tuple(sorted(sample.labels.items())))
                for family in plain.text_string_to_metric_families(text)
                for sample in family.samples
            ]
            # Escaped, the labels of two series may be the same.
            assert escaping == "underscores" or len(set(seen)) == len(seen)
    text = scraped(subject, "openmetrics", "allow-utf-8").decode()
    if not RESERVED.search(text):
        list(openmetrics.text_string_to_metric_families(text))  # type: ignore[no-untyped-call]
    messages(scraped(subject, "protobuf"))


def messages(exposition: bytes) -> list[bytes]:
    """The messages of a protobuf exposition."""

    def each() -> Iterator[bytes]:
        pos = 0
        while pos < len(exposition):
            length = shift = 0
            while True:
                byte = exposition[pos]
                length |= (byte & 0x7F) << shift
                pos, shift = pos + 1, shift + 7
                if byte < 0x80:
                    break
            yield exposition[pos : pos + length]
            assert pos + length <= len(exposition)
            pos += length

    return list(each())
