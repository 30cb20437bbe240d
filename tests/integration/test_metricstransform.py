"""What metricstransform makes of metrics, and what the Collector's makes of the same.

Where the Collector's results are known to be wrong, the metrics here do not let it show.
"""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality

from penstock.pipeline import Batch, Signal
from tests.integration.collector import Collector
from tests.integration.flat import texts
from tests.integration.program import eventually
from tests.integration.recorder import Recorder
from tests.processors.test_metricstransform import subject

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.collector import Sections
    from tests.integration.peers import Peers

DELTA = AggregationTemporality.AGGREGATION_TEMPORALITY_DELTA
CUMULATIVE = AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE

LABELS = [
    {"state": state, "core": core} for state in ("user", "system", "idle") for core in ("0", "1")
]


def operation(action: str, **more: Any) -> dict[str, Any]:
    """A transform of every metric that is one operation."""
    operations = [{"action": action, **more}]
    return {"include": ".*", "match_type": "regexp", "action": "update", "operations": operations}


CASES: dict[str, dict[str, Any]] = {
    "rename": {"include": "sum", "action": "update", "new_name": "total"},
    "rename by groups": {
        "include": "^(?P<what>delta|sum)",
        "match_type": "regexp",
        "action": "update",
        "new_name": "my.${what}.$1",
    },
    "insert": {"include": "histogram", "action": "insert", "new_name": "copy"},
    "insert what matches": {
        "include": "gauge",
        "action": "insert",
        "new_name": "copy",
        "experimental_match_labels": {"state": "idle"},
    },
    "update what matches": {
        "include": "u",
        "match_type": "regexp",
        "action": "update",
        "new_name": "not.used",
        "experimental_match_labels": {"state": "^u"},
        "operations": [
            {"action": "update_label", "label": "core", "new_label": "cpu"},
            {"action": "experimental_scale_value", "experimental_scale": 10},
            {"action": "toggle_scalar_data_type"},
            {"action": "delete_label_value", "label": "state", "label_value": "idle"},
        ],
    },
    "add a label": operation("add_label", new_label="host", new_value="a"),
    "update values": operation(
        "update_label",
        label="state",
        new_label="mode",
        value_actions=[{"value": "idle", "new_value": "-"}],
    ),
    "delete points": operation("delete_label_value", label="state", label_value="idle"),
    "toggle": operation("toggle_scalar_data_type"),
    "scale": operation("experimental_scale_value", experimental_scale=8),
    **{
        f"{how} over labels": operation(
            "aggregate_labels", label_set=["state"], aggregation_type=how
        )
        for how in ("sum", "mean", "min", "max", "median", "count")
    },
    "sum of all": operation("aggregate_labels", label_set=[], aggregation_type="sum"),
    "sum over values": operation(
        "aggregate_label_values",
        label="state",
        aggregated_values=["user", "system"],
        new_value="used",
        aggregation_type="sum",
    ),
    "combine": {
        "include": "^(gauge|other gauge)$",
        "match_type": "regexp",
        "action": "combine",
        "new_name": "gauges",
        "aggregation_type": "sum",
    },
    "combine what cannot be": {
        "include": "sum|delta",
        "match_type": "regexp",
        "action": "combine",
        "new_name": "never",
        "aggregation_type": "sum",
    },
    "group": {
        "include": "gauge",
        "match_type": "regexp",
        "action": "group",
        "group_resource_labels": {"kind": "gauge"},
    },
}


def request(case: str) -> ExportMetricsServiceRequest:
    """Metrics of all types, whose resource names the case."""
    made = ExportMetricsServiceRequest()
    of_resource = made.resource_metrics.add()
    of_resource.resource.attributes.add(key="case").value.string_value = case
    metrics = of_resource.scope_metrics.add().metrics
    gauges = [metrics.add(name=name, unit="1").gauge for name in ("gauge", "other gauge")]
    total, delta = (metrics.add(name=name, unit="s").sum for name in ("sum", "delta"))
    total.aggregation_temporality, delta.aggregation_temporality = CUMULATIVE, DELTA
    total.is_monotonic = delta.is_monotonic = True
    histogram = metrics.add(name="histogram").histogram
    histogram.aggregation_temporality = CUMULATIVE
    exponential = metrics.add(name="exponential").exponential_histogram
    exponential.aggregation_temporality = DELTA
    every: list[Any] = [*gauges, total, delta, histogram, exponential]
    for data in every:
        for number, labels in enumerate(LABELS):
            point = data.data_points.add(start_time_unix_nano=5, time_unix_nano=10)
            for key, text in labels.items():
                point.attributes.add(key=key).value.string_value = text
            fill(point, 2 * number)
    return made


def fill(point: Any, value: int) -> None:
    """Give a point of any type a value."""
    if hasattr(point, "as_int"):
        point.as_int = value
        return
    point.count, point.sum, point.min, point.max = 3, float(value), 1.0, float(value) + 2
    if hasattr(point, "scale"):
        point.scale, point.zero_count = 2, 1
        point.positive.offset = 4
        point.positive.bucket_counts.extend([1, 1])
        return
    point.explicit_bounds.extend([1.0, 2.0])
    point.bucket_counts.extend([1, 1, 1])


def attributes(message: Any) -> dict[str, str]:
    return dict(sorted((pair.key, pair.value.string_value) for pair in message.attributes))


def of_point(point: Any) -> list[Any]:
    """All fields of a point: numbers are floats, whatever their type, and empty buckets there."""
    if hasattr(point, "scale"):
        point.positive.SetInParent()
        point.negative.SetInParent()
    fields = [
        (field.name, value)
        for field, value in point.ListFields()
        if field.name not in {"attributes", "as_int", "as_double"}
    ]
    number = point.WhichOneof("value") if hasattr(point, "as_int") else None
    return [attributes(point), float(getattr(point, number)) if number else None, *map(str, fields)]


points = partial(texts, attributes=attributes, of_point=of_point)
"""Of requests."""


def wired(number: int, transform: dict[str, Any]) -> Sections:
    """The processor of a case, and its pipeline."""
    name = f"metricstransform/{number}"
    return {
        "processors": {
            name: {"transforms": [json.loads(json.dumps(transform).replace("$", "$$"))]}
        },
        "pipelines": {
            f"metrics/{number}": {
                "receivers": [f"otlp/{number}"],
                "processors": [name],
                "exporters": ["otlp"],
            }
        },
    }


@pytest.fixture(scope="module")
def collected(
    peers: Peers, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, list[str]]]:
    """What the Collector makes of the request of each case."""
    folder = tmp_path_factory.mktemp("otelcol")
    with (
        Recorder() as recorder,
        Collector(peers, folder, recorder.address, CASES, wired) as collector,
    ):
        for case in CASES:
            collector.send(case, Signal.METRICS, request(case).SerializeToString())
        eventually(lambda: {*map(case_of, recorder.requests("metrics"))} == {*CASES})
        yield {
            case: points(each for each in recorder.requests("metrics") if case_of(each) == case)
            for case in CASES
        }


def case_of(request: ExportMetricsServiceRequest) -> str:
    return attributes(request.resource_metrics[0].resource)["case"]


@pytest.mark.parametrize("case", CASES)
def test_the_same_comes_out_as_out_of_the_collector(
    case: str, collected: dict[str, list[str]]
) -> None:
    batch = Batch.from_otlp("metrics", request(case).SerializeToString())
    done = subject(CASES[case]).process(batch)
    assert done is not None
    assert points([ExportMetricsServiceRequest.FromString(done.to_otlp())]) == collected[case]
