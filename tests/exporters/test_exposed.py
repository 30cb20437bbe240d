"""What is exposed: the newest point of every series, whatever its sources do."""

from __future__ import annotations

import asyncio
import gzip
from typing import TYPE_CHECKING, Any

from penstock.exporters import _exposed
from tests.exporters.exposing import (
    DELTA,
    SHOP,
    Clock,
    Metrics,
    exposed,
    from_json,
    samples,
    scraped,
    shown,
    take,
)

if TYPE_CHECKING:
    import pytest


def test_the_newest_point_is_shown_and_an_older_one_ignored() -> None:
    subject = exposed()
    take(subject, Metrics().gauge("depth", 2, time=20))
    assert take(subject, Metrics().gauge("depth", 1, time=10)) == {"old": 1}
    assert samples(subject) == ["depth 2"]
    assert take(subject, Metrics().gauge("depth", 3, time=20)) == {}
    assert samples(subject) == ["depth 3"]


def test_a_point_from_the_future_does_not_make_later_ones_old() -> None:
    subject = exposed()
    take(subject, Metrics().gauge("depth", 1, time=2**62))
    assert take(subject, Metrics().gauge("depth", 2, time=10)) == {}
    assert samples(subject) == ["depth 2"]


def test_deltas_add_up() -> None:
    subject = exposed()
    for start, end in ((0, 10), (10, 20), (20, 30)):
        take(subject, Metrics().sum("requests", 5, end, start, DELTA))
    assert samples(subject) == ["requests_total 15"]


def test_a_delta_that_overlaps_with_what_is_counted_is_dropped() -> None:
    subject = exposed()
    take(subject, Metrics().sum("requests", 5, 20, 10, DELTA))
    assert take(subject, Metrics().sum("requests", 5, 20, 10, DELTA)) == {"old": 1}
    assert take(subject, Metrics().sum("requests", 5, 25, 15, DELTA)) == {"old": 1}
    assert samples(subject) == ["requests_total 5"]


def test_a_delta_after_a_gap_begins_anew() -> None:
    subject = exposed()
    take(subject, Metrics().sum("requests", 5, 20, 10, DELTA))
    take(subject, Metrics().sum("requests", 2, 40, 30, DELTA))
    assert samples(subject) == ["requests_total 2"]


def test_deltas_of_what_goes_up_and_down_add_up_as_a_gauge_even_after_a_gap() -> None:
    subject = exposed()
    for start, end, change in ((10, 20, 5), (20, 30, -2), (90, 100, 4)):
        metrics = Metrics().sum("depth", change, end, start, DELTA, monotonic=False)
        assert take(subject, metrics) == {}
    assert samples(subject) == ["depth 7"]


def test_deltas_that_do_not_say_when_they_began_add_up() -> None:
    subject = exposed()
    take(subject, Metrics().sum("requests", 5, 20, 0, DELTA))
    take(subject, Metrics().sum("requests", 2, 40, 0, DELTA))
    assert samples(subject) == ["requests_total 7"]


def test_deltas_of_histograms_add_up_by_bucket() -> None:
    subject = exposed()
    take(subject, Metrics().histogram("latency", [1, 2, 3], [1, 2], 20, 10, DELTA))
    take(subject, Metrics().histogram("latency", [1, 0, 1], [1, 2], 30, 20, DELTA))
    assert samples(subject) == [
        'latency_bucket{le="1"} 2',
        'latency_bucket{le="2"} 4',
        'latency_bucket{le="+Inf"} 8',
        "latency_sum 3",
        "latency_count 8",
    ]


def test_a_counter_that_begins_anew_is_shown_as_it_is() -> None:
    subject = exposed()
    take(subject, Metrics().sum("requests", 100, 20, 10))
    take(subject, Metrics().sum("requests", 3, 40, 30))
    assert samples(subject) == ["requests_total 3"]


def test_of_two_sources_of_one_series_that_which_began_last_is_shown() -> None:
    subject = exposed()
    take(subject, Metrics().sum("requests", 100, 20, 10))
    take(subject, Metrics().sum("requests", 3, 21, 15))
    assert take(subject, Metrics().sum("requests", 101, 22, 10)) == {"old": 1}
    assert samples(subject) == ["requests_total 3"]


def test_a_point_without_value_lets_its_series_leave() -> None:
    subject = exposed()
    take(subject, Metrics().gauge("depth", 1, 10))
    gone = {"timeUnixNano": "20", "flags": 1}
    metric = {"name": "depth", "gauge": {"dataPoints": [gone]}}
    asyncio.run(subject.take(from_json([{"scopeMetrics": [{"metrics": [metric]}]}])))
    assert shown(subject) == ""
    take(subject, Metrics().gauge("depth", 2, 30))
    assert samples(subject) == ["depth 2"]


