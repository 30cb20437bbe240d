"""Remote write to a real server: the series that arrive, and what every kind of answer means."""

from __future__ import annotations

import asyncio
import math
import struct
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from pydantic import ValidationError

from penstock.exporters.prometheusremotewrite import Config
from penstock.pipeline import Batch, Permanent, Rejected, Retryable, Signal
from penstock.prometheus.remote_write import V1, V2, Written
from tests.exporters.attempts import outcome, running, told
from tests.kit import in_loop
from tests.prometheus.write_requests import STALE_BITS, TIME, decoded, series

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from penstock.pipeline.errors import PenstockError
    from penstock.prometheus.remote_write import Message

BOTH = pytest.mark.parametrize("message", [V1, V2], ids=["1.0", "2.0"])

NANOS = 1_000_000
CUMULATIVE, DELTA = 2, 1

SILENCE = web.Response()
"""Stands for no answer at all."""


class Backend:
    """A server that remembers what was written and answers as it is told, then with 204."""

    def __init__(self, message: Message = V1, *answers: web.Response) -> None:
        self.message = message
        self.answers = list(answers)
        self.requests: list[Any] = []
        self.headers: list[dict[str, str]] = []
        self.port = 0

    async def _write(self, request: web.Request) -> web.Response:
        self.headers.append(dict(request.headers))
        self.requests.append(decoded(self.message, await request.read()))
        answer = self.answers.pop(0) if self.answers else web.Response(status=204)
        if answer is SILENCE:
            await self._over.wait()
        return answer

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        self._over = asyncio.Event()
        app = web.Application(client_max_size=1 << 26)
        app.router.add_post("/write", self._write)
        runner = web.AppRunner(app, shutdown_timeout=0)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.port = runner.addresses[0][1]
        try:
            yield
        finally:
            self._over.set()
            await runner.cleanup()

    def series(self) -> dict[str, Any]:
        """Every series that came, by its labels in the notation of Prometheus."""
        found = {}
        for request in self.requests:
            for labels, one in series(self.message, request):
                assert list(labels) == sorted(labels)
                name = labels.pop("__name__")
                inside = ",".join(f"{key}={value}" for key, value in labels.items())
                found[f"{name}{{{inside}}}" if inside else name] = one
        return found

    def values(self) -> dict[str, float]:
        """The last sample of every series."""
        return {name: one.samples[-1].value for name, one in self.series().items() if one.samples}


def config(backend: Backend, **settings: Any) -> Config:
    url = f"http://127.0.0.1:{backend.port}/write"
    return Config.model_validate(
        {"endpoint": url, "protobuf_message": backend.message.name} | settings
    )


def send(backend: Backend, *batches: Batch, **settings: Any) -> Rejected | None:
    """One attempt at each batch while `backend` serves; the outcome of the last."""

    async def main() -> Rejected | PenstockError | None:
        async with backend.serving(), running(config(backend, **settings)) as exporter:
            for batch in batches:
                last = await outcome(exporter, batch)
            return last

    return told(asyncio.run(main()))


def batch(fill: Callable[[Any], None], **resource: str) -> Batch:
    """The metrics that `fill` adds to a scope."""
    request = ExportMetricsServiceRequest()
    around = request.resource_metrics.add()
    for key, value in resource.items():
        around.resource.attributes.add(key=key.replace("_", ".")).value.string_value = value
    fill(around.scope_metrics.add())
    return Batch.from_otlp(Signal.METRICS, request.SerializeToString())


def counter(scope: Any, name: str = "requests", **attributes: str) -> Any:
    """A point of a counter."""
    metric = scope.metrics.add(name=name)
    metric.sum.aggregation_temporality = CUMULATIVE
    metric.sum.is_monotonic = True
    point = metric.sum.data_points.add(as_int=7, time_unix_nano=TIME * NANOS)
    point.start_time_unix_nano = (TIME - 1000) * NANOS
    for key, value in attributes.items():
        point.attributes.add(key=key.replace("_", ".")).value.string_value = value
    return point


def gauges(count: int, **resource: str) -> Batch:
    """So many gauges, `gauge_0` and so on."""

    def fill(scope: Any) -> None:
        for number in range(count):
            points = scope.metrics.add(name=f"gauge_{number}").gauge.data_points
            points.add(as_double=number, time_unix_nano=TIME * NANOS)

    return batch(fill, **resource)


