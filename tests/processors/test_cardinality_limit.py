"""The limit of series: never more than the budgets say, and no total that is not right."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality
from pydantic import ValidationError

from penstock.pipeline import Batch
from penstock.processors.cardinality_limit import CardinalityLimit, Config
from tests.kit import context_without_tasks

DELTA = AggregationTemporality.AGGREGATION_TEMPORALITY_DELTA
CUMULATIVE = AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE
BOUNDS = (1.0, 10.0)


class Stream:
    """Sources that count, as the batches that they send."""

    def __init__(self, temporality: AggregationTemporality.ValueType) -> None:
        self.temporality = temporality
        self.time = 1
        self.counted: dict[str, int] = defaultdict(int)
        """What really came, by metric."""
        self._values: dict[tuple[str, ...], int] = defaultdict(int)

    def batch(self, events: list[tuple[str, str, str, int, bool]]) -> Batch:
        """A point for each event: metric, service, user, what came, whether it began anew."""
        self.time += 1
        request = ExportMetricsServiceRequest()
        for metric, service, user, came, anew in events:
            key = (metric, service, user)
            before = self._values[key] if self.temporality == CUMULATIVE else 0
            value = came if anew and came < before else before + came
            self._values[key] = value
            self.counted[metric] += came
            self._add(request, metric, service, user, value)
        return Batch.from_otlp("metrics", request.SerializeToString())

    def _add(
        self, request: ExportMetricsServiceRequest, name: str, service: str, user: str, value: int
    ) -> None:
        of_resource = request.resource_metrics.add()
        of_resource.resource.attributes.add(key="service.name").value.string_value = service
        of_resource.resource.attributes.add(key="host.name").value.string_value = "h" + service
        metric = of_resource.scope_metrics.add().metrics.add(name=name)
        point: Any
        if name == "latency":
            metric.histogram.aggregation_temporality = self.temporality
            point = metric.histogram.data_points.add(count=value, sum=float(value))
            point.bucket_counts.extend([0, value, 0])
            point.explicit_bounds.extend(BOUNDS)
        elif name == "size":
            metric.exponential_histogram.aggregation_temporality = self.temporality
            point = metric.exponential_histogram.data_points.add(count=value, sum=float(value))
            point.scale = len(user) % 3
            point.positive.bucket_counts.append(value)
        else:
            metric.sum.aggregation_temporality = self.temporality
            metric.sum.is_monotonic = True
            point = metric.sum.data_points.add(as_int=value)
        point.time_unix_nano = self.time
        point.start_time_unix_nano = 1
        point.attributes.add(key="user").value.string_value = user
        point.attributes.add(key="code").value.int_value = 200


class Total:
    """What somebody who gets the batches comes to, by metric."""

    def __init__(self) -> None:
        self.counted: dict[str, int] = defaultdict(int)
        self.series: dict[str, set[int]] = defaultdict(set)
        self._last: dict[int, int] = {}

    def take(self, batch: Batch | None) -> None:
        if batch is None:
            return
        for series, row in zip(batch.series_ids()["id"].tolist(), batch.rows(), strict=True):
            name = row["metric"]["name"]
            value = row["as_int"] if "as_int" in row else row.get("count", 0)
            if "bucket_counts" in row:
                assert row["bucket_counts"] == [0, value, 0]
            if "positive" in row:
                assert sum(row["positive"]["bucket_counts"]) == value
            assert row.get("sum", value) == value
            self.series[name].add(series)
            if row["metric"]["aggregation_temporality"] == CUMULATIVE:
                before = self._last.get(series, 0)
                self._last[series] = value
                value = value - before if value >= before else value
            self.counted[name] += value


def limit(**options: Any) -> CardinalityLimit:
    return CardinalityLimit(Config(ttl=0, **options), context_without_tasks())


def losses(processor: CardinalityLimit) -> int:
    counters = (*processor._dropped, *processor._losses.counters.values())
    return sum(counter.value for counter in counters)


events = st.lists(
    st.tuples(
        st.sampled_from(["requests", "latency", "size"]),
        st.sampled_from(["shop", "cart"]),
        st.sampled_from(["a", "b", "c", "dd", "ee", "ff", "ggg", "hhh"]),
        st.integers(0, 100),
        st.booleans(),
    ),
    max_size=12,
    unique_by=lambda event: event[:3],
)
options = st.fixed_dictionaries(
    {
        "max_series": st.integers(1, 40),
        "per_metric": st.integers(0, 20),
        "per_resource": st.integers(0, 20),
        "action": st.sampled_from(["overflow", "strip"]),
        "labels": st.sampled_from([{}, {"user": 3}]),
        "max_new_series": st.sampled_from([0, 5]),
    }
)


@given(
    temporality=st.sampled_from([DELTA, CUMULATIVE]),
    stream=st.lists(events, max_size=6),
    options=options,
)
def test_totals_stay_right_and_budgets_are_kept_whatever_comes(
    temporality: AggregationTemporality.ValueType,
    stream: list[list[tuple[str, str, str, int, bool]]],
    options: dict[str, Any],
) -> None:
    processor, source, total = limit(**options), Stream(temporality), Total()
    for batch in stream:
        if batch:
            total.take(processor.process(source.batch(batch)))
    if losses(processor) == 0:
        assert {**total.counted} == {k: v for k, v in source.counted.items() if k in total.counted}
        assert sum(total.counted.values()) == sum(source.counted.values())
    else:
        assert sum(total.counted.values()) <= sum(source.counted.values())
    assert sum(map(len, total.series.values())) <= options["max_series"]
    if options["per_metric"]:
        assert all(len(series) <= options["per_metric"] for series in total.series.values())


def flood(users: int, **options: Any) -> tuple[CardinalityLimit, Batch]:
    """What is left of as many users of one metric and service."""
    processor = limit(**options)
    source = Stream(DELTA)
    batch = source.batch([("requests", "shop", str(user), 1, False) for user in range(users)])
    result = processor.process(batch)
    assert result is not None
    return processor, result


def test_what_is_too_much_is_one_series_of_its_metric_and_service() -> None:
    _, result = flood(100, max_series=20)
    last = result.rows()[-1]
    assert len(result) == 19
    assert last["attributes"] == {"otel.metric.overflow": True}
    assert last["resource"]["attributes"] == {"service.name": "shop"}
    assert last["as_int"] == 82


def test_strip_removes_the_label_with_most_values() -> None:
    _, result = flood(100, max_series=20, per_metric=0, action="strip", overrides=())
    assert {"code": 200} not in [row["attributes"] for row in result.rows()]  # no room for it


def test_strip_finds_room_for_what_is_left_without_the_label() -> None:
    processor = limit(max_series=100, per_metric=10, action="strip")
    source, total = Stream(DELTA), Total()
    total.take(processor.process(source.batch([("requests", "shop", "a", 1, False)])))
    for start in (0, 100):
        users = [("requests", "shop", str(start + user), 1, False) for user in range(100)]
        result = processor.process(source.batch(users))
        assert result is not None
        total.take(result)
    assert total.counted == source.counted
    assert len(total.series["requests"]) <= 10


def test_drop_drops_and_counts() -> None:
    processor, result = flood(100, max_series=20, action="drop")
    assert len(result) == 18
    assert losses(processor) == 82


def test_labels_lose_what_is_more_than_their_values() -> None:
    processor, result = flood(100, labels={"user": 5})
    users = [row["attributes"].get("user") for row in result.rows()]
    assert users == ["0", "1", "2", "3", "4", None]
    assert result.rows()[-1]["as_int"] == 95
    limited = processor._explained.report()["limited"]
    assert limited == [{"metric": "requests", "rule": "labels", "points": 95}]


def test_overrides_are_for_the_metrics_that_they_name() -> None:
    override = {"metric": "req.*", "per_metric": 5, "action": "drop"}
    _, result = flood(100, overrides=[override])
    assert len(result) == 4
    _, result = flood(100, overrides=[{**override, "metric": "re"}])
    assert len(result) == 100


def test_a_dry_run_lets_everything_pass_and_tells_what_it_would_do() -> None:
    processor, result = flood(100, max_series=20, dry_run=True)
    assert len(result) == 100
    report = processor._explained.report()
    assert report["limited"] == [{"metric": "requests", "rule": "max_series", "points": 82}]


def test_the_report_names_budgets_and_labels(caplog: pytest.LogCaptureFixture) -> None:
    processor, _ = flood(1000, max_series=100, per_metric=50)
    report = processor._explained.report()
    fullest = report["budgets"][0]
    assert (fullest["rule"], fullest["of"], fullest["limit"]) == ("per_metric", "requests", 50)
    assert report["metrics"] == [{"metric": "requests", "series": 46}]
    labels = {label["label"]: label["values"] for label in report["labels"]}
    assert labels["user"] == pytest.approx(1000, rel=0.1)
    assert labels["code"] == 1
    (line,) = [record.getMessage() for record in caplog.records]
    assert "too many series: per_metric" in line
    assert "label 'user'" in line
    assert "`labels: {user: 100}`" in line


def test_no_more_new_series_come_in_a_time_than_are_allowed() -> None:
    clock = iter(range(0, 10_000, 30)).__next__
    processor = CardinalityLimit(Config(ttl=0, max_new_series=10), context_without_tasks(), clock)
    source = Stream(DELTA)
    sizes = []
    for start in range(0, 400, 100):
        users = [("requests", "shop", str(start + user), 1, False) for user in range(100)]
        result = processor.process(source.batch(users))
        assert result is not None
        sizes.append(len(result) - 1)
    assert sizes[0] == 10
    assert all(0 < size <= 10 for size in sizes[1:])


def test_an_override_that_says_nothing_is_refused() -> None:
    with pytest.raises(ValidationError, match="`per_metric`, `action` or both"):
        Config.model_validate({"overrides": [{"metric": "x"}]})
