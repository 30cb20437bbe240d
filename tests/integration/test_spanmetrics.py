"""What spanmetrics makes of spans, and what the Collector's makes of the same.

The Collector's totals are compared once they are there: it tells of every new one as 0 first. It
does not say the least and the greatest of an explicit histogram, and a scale of buckets that there
are none of is anything. Spans of several scopes are one series there, of the first one's name.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from penstock.connectors.spanmetrics import Config
from penstock.pipeline import Batch, Signal
from tests.connectors.telling import request
from tests.integration.collector import Collector
from tests.integration.flat import texts
from tests.integration.program import eventually
from tests.integration.recorder import Recorder
from tests.kit import Backend, Source, in_loop, service, wire

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.collector import Sections
    from tests.integration.peers import Peers

DELTA = {"aggregation_temporality": "AGGREGATION_TEMPORALITY_DELTA"}

CASES: dict[str, dict[str, Any]] = {
    "defaults": {},
    "deltas": DELTA,
    "seconds": {"histogram": {"unit": "s"}},
    "buckets": {"histogram": {"explicit": {"buckets": ["2ms", "3250us", "1s"]}}},
    "exponential": {"histogram": {"exponential": {"max_size": 160}}},
    "few exponential buckets": {
        "histogram": {"unit": "s", "exponential": {"max_size": 4}},
        **DELTA,
    },
    "no histogram": {"histogram": {"disable": True}},
    "dimensions": {
        "dimensions": [
            {"name": "http.method", "default": "none"},
            {"name": "http.status_code"},
            {"name": "region"},
        ]
    },
    "globs": {"dimensions": [{"glob": "db.*.name"}, {"glob": "k8s.**"}, {"glob": "proc*.p?d"}]},
    "dimensions of one metric": {
        "calls_dimensions": [{"name": "http.method"}],
        "histogram": {"dimensions": [{"name": "http.status_code", "default": "0"}]},
    },
    "excluded": {"exclude_dimensions": ["span.name", "status.code", "collector.instance.id"]},
    "namespace": {"namespace": "red"},
    "no namespace": {"namespace": ""},
    "scopes": {"include_instrumentation_scope": ["express", "pg"]},
    "events": {
        "events": {"enabled": True, "dimensions": [{"name": "exception.type"}]},
        "dimensions": [{"name": "region"}],
    },
    "exemplars": {"exemplars": {"enabled": True, "max_per_data_point": 100}, **DELTA},
    "sampling": {"enable_metrics_sampling_method": True},
    "key attributes": {"resource_metrics_key_attributes": ["region"]},
}


def sent(case: str) -> bytes:
    """The request of a case."""
    made = request(case)
    for group in made.resource_spans if case == "scopes" else ():
        del group.scope_spans[1:]
    return made.SerializeToString()


def attributes(message: Any) -> dict[str, str]:
    """As texts; of the instance only that it is there."""
    found = {pair.key: str(pair.value).strip() for pair in message.attributes}
    return dict(sorted((found | dict.fromkeys(found.keys() & {"collector.instance.id"})).items()))


def of_point(point: Any) -> list[Any]:
    """What a point says besides its times."""
    left_out = {"attributes", "start_time_unix_nano", "time_unix_nano", "exemplars"}
    if hasattr(point, "bucket_counts"):
        left_out |= {"min", "max"}
    if hasattr(point, "scale"):
        left_out |= (
            {"negative"} if point.positive.bucket_counts else {"negative", "positive", "scale"}
        )
    fields = [
        (field.name, round(value, 9) if field.name == "sum" else str(value))
        for field, value in point.ListFields()
        if field.name not in left_out
    ]
    examples = [(it.trace_id, it.span_id, round(it.as_double, 9)) for it in point.exemplars]
    return [attributes(point), fields, sorted(examples)]


points = partial(texts, attributes=attributes, of_point=of_point)
"""Of requests."""


def wired(number: int, options: dict[str, Any]) -> Sections:
    """The connector of a case, and what leads to it and on."""
    name = f"spanmetrics/{number}"
    return {
        "connectors": {name: {"metrics_flush_interval": "1s"} | options},
        "pipelines": {
            f"traces/{number}": {"receivers": [f"otlp/{number}"], "exporters": [name]},
            f"metrics/{number}": {"receivers": [name], "exporters": ["otlp"]},
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
            collector.send(case, Signal.TRACES, sent(case))
        wanted = {case: 1 if DELTA.items() <= CASES[case].items() else 2 for case in CASES}

        def came() -> dict[str, list[ExportMetricsServiceRequest]]:
            found: dict[str, list[ExportMetricsServiceRequest]] = {case: [] for case in CASES}
            for each in recorder.requests("metrics"):
                if each.resource_metrics:
                    found[case_of(each)].append(each)
            return found

        eventually(lambda: all(len(came()[case]) >= wanted[case] for case in CASES))
        yield {case: points(found[wanted[case] - 1 :][:1]) for case, found in came().items()}


def case_of(request: ExportMetricsServiceRequest) -> str:
    found = request.resource_metrics[0].resource.attributes
    return next(pair.value.string_value for pair in found if pair.key == "case")


async def made(case: str) -> list[str]:
    """What is made here of the request of a case."""
    source, backend = Source(), Backend()
    config = Config.model_validate(CASES[case])
    settings = wire(
        "traces: in -> spanmetrics",
        "metrics: spanmetrics -> out",
        in_=source,
        spanmetrics=config,
        out=backend,
    )
    async with service(settings):
        await source.send(Batch.from_otlp(Signal.TRACES, sent(case)))
    return points([ExportMetricsServiceRequest.FromString(it.to_otlp()) for it in backend.got])


@pytest.mark.parametrize("case", CASES)
@in_loop
async def test_the_same_comes_out_as_out_of_the_collector(
    case: str, collected: dict[str, list[str]]
) -> None:
    assert await made(case) == collected[case]