@BOTH
def test_a_counter_is_a_series_with_the_labels_of_its_source(message: Message) -> None:
    def fill(scope: Any) -> None:
        scope.scope.name, scope.scope.version = "meter", "1.2"
        counter(scope, "http.requests", url_path="/", a_b="x")

    backend = Backend(message)
    source = {"service_namespace": "shop", "service_name": "cart", "service_instance_id": "i1"}
    assert send(backend, batch(fill, **source), external_labels={"cluster": "eu"}) is None
    assert backend.values() == {
        "http_requests_total{a_b=x,cluster=eu,instance=i1,job=shop/cart,"
        "otel_scope_name=meter,otel_scope_version=1.2,url_path=/}": 7
    }
    (headers,) = backend.headers
    assert headers["Content-Encoding"] == "snappy"
    assert headers["Content-Type"] == message.content_type
    assert headers["X-Prometheus-Remote-Write-Version"] == message.header


def test_version_2_says_type_help_unit_and_start_with_each_series() -> None:
    def fill(scope: Any) -> None:
        counter(scope, "wait")
        scope.metrics[0].unit, scope.metrics[0].description = "s", "How long."

    backend = Backend(V2)
    send(backend, batch(fill))
    (request,) = backend.requests
    (one,) = request.timeseries
    said = (request.symbols[one.metadata.help_ref], request.symbols[one.metadata.unit_ref])
    assert request.symbols[0] == ""
    assert (one.metadata.type, said) == (1, ("How long.", "seconds"))
    assert one.samples[0].start_timestamp == TIME - 1000


def test_version_1_says_what_families_there_are_where_that_is_asked_for() -> None:
    backend = Backend(V1)
    send(backend, batch(counter), send_metadata=True)
    (family,) = backend.requests[0].metadata
    assert (family.metric_family_name, family.type) == ("requests_total", 1)


@BOTH
def test_a_histogram_is_cumulative_buckets_a_sum_and_a_count(message: Message) -> None:
    def fill(scope: Any) -> None:
        data = scope.metrics.add(name="latency", unit="s").histogram
        data.aggregation_temporality = CUMULATIVE
        point = data.data_points.add(count=6, sum=9.5, time_unix_nano=TIME * NANOS)
        point.explicit_bounds.extend([0.5, 10])
        point.bucket_counts.extend([1, 2, 3])
        exemplar = point.exemplars.add(as_double=4, time_unix_nano=TIME * NANOS)
        exemplar.trace_id, exemplar.span_id = b"t" * 16, b"s" * 8
        exemplar.filtered_attributes.add(key="user").value.string_value = "x" * 100

    backend = Backend(message)
    send(backend, batch(fill))
    assert backend.values() == {
        "latency_seconds_bucket{le=0.5}": 1,
        "latency_seconds_bucket{le=10}": 3,
        "latency_seconds_bucket{le=+Inf}": 6,
        "latency_seconds_count": 6,
        "latency_seconds_sum": 9.5,
    }
    (exemplar,) = backend.series()["latency_seconds_bucket{le=10}"].exemplars
    assert (exemplar.value, exemplar.timestamp) == (4, TIME)
    if message is V1:
        labels = {label.name: label.value for label in exemplar.labels}
        assert labels == {"span_id": (b"s" * 8).hex(), "trace_id": (b"t" * 16).hex()}


@BOTH
def test_an_exponential_histogram_is_a_native_one(message: Message) -> None:
    def fill(scope: Any) -> None:
        data = scope.metrics.add(name="size").exponential_histogram
        data.aggregation_temporality = CUMULATIVE
        point = data.data_points.add(count=10, sum=5.5, scale=2, zero_count=1)
        point.time_unix_nano = TIME * NANOS
        point.positive.offset = -1
        point.positive.bucket_counts.extend([1, 0, 2, 0, 0, 0, 3, 0])
        point.negative.bucket_counts.extend([3])

    backend = Backend(message)
    send(backend, batch(fill))
    (native,) = backend.series()["size"].histograms
    assert (native.count_int, native.sum, native.schema, native.zero_count_int) == (10, 5.5, 2, 1)
    assert native.zero_threshold == 1e-128
    assert native.timestamp == TIME
    spans = [(span.offset, span.length) for span in native.positive_spans]
    assert spans == [(0, 3), (3, 1)]
    assert list(native.positive_deltas) == [1, -1, 2, 1]
    assert [(span.offset, span.length) for span in native.negative_spans] == [(1, 1)]
    assert list(native.negative_deltas) == [3]


def test_a_finer_scale_than_prometheus_has_is_made_coarser() -> None:
    def fill(scope: Any) -> None:
        data = scope.metrics.add(name="size").exponential_histogram
        data.aggregation_temporality = CUMULATIVE
        point = data.data_points.add(count=3, scale=9)
        point.positive.bucket_counts.extend([1, 1, 1])

    backend = Backend()
    send(backend, batch(fill))
    (native,) = backend.series()["size"].histograms
    assert (native.schema, list(native.positive_deltas)) == (8, [2, -1])


