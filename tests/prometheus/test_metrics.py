"""What metrics become in Prometheus."""

from __future__ import annotations

import pytest

from penstock.prometheus.metrics import (
    CUMULATIVE,
    DELTA,
    UNSPECIFIED,
    Family,
    Refusal,
    family,
)
from penstock.prometheus.names import MetricType, Namer


@pytest.mark.parametrize(
    ("data", "temporality", "monotonic", "name", "type_"),
    [
        ("gauge", UNSPECIFIED, False, "it_ratio", MetricType.GAUGE),
        ("sum", CUMULATIVE, True, "it_total", MetricType.COUNTER),
        ("sum", DELTA, True, "it_total", MetricType.COUNTER),
        ("sum", CUMULATIVE, False, "it", MetricType.GAUGE),
        ("sum", DELTA, False, "it", MetricType.GAUGE),
        ("histogram", DELTA, False, "it", MetricType.HISTOGRAM),
        ("exponential_histogram", CUMULATIVE, False, "it", MetricType.HISTOGRAM),
        ("summary", UNSPECIFIED, False, "it", MetricType.SUMMARY),
    ],
)
def test_every_kind_of_data_has_its_type(
    data: str, temporality: int, monotonic: bool, name: str, type_: MetricType
) -> None:
    found = family((["it", "1", "What it is.", data, ""], temporality, monotonic), Namer())
    assert found == Family(name, type_, "What it is.", "", temporality == DELTA)


@pytest.mark.parametrize(
    ("data", "temporality", "monotonic"),
    [
        ("sum", UNSPECIFIED, True),
        ("histogram", UNSPECIFIED, False),
        ("exponential_histogram", 9, False),
        ("", UNSPECIFIED, False),
    ],
)
def test_what_prometheus_has_nothing_for_is_unsupported(
    data: str, temporality: int, monotonic: bool
) -> None:
    found = family((["it", "", "", data, ""], temporality, monotonic), Namer())
    assert found == Refusal("it", "unsupported")


def test_a_name_of_which_nothing_is_left_is_refused_by_the_name_it_had() -> None:
    said = (["ようこそ", "", "", "gauge", ""], UNSPECIFIED, False)
    assert family(said, Namer()) == Refusal("ようこそ", "unnamed")


def test_a_gauge_that_was_of_unknown_type_is_so_again() -> None:
    found = family((["it", "s", "", "gauge", "unknown"], UNSPECIFIED, False), Namer())
    assert found == Family("it_seconds", MetricType.UNKNOWN, "", "seconds", delta=False)
