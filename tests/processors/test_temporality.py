"""`cumulativetodelta` and `deltatocumulative`, through the processors' own options."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any, cast

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from pydantic import ValidationError

from penstock.pipeline import Batch, Context, Signal
from penstock.pipeline.telemetry.registry import Telemetry
from penstock.processors import cumulativetodelta, deltatocumulative

if TYPE_CHECKING:
    import asyncio

DELTA, CUMULATIVE = 1, 2


def context() -> Context:
    """A context for what creates no tasks."""
    return Context(
        id="temporality",
        signals=frozenset({Signal.METRICS}),
        logger=logging.getLogger("penstock.test"),
        telemetry=Telemetry(),
        tasks=cast("asyncio.TaskGroup", None),
        pipeline="metrics",
    )


def metrics(now: int, temporality: int, *, start: int = 1, value: int = 3) -> Batch:
    """A point of each type: up is monotonic, level is not."""
    request = ExportMetricsServiceRequest()
    scope = request.resource_metrics.add().scope_metrics.add()
    times = {"time_unix_nano": now, "start_time_unix_nano": start}
    data: Any
    for name, monotonic in (("up", True), ("level", False)):
        data = scope.metrics.add(name=name).sum
        data.aggregation_temporality = temporality
        data.is_monotonic = monotonic
        data.data_points.add(as_int=value, **times)
    data = scope.metrics.add(name="latency").histogram
    data.aggregation_temporality = temporality
    data.data_points.add(count=value, bucket_counts=[value], **times)
    data = scope.metrics.add(name="size").exponential_histogram
    data.aggregation_temporality = temporality
    data.data_points.add(count=value, positive={"bucket_counts": [value]}, **times)
    scope.metrics.add(name="now").gauge.data_points.add(as_int=value, time_unix_nano=now)
    return Batch.from_otlp("metrics", request.SerializeToString())


def told(batch: Batch | None) -> dict[str, tuple[int, Any]]:
    """Temporality and value of each metric's point."""
    return {
        row["metric"]["name"]: (
            row["metric"].get("aggregation_temporality", 0),
            row.get("as_int", row.get("count")),
        )
        for row in (batch.rows() if batch else [])
    }


def delta(**options: Any) -> cumulativetodelta.CumulativeToDelta:
    return cumulativetodelta.Config.model_validate(options).build(context())


def test_counts_and_histograms_become_deltas_and_nothing_else_changes() -> None:
    processor = delta(initial_value="keep")
    first = told(processor.process(metrics(10, CUMULATIVE, value=3)))
    second = told(processor.process(metrics(20, CUMULATIVE, value=5)))
    assert first == {
        "up": (DELTA, 3),
        "level": (CUMULATIVE, 3),
        "latency": (DELTA, 3),
        "size": (DELTA, 3),
        "now": (0, 3),
    }
    assert second == {
        "up": (DELTA, 2),
        "level": (CUMULATIVE, 5),
        "latency": (DELTA, 2),
        "size": (DELTA, 2),
        "now": (0, 5),
    }


@pytest.mark.parametrize(
    ("initial_value", "start", "kept"),
    [
        ("keep", 1, True),
        ("drop", 2**62, False),
        ("auto", 1, False),
        ("auto", 0, False),
        ("auto", 2**62, True),
        ("auto", 2**62 + 10, False),
    ],
)
def test_first_points_stay_as_initial_value_says(
    initial_value: str, start: int, kept: bool
) -> None:
    processor = delta(initial_value=initial_value)
    result = told(processor.process(metrics(2**62 + 10, CUMULATIVE, start=start)))
    assert ("up" in result) is kept


def test_auto_means_later_than_the_start_of_penstock() -> None:
    processor = delta()
    later = time.time_ns()
    assert "up" in told(processor.process(metrics(later + 10, CUMULATIVE, start=later)))


@pytest.mark.parametrize(
    ("options", "converted"),
    [
        ({"include": {"metrics": ["up"], "match_type": "strict"}}, {"up"}),
        ({"include": {"metrics": ["u"], "match_type": "strict"}}, set()),
        ({"include": {"metrics": ["^l"], "match_type": "regexp"}}, {"latency"}),
        ({"include": {"metric_types": ["sum"]}}, {"up"}),
        ({"exclude": {"metric_types": ["sum"]}}, {"latency", "size"}),
        ({"exclude": {"metrics": ["u", "i"], "match_type": "regexp"}}, {"latency"}),
    ],
)
def test_only_chosen_metrics_are_converted(options: dict[str, Any], converted: set[str]) -> None:
    result = told(delta(initial_value="keep", **options).process(metrics(10, CUMULATIVE)))
    assert {name for name, (kind, _) in result.items() if kind == DELTA} == converted


def test_names_without_a_match_type_are_refused() -> None:
    with pytest.raises(ValidationError, match="needs a `match_type`"):
        delta(include={"metrics": ["up"]})


def test_late_points_are_dropped_and_counted() -> None:
    processor = delta(initial_value="keep")
    processor.process(metrics(10, CUMULATIVE))
    assert set(told(processor.process(metrics(10, CUMULATIVE)))) == {"level", "now"}
    assert processor._losses.counters["late"].value == 3


def test_deltas_add_up() -> None:
    processor = deltatocumulative.Config().build(context())
    processor.process(metrics(10, DELTA, value=3))
    assert told(processor.process(metrics(20, DELTA, value=5))) == {
        "up": (CUMULATIVE, 8),
        "level": (CUMULATIVE, 8),
        "latency": (CUMULATIVE, 8),
        "size": (CUMULATIVE, 8),
        "now": (0, 5),
    }


def test_no_more_streams_are_remembered_than_the_limit() -> None:
    processor = deltatocumulative.Config(max_streams=1).build(context())
    assert set(told(processor.process(metrics(10, DELTA)))) == {"up", "now"}
    assert processor._losses.counters["full"].value == 3


def test_cumulative_metrics_pass_as_they_are() -> None:
    batch = metrics(10, CUMULATIVE)
    assert deltatocumulative.Config().build(context()).process(batch) is batch