@BOTH
def test_a_summary_is_quantiles_a_sum_and_a_count(message: Message) -> None:
    def fill(scope: Any) -> None:
        point = scope.metrics.add(name="wait").summary.data_points.add(count=4, sum=2)
        point.quantile_values.add(quantile=0.5, value=0.25)
        point.quantile_values.add(quantile=1, value=1)

    backend = Backend(message)
    send(backend, batch(fill))
    assert backend.values() == {
        "wait{quantile=0.5}": 0.25,
        "wait{quantile=1}": 1,
        "wait_count": 4,
        "wait_sum": 2,
    }


@BOTH
def test_a_point_without_recorded_value_marks_its_series_as_ended(message: Message) -> None:
    def fill(scope: Any) -> None:
        scope.metrics.add(name="up").gauge.data_points.add(flags=1)
        for name in ("histogram", "exponential_histogram"):
            data = getattr(scope.metrics.add(name=name), name)
            data.aggregation_temporality = CUMULATIVE
            data.data_points.add(flags=1)

    backend = Backend(message)
    assert send(backend, batch(fill)) is None
    ended = backend.values()
    ended["native"] = backend.series()["exponential_histogram"].histograms[0].sum
    assert len(ended) == 5
    assert {bits(value) for value in ended.values()} == {STALE_BITS}


def bits(value: float) -> int:
    packed: int = struct.unpack("<Q", struct.pack("<d", value))[0]
    return packed


def test_values_that_are_no_numbers_and_infinite_ones_stay_what_they_are() -> None:
    def fill(scope: Any) -> None:
        for name, value in (("a", math.nan), ("b", math.inf), ("c", -math.inf)):
            scope.metrics.add(name=name).gauge.data_points.add(as_double=value)

    backend = Backend()
    send(backend, batch(fill))
    values = backend.values()
    assert math.isnan(values["a"])
    assert bits(values["a"]) != STALE_BITS
    assert (values["b"], values["c"]) == (math.inf, -math.inf)


@BOTH
def test_target_info_tells_of_a_resource_and_does_not_go_back_in_time(message: Message) -> None:
    backend = Backend(message)
    source = {"service_name": "cart", "host_name": "h"}

    def fill(scope: Any, time: int) -> None:
        points = scope.metrics.add(name="g").gauge.data_points
        points.add(as_int=1, time_unix_nano=time * NANOS)

    times = (TIME, TIME - 5, TIME + 5)
    batches = [batch(partial(fill, time=time), **source) for time in times]
    send(backend, *batches)
    name = "target_info{host_name=h,job=cart}"
    told_at = [
        one.samples[0].timestamp
        for request in backend.requests
        for labels, one in series(message, request)
        if labels["__name__"] == "target_info"
    ]
    assert backend.values()[name] == 1
    assert told_at == [TIME, TIME + 5]


def test_attributes_of_resources_become_labels_where_that_is_asked_for() -> None:
    backend = Backend()
    conversion = {"enabled": True, "exclude_service_attributes": True}
    made = gauges(1, service_name="cart", host_name="h")
    send(
        backend,
        made,
        resource_to_telemetry_conversion=conversion,
        target_info={"enabled": False},
    )
    assert list(backend.series()) == ["gauge_0{host_name=h,job=cart}"]


def test_attributes_whose_labels_are_the_same_are_joined() -> None:
    backend = Backend()

    def fill(scope: Any) -> None:
        point = counter(scope)
        for key in ("a/b", "a.b"):
            point.attributes.add(key=key).value.string_value = key

    send(backend, batch(fill))
    assert list(backend.series()) == ["requests_total{a_b=a.b;a/b}"]


def test_names_stay_as_they_are_where_nothing_is_translated() -> None:
    backend = Backend(V2)
    send(
        backend,
        batch(lambda s: counter(s, "http.requests", a_b="1")),
        translation_strategy="NoTranslation",
    )
    assert list(backend.series()) == ["http.requests{a.b=1}"]


def test_points_that_prometheus_has_no_series_for_are_rejected_and_the_others_sent() -> None:
    def fill(scope: Any) -> None:
        counter(scope)
        delta = scope.metrics.add(name="orders").sum
        delta.aggregation_temporality, delta.is_monotonic = DELTA, True
        delta.data_points.add(as_int=1)
        delta.data_points.add(as_int=2)

    backend = Backend()
    rejected = send(backend, batch(fill))
    assert rejected == Rejected(2, "Prometheus has no series for the delta sum 'orders'")
    assert list(backend.series()) == ["requests_total"]