def test_a_series_that_is_not_updated_leaves_with_its_names() -> None:
    clock = Clock()
    subject = exposed(clock, metric_expiration="10s")
    take(subject, Metrics(**SHOP).gauge("depth", 1, 10).gauge("other", 1, 10))
    for moment in (9, 18):
        clock.now = moment
        take(subject, Metrics(**SHOP).gauge("depth", 2, 20 + moment))
        asyncio.run(subject.expire())
    assert samples(subject) == ['depth{instance="i1",job="shop"} 2']
    clock.now = 40
    asyncio.run(subject.expire())
    assert shown(subject) == ""
    assert subject.kernel.counts() == (0, 0)


def test_what_is_only_repeated_or_old_does_not_keep_a_series() -> None:
    """Or a source whose clock was set back would be hidden for as long as it was set back."""
    clock = Clock()
    subject = exposed(clock, metric_expiration="10s")
    take(subject, Metrics().gauge("depth", 1, 100))
    for moment in (5, 10, 15):
        clock.now = moment
        take(subject, Metrics().gauge("depth", 2, 50 + moment))
        asyncio.run(subject.expire())
    take(subject, Metrics().gauge("depth", 3, 60))
    assert samples(subject) == ["depth 3"]


def test_no_more_series_are_kept_than_max_series() -> None:
    subject = exposed(max_series=10)
    metrics = Metrics()
    for number in range(30):
        metrics.gauge("depth", number, queue=str(number))
    assert take(subject, metrics) == {"full": 20}
    assert len(samples(subject)) == 10


def test_names_of_metrics_and_origins_are_bounded_too() -> None:
    subject = exposed(max_series=10)
    for number in range(30):
        take(subject, Metrics(host=str(number)).gauge(f"depth {number}", 1))
    assert subject.kernel.counts()[0] <= 10


def test_of_many_series_points_are_taken_in_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_exposed, "MANY", 0)
    subject = exposed()
    for start, end in ((0, 10), (10, 20)):
        assert take(subject, Metrics().sum("requests", 5, end, start, DELTA)) == {}
    assert samples(subject) == ["requests_total 10"]


def test_a_scrape_shows_one_instant() -> None:
    subject = exposed()
    metrics = Metrics()
    for number in range(1000):
        metrics.gauge("depth", 1, queue=str(number))
    take(subject, metrics)
    scrape = subject.kernel.scrape("text", "underscores", False, False)
    first = scrape.more(10)
    later = Metrics()
    for number in range(2000):
        later.gauge("depth", 2, 2, queue=str(number))
    take(subject, later)
    rest = b"".join(iter(lambda: scrape.more(1000), b""))
    lines = [line for line in (first + rest).decode().splitlines() if line[0] != "#"]
    assert {line.split()[1] for line in lines} == {"1"}
    assert len(lines) == 1000


def test_compressed_it_is_the_same() -> None:
    subject = exposed()
    take(subject, Metrics(**SHOP).sum("requests", 1))
    plain = scraped(subject, "text")
    assert gzip.decompress(scraped(subject, "text", gzip=True)) == plain


def test_attributes_of_the_origin_count_before_those_of_points() -> None:
    subject = exposed(const_labels={"cluster": "eu"}, resource_constant_labels={"included": ["*"]})
    resource = {**SHOP, "cluster": "us", "host.name": "a", "host_name": "b"}
    labels: dict[str, Any] = {"job": "mine", "cluster": "my", "host_name": "c", "kept": "yes"}
    take(subject, Metrics(**resource).gauge("depth", 1, **labels))
    (line,) = samples(subject)
    assert line == (
        'depth{cluster="eu",host_name="a;b",instance="i1",job="shop",kept="yes",'
        'service_instance_id="i1",service_name="shop"} 1'
    )


def test_labels_that_samples_have_of_their_own_are_not_taken_from_points() -> None:
    subject = exposed()
    metrics = Metrics().histogram("latency", [1], [])
    point = metrics.metrics[0].histogram.data_points[0]
    point.attributes.add(key="le").value.string_value = "mine"
    take(subject, metrics)
    assert samples(subject)[0] == 'latency_bucket{le="+Inf"} 1'


def test_values_of_any_type_become_texts() -> None:
    values = {
        "a": {"stringValue": 'quoted "text"\n\\'},
        "b": {"boolValue": True},
        "c": {"intValue": "-5"},
        "d": {"doubleValue": 1e21},
        "e": {"doubleValue": 2.0},
        "f": {"bytesValue": "aGk="},
        "g": {"arrayValue": {"values": [{"intValue": "1"}, {"stringValue": 'x"'}, {}]}},
        "h": {"kvlistValue": {"values": [{"key": "z", "value": {"doubleValue": 0.5}}]}},
        "i": {},
        "j": {"stringValue": ""},
    }
    attributes = [{"key": key, "value": value} for key, value in values.items()]
    point = {"attributes": attributes, "asInt": "1"}
    metric = {"name": "depth", "gauge": {"dataPoints": [point]}}
    subject = exposed()
    asyncio.run(subject.take(from_json([{"scopeMetrics": [{"metrics": [metric]}]}])))
    (line,) = samples(subject)
    assert line == (
        r'depth{a="quoted \"text\"\n\\",b="true",c="-5",d="1e+21",e="2",f="aGk=",'
        r'g="[1,\"x\\\"\",null]",h="{\"z\":0.5}"} 1'
    )
