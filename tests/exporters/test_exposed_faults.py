"""What cannot be exposed: it is left out, counted and named, and costs nothing else."""

from __future__ import annotations

import asyncio
import math
from typing import Any

import pytest

from tests.exporters.exposing import SHOP, Clock, Metrics, exposed, samples, shown, take


@pytest.mark.parametrize("first", ["a.b", "a_b"])
def test_of_two_series_of_one_name_and_labels_the_first_is_shown(first: str) -> None:
    subject = exposed()
    second = {"a.b": "a_b", "a_b": "a.b"}[first]
    take(subject, Metrics().gauge("depth", 1, 1, **{first: "x"}))
    assert take(subject, Metrics().gauge("depth", 2, 2, **{second: "x"})) == {"conflict": 1}
    assert samples(subject) == ['depth{a_b="x"} 1']
    assert "depth" in (subject.trouble() or "")


def test_a_hidden_series_is_shown_when_the_other_one_is_silent() -> None:
    subject = exposed()
    take(subject, Metrics().gauge("depth", 1, 1, **{"a.b": "x"}))
    for time in (2, 3):
        assert take(subject, Metrics().gauge("depth", time, time, a_b="x")) == {"conflict": 1}
    take(subject, Metrics().gauge("depth", 4, 4, a_b="x"))
    assert samples(subject) == ['depth{a_b="x"} 4']
    assert take(subject, Metrics().gauge("depth", 5, 5, **{"a.b": "x"})) == {"conflict": 1}


def test_a_hidden_series_stays_so_while_the_other_one_comes() -> None:
    subject = exposed()
    for time in range(1, 10):
        take(subject, Metrics().gauge("depth", 1, 2 * time, **{"a.b": "x"}))
        dropped = take(subject, Metrics().gauge("depth", 2, 2 * time + 1, a_b="x"))
        assert dropped == {"conflict": 1}
    assert samples(subject) == ['depth{a_b="x"} 1']


def test_a_source_that_began_after_the_last_point_takes_over_at_once() -> None:
    subject = exposed()
    take(subject, Metrics(**SHOP, process__pid="1").sum("requests", 100, 20, 10))
    take(subject, Metrics(**SHOP, process__pid="2").sum("requests", 3, 40, 30))
    assert samples(subject) == ['requests_total{instance="i1",job="shop"} 3']
    assert 'target_info{instance="i1",job="shop",process_pid="2"} 1' in shown(subject)


def test_a_family_of_another_type_is_left_out_until_the_first_is_gone() -> None:
    clock = Clock()
    subject = exposed(clock, metric_expiration="10s")
    take(subject, Metrics().gauge("depth", 1))
    depth = Metrics().histogram("depth", [1], [])
    assert take(subject, depth) == {"conflict": 1}
    assert samples(subject) == ["depth 1"]
    clock.now = 30
    asyncio.run(subject.expire())
    assert take(subject, depth) == {}
    assert samples(subject)[0] == 'depth_bucket{le="+Inf"} 1'


@pytest.mark.parametrize("name", ["latency_bucket", "latency_sum", "latency_count", "latency"])
def test_names_of_samples_are_one_familys(name: str) -> None:
    for histogram_first in (True, False):
        subject = exposed()
        both = [Metrics().histogram("latency", [1], []), Metrics().gauge(name, 1)]
        first, second = both if histogram_first else reversed(both)
        assert take(subject, first) == {}
        assert take(subject, second) == {"conflict": 1}


def test_target_info_is_only_what_resources_say() -> None:
    subject = exposed()
    assert take(subject, Metrics(**SHOP).gauge("target_info", 1)) == {"conflict": 1}
    assert shown(subject) == ""


def described(name: str, help_: str, unit: str = "") -> Metrics:
    metrics = Metrics().gauge(name, 1, help=help_)
    (metric,) = metrics.metrics
    metric.description, metric.unit = help_, unit
    return metrics


def test_helps_that_differ_are_left_out_and_points_stay() -> None:
    subject = exposed()
    take(subject, described("depth", "One."))
    assert "# HELP depth One.\n" in shown(subject)
    take(subject, described("depth", "Another."))
    assert "HELP" not in shown(subject)
    assert len(samples(subject)) == 2


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -0.0, 1e300, 5e-324])
def test_gauges_may_have_any_value(value: float) -> None:
    subject = exposed()
    assert take(subject, Metrics().gauge("depth", value)) == {}
    (line,) = samples(subject)
    assert repr(float(line.split()[1])) == repr(value) or value == 0


@pytest.mark.parametrize("value", [-1, math.nan, -math.inf])
def test_counters_are_not_negative(value: float) -> None:
    assert take(exposed(), Metrics().sum("requests", value)) == {"invalid": 1}


@pytest.mark.parametrize(
    ("counts", "bounds", "said"),
    [
        ([1, 2], [1, 2], {}),
        ([1, 2, 3], [2, 1], {}),
        ([1, 2, 3], [1, 1], {}),
        ([1, 2], [math.nan], {}),
        ([], [1], {}),
        ([2**63, 2**63], [1], {"count": 1}),
        ([2**63], [], {}),
    ],
)
def test_histograms_whose_buckets_cannot_be_are_dropped(
    counts: list[int], bounds: list[float], said: dict[str, Any]
) -> None:
    said = said or {"count": sum(counts) % 2**64}
    assert take(exposed(), Metrics().histogram("latency", counts, bounds, **said)) == {"invalid": 1}


def test_a_histograms_last_bucket_holds_all_that_is_counted() -> None:
    subject = exposed()
    take(subject, Metrics().histogram("latency", [1, 2], [1], count=1))
    take(subject, Metrics().histogram("other", [1, 2, 0], [1, math.inf], count=3))
    assert samples(subject) == [
        'latency_bucket{le="1"} 1',
        'latency_bucket{le="+Inf"} 3',
        "latency_sum 1.5",
        "latency_count 3",
        'other_bucket{le="1"} 1',
        'other_bucket{le="+Inf"} 3',
        "other_sum 1.5",
        "other_count 3",
    ]


@pytest.mark.parametrize("temporality", [0, 7])
def test_sums_and_histograms_without_temporality_are_unsupported(temporality: int) -> None:
    metrics = Metrics().sum("requests", 1, temporality=temporality)
    metrics.histogram("latency", [1], [], temporality=temporality)
    assert take(exposed(), metrics) == {"unsupported": 2}


def test_of_many_metrics_that_are_not_shown_some_are_named() -> None:
    subject = exposed()
    for number in range(100):
        take(subject, Metrics().gauge(f"{chr(0x3041 + number)}{'あ' * 10_000}", 1))
    trouble = subject.trouble() or ""
    assert trouble.count("あ") <= 8 * 100
    assert ", …: no name is left of it" in trouble


def test_many_keys_of_attributes_are_not_kept() -> None:
    subject = exposed()
    for number in range(3):
        metrics = Metrics()
        for key in range(4000):
            labels: dict[str, Any] = {f"key {number} {key}": "x"}
            metrics.gauge("depth", 1, **labels)
        assert take(subject, metrics) == {}
    assert len(samples(subject)) == 12_000