def test_points_that_contradict_themselves_are_rejected_and_the_others_sent() -> None:
    def fill(scope: Any) -> None:
        counter(scope)
        scope.metrics.add(name="nothing").gauge.data_points.add()
        data = scope.metrics.add(name="unsorted").histogram
        data.aggregation_temporality = CUMULATIVE
        data.data_points.add(explicit_bounds=[2, 1], bucket_counts=[0, 0, 0])
        data.data_points.add(explicit_bounds=[1], bucket_counts=[0, 0, 0])
        native = scope.metrics.add(name="miscounted").exponential_histogram
        native.aggregation_temporality = CUMULATIVE
        native.data_points.add(count=5).positive.bucket_counts.extend([1])
        native.data_points.add(scale=-5)

    backend = Backend()
    rejected = send(backend, batch(fill))
    assert rejected is not None
    assert rejected.items == 5
    assert list(backend.series()) == ["requests_total"]


@BOTH
def test_a_large_batch_takes_several_requests_each_within_its_bytes(message: Message) -> None:
    backend = Backend(message)
    send(backend, gauges(200), max_batch_size_bytes=500)
    assert len(backend.requests) > 5
    assert all(request.ByteSize() <= 500 for request in backend.requests)
    assert len(backend.values()) == 200


@in_loop
async def test_a_series_has_its_points_in_order_however_many_requests_are_under_way() -> None:
    def fill(scope: Any) -> None:
        for name in range(20):
            points = scope.metrics.add(name=f"g{name}").gauge.data_points
            for step in range(30, 0, -1):
                points.add(as_int=step, time_unix_nano=(TIME + step) * NANOS)

    backend = Backend()
    async with backend.serving():
        settings = {"max_batch_size_bytes": 300, "remote_write_queue": {"num_consumers": 7}}
        async with running(config(backend, **settings)) as exporter:
            await exporter.send(batch(fill))
    times: dict[str, list[int]] = {}
    for request in backend.requests:
        for labels, one in series(V1, request):
            times.setdefault(labels["__name__"], []).extend(s.timestamp for s in one.samples)
    assert len(times) == 20
    assert all(found == list(range(TIME + 1, TIME + 31)) for found in times.values())


@pytest.mark.parametrize("status", [429, 500, 503])
def test_these_are_to_be_sent_again_after_the_pause_they_ask_for(status: int) -> None:
    backend = Backend(V1, web.Response(status=status, headers={"Retry-After": "7"}, text="busy"))
    with pytest.raises(Retryable, match="busy") as raised:
        send(backend, gauges(1))
    assert raised.value.after == 7


@pytest.mark.parametrize("status", [301, 400, 401, 404, 413, 415])
def test_these_never_will_be_taken(status: int) -> None:
    backend = Backend(V1, web.Response(status=status, text="never"))
    with pytest.raises(Permanent):
        send(backend, gauges(1))


def test_what_was_taken_is_not_sent_again() -> None:
    never = web.Response(status=400, text="no")
    later = web.Response(status=500)
    backend = Backend(V1, web.Response(status=204), never, later)
    with pytest.raises(Retryable) as raised:
        send(backend, gauges(8), max_batch_size_bytes=100, remote_write_queue={"num_consumers": 1})
    first, second = (len(request.timeseries) for request in backend.requests[:2])
    assert raised.value.remaining is not None
    assert len(raised.value.remaining) == 8 - first - second
    assert raised.value.rejected is not None
    assert raised.value.rejected.items == second


def test_what_version_2_does_not_say_it_has_written_is_rejected() -> None:
    some = web.Response(status=400, headers=Written(3).headers(), text="out of order")
    rejected = send(Backend(V2, some), gauges(5))
    assert rejected is not None
    assert rejected.items == 2
    assert "out of order" in rejected.reason
    assert (
        send(Backend(V2, web.Response(status=204, headers=Written(5).headers())), gauges(5)) is None
    )


@pytest.mark.parametrize("count", ["-1", "many", "9" * 5000, "٣"])
def test_counts_that_make_no_sense_are_not_believed(count: str) -> None:
    headers = {"X-Prometheus-Remote-Write-Samples-Written": count.encode().decode("latin-1")}
    assert send(Backend(V2, web.Response(status=204, headers=headers)), gauges(2)) is None


def test_a_request_without_an_answer_is_given_up_and_the_points_stay() -> None:
    with pytest.raises(Retryable, match="no answer in time") as raised:
        send(Backend(V1, SILENCE), gauges(3), timeout="50ms")
    assert raised.value.remaining is not None
    assert len(raised.value.remaining) == 3


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "endpoint"),
        ({"endpoint": "mimir:9090"}, "expected a URL"),
        ({"endpoint": "http://b", "external_labels": {"a": ""}}, "expected a name and a value"),
        (
            {"endpoint": "http://b", "translation_strategy": "NoTranslation"},
            "needs protobuf_message",
        ),
        ({"endpoint": "http://b", "tls": {"ca_file": "ca.pem"}}, "sent to in clear"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Config.model_validate(settings)
