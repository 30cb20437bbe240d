"""Remote write over real connections: what becomes of it, and what senders are told."""

from __future__ import annotations

import asyncio
import struct
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from pydantic import ValidationError

from penstock.pipeline import Invalid, Receiver, Refused, StartError
from penstock.prometheus.remote_write import V1, V2
from penstock.receivers.prometheusremotewrite import Config, RemoteWrite
from tests.kit import Next, context, eventually, in_loop
from tests.prometheus import write_requests
from tests.prometheus.write_requests import STALE_BITS, TIME, compressed, request_of
from tests.receivers.pushing import Answer
from tests.receivers.test_door import Authenticator

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from penstock.prometheus.remote_write import Message

BOTH = pytest.mark.parametrize("message", [V1, V2], ids=["1.0", "2.0"])
STALE: float = struct.unpack("<d", struct.pack("<Q", STALE_BITS))[0]
NANOS = 1_000_000


def written(answer: Answer) -> list[str]:
    """The counts that version 2 wants in an answer."""
    prefix = "X-Prometheus-Remote-Write-"
    return [value for name, value in answer.headers.items() if name.startswith(prefix)]


class Server:
    """A running receiver, the stage after it, and a sender."""

    def __init__(self, port: int, next_: Next, session: aiohttp.ClientSession) -> None:
        self.port = port
        self.next = next_
        self._session = session

    async def post(
        self, body: Any, message: Message = V2, path: str = "/api/v1/write", **headers: str
    ) -> Answer:
        """Post a body."""
        usual = {"Content-Type": message.content_type, "Content-Encoding": "snappy"}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        url = f"http://127.0.0.1:{self.port}{path}"
        async with self._session.post(url, data=body, headers=usual | named) as response:
            return Answer(response.status, dict(response.headers), await response.text())

    async def write(self, request: Any, message: Message = V2) -> Answer:
        """Post a request."""
        return await self.post(compressed(request.SerializeToString()), message)

    def rows(self) -> list[dict[str, Any]]:
        """Every point that was passed on."""
        return [row for batch in self.next.got for row in batch.rows()]


@asynccontextmanager
async def serving(*faults: Exception, **settings: Any) -> AsyncIterator[Server]:
    """A receiver whose next stage answers with `faults` first."""
    async with context("prometheusremotewrite", may_wait=True) as given:
        config = Config.model_validate({"endpoint": "127.0.0.1:0"} | settings)
        receiver = config.build(given)
        assert isinstance(receiver, RemoteWrite)
        next_ = Next(*faults)
        await receiver.start(next_.consume)
        try:
            async with aiohttp.ClientSession() as session:
                yield Server(receiver.port, next_, session)
        finally:
            await receiver.stop()


class Series:
    """Writes series of version 2, whose texts are a table."""

    def __init__(self) -> None:
        self.request = write_requests.V2(symbols=[""])

    def ref(self, text: str) -> int:
        """The place of a text."""
        if text not in self.request.symbols:
            self.request.symbols.append(text)
        return list(self.request.symbols).index(text)

    def add(self, name: str, type_: int = 0, help_: str = "", unit: str = "", **labels: str) -> Any:
        """A series without samples."""
        one = self.request.timeseries.add()
        for pair in {"__name__": name, **labels}.items():
            one.labels_refs.extend(map(self.ref, pair))
        one.metadata.type = type_
        one.metadata.help_ref, one.metadata.unit_ref = self.ref(help_), self.ref(unit)
        return one


@in_loop
async def test_a_counter_is_a_cumulative_sum_of_the_resource_that_its_labels_name() -> None:
    made = Series()
    labels = {"job": "shop/cart", "instance": "i1", "path": "/", "otel_scope_name": "meter"}
    labels |= {"__type__": "counter", "__unit__": "requests"}
    one = made.add("requests_total", 1, "How many.", "requests", **labels)
    one.samples.add(value=3, timestamp=TIME, start_timestamp=TIME - 5)
    exemplar = one.exemplars.add(value=1, timestamp=TIME)
    exemplar.labels_refs.extend(map(made.ref, ("trace_id", "ab" * 16, "user", "me")))
    async with serving() as server:
        answer = await server.write(made.request)
        assert (answer.status, written(answer)) == (204, ["1", "0", "1"])
        (row,) = server.rows()
    assert row["metric"] == {
        "name": "requests_total",
        "description": "How many.",
        "unit": "requests",
        "type": "sum",
        "is_monotonic": True,
        "aggregation_temporality": 2,
        "metadata": {"prometheus.type": "counter"},
    }
    assert row["resource"]["attributes"] == {
        "service.namespace": "shop",
        "service.name": "cart",
        "service.instance.id": "i1",
    }
    assert row["scope"] == {"name": "meter"}
    assert row["attributes"] == {"path": "/"}
    times = row["time_unix_nano"], row["start_time_unix_nano"]
    assert times == (TIME * NANOS, (TIME - 5) * NANOS)
    (found,) = row["exemplars"]
    assert (found["trace_id"], found["filtered_attributes"]) == ("ab" * 16, {"user": "me"})


@in_loop
async def test_version_1_remembers_the_types_that_come_apart_from_the_series() -> None:
    said = write_requests.V1()
    said.metadata.add(type=1, metric_family_name="requests", help="How many.", unit="1")
    async with serving() as server:
        answer = await server.write(said, V1)
        assert (answer.status, written(answer)) == (204, [])
        await server.post(request_of(V1, ["requests", "temperature", "sold_total"]), V1)
        rows = {row["metric"]["name"]: row["metric"] for row in server.rows()}
    assert {name: metric["type"] for name, metric in rows.items()} == {
        "requests": "sum",
        "temperature": "gauge",
        "sold_total": "sum",
    }
    assert rows["requests"]["description"] == "How many."


@in_loop
async def test_target_info_tells_of_resources_in_the_requests_after_it_too() -> None:
    made = Series()
    made.add("target_info", 2, job="cart", instance="i1", host_name="h").samples.add(value=1)
    later = Series()
    later.add("up", 2, job="cart", instance="i1").samples.add(value=1, timestamp=TIME)
    async with serving() as server:
        assert (await server.write(made.request)).status == 204
        await server.write(later.request)
        (row,) = server.rows()
    attributes = {"service.name": "cart", "service.instance.id": "i1", "host_name": "h"}
    assert row["resource"]["attributes"] == attributes


@in_loop
async def test_a_native_histogram_is_an_exponential_one() -> None:
    made = Series()
    one = made.add("size", 3)
    native = one.histograms.add(schema=2, sum=5.5, count_int=10, zero_count_int=1, timestamp=TIME)
    native.positive_spans.add(offset=0, length=3)
    native.positive_spans.add(offset=3, length=1)
    native.positive_deltas.extend([1, -1, 2, 1])
    native.negative_spans.add(offset=1, length=1)
    native.negative_deltas.append(3)
    async with serving() as server:
        answer = await server.write(made.request)
        assert written(answer) == ["0", "1", "0"]
        (row,) = server.rows()
    assert row["metric"]["type"] == "exponential_histogram"
    assert (row["count"], row["sum"], row["scale"], row["zero_count"]) == (10, 5.5, 2, 1)
    assert row["positive"] == {"offset": -1, "bucket_counts": [1, 0, 2, 0, 0, 0, 3]}
    assert row["negative"] == {"bucket_counts": [3]}


@in_loop
async def test_a_native_histogram_with_listed_bounds_is_an_explicit_one() -> None:
    made = Series()
    native = made.add("size", 3).histograms.add(schema=-53, count_float=4, sum=2, timestamp=TIME)
    native.custom_values.extend([1, 2])
    native.positive_spans.add(offset=1, length=2)
    native.positive_counts.extend([3, 1])
    async with serving() as server:
        await server.write(made.request)
        (row,) = server.rows()
    assert (row["explicit_bounds"], row["bucket_counts"]) == ([1, 2], [0, 3, 1])
    assert (row["count"], row["metric"]["type"]) == (4, "histogram")


@in_loop
async def test_a_staleness_marker_is_a_point_without_recorded_value() -> None:
    made = Series()
    made.add("up", 2).samples.add(value=STALE, timestamp=TIME)
    made.add("size", 3).histograms.add(sum=STALE, timestamp=TIME)
    async with serving() as server:
        await server.write(made.request)
        assert [row["flags"] for row in server.rows()] == [1, 1]
        assert [row.get("as_double") for row in server.rows()] == [None, None]


@in_loop
async def test_a_gap_of_a_thousand_million_buckets_takes_no_room() -> None:
    made = Series()
    native = made.add("size", 3).histograms.add(schema=8, count_int=2, timestamp=TIME)
    native.positive_spans.add(offset=-(2**30), length=1)
    native.positive_spans.add(offset=2**31 - 1, length=1)
    native.positive_deltas.extend([1, 0])
    async with serving() as server:
        await server.write(made.request)
        (row,) = server.rows()
    assert len(row["positive"]["bucket_counts"]) <= 1024
    assert sum(row["positive"]["bucket_counts"]) == 2


@in_loop
async def test_series_that_break_the_protocol_are_refused_and_the_others_taken() -> None:
    made = Series()
    made.add("good", 2).samples.add(value=1, timestamp=TIME)
    made.add("", 2).samples.add(value=1, timestamp=TIME)
    made.request.timeseries.add(labels_refs=[1, 99]).samples.add(value=1)
    twice = made.add("twice", 2, a="1")
    twice.labels_refs.extend(twice.labels_refs[-2:])
    made.add("before_1970", 2).samples.add(value=1, timestamp=-5)
    short = made.add("short", 3).histograms.add(timestamp=TIME)
    short.positive_spans.add(offset=1, length=5)
    async with serving() as server:
        answer = await server.write(made.request)
        assert (answer.status, written(answer)) == (400, ["1", "0", "0"])
        assert answer.text.startswith("5 of its series were not taken")
        assert [row["metric"]["name"] for row in server.rows()] == ["good"]


@BOTH
@in_loop
async def test_an_empty_request_is_taken(message: Message) -> None:
    async with serving() as server:
        assert (await server.post(compressed(b""), message)).status == 204
        assert server.next.got == []


@BOTH
@pytest.mark.parametrize(
    "body", [b"", b"no snappy", compressed(b"no protobuf"), compressed(b"\x0a\xff")[:-1]]
)
@in_loop
async def test_what_is_no_request_is_answered_with_400(body: bytes, message: Message) -> None:
    async with serving() as server:
        assert (await server.post(body, message)).status == 400


@pytest.mark.parametrize(
    "headers",
    [
        {"Content_Type": "application/json"},
        {"Content_Type": "application/x-protobuf;proto=io.prometheus.write.v3.Request"},
        {"Content_Encoding": "gzip"},
        {"Content_Encoding": ""},
    ],
)
@in_loop
async def test_what_is_not_understood_is_answered_with_415(headers: dict[str, Any]) -> None:
    async with serving() as server:
        assert (await server.post(request_of(V2, ["up"]), **headers)).status == 415
        assert (await server.post(b"", path="/elsewhere")).status == 404


@in_loop
async def test_without_a_parameter_the_content_type_is_version_1() -> None:
    async with serving() as server:
        body = request_of(V1, ["up"])
        assert (await server.post(body, Content_Type="application/x-protobuf")).status == 204
        assert len(server.rows()) == 1


@in_loop
async def test_a_body_over_the_limit_is_answered_with_413() -> None:
    large = write_requests.V2(symbols=["", "x" * 20_000])
    async with serving(max_request_body_size=10_000) as server:
        assert (await server.post(b"x" * 10_001)).status == 413
        assert (await server.write(large)).status == 413
        bomb = b"\xff\xff\xff\xff\x0f" + b"\x00"
        assert (await server.post(bomb)).status == 413


@in_loop
async def test_a_text_that_thousands_of_labels_refer_to_takes_no_room() -> None:
    request = write_requests.V2(symbols=["", "__name__", "n", "x" * 5000])
    for _ in range(500):
        request.timeseries.add(labels_refs=[1, 2, 2, 3]).samples.add(value=1, timestamp=TIME)
    async with serving(max_request_body_size=50_000) as server:
        answer = await server.write(request)
        assert answer.status == 400
        assert "too long together" in answer.text


@in_loop
async def test_who_comes_when_the_next_stage_cannot_is_told_when_to_come_again() -> None:
    async with serving(Refused("full", 4.0), Invalid("broken")) as server:
        body = request_of(V2, ["up"])
        later = await server.post(body)
        assert (later.status, later.headers["Retry-After"], later.text) == (503, "4", "full")
        assert (await server.post(body)).status == 400
        assert (await server.post(body)).status == 204


@in_loop
async def test_who_comes_when_too_much_waits_is_told_to_come_again() -> None:
    settings = {"max_request_body_size": 1 << 20, "admission": {"request_limit_mib": 1}}
    async with serving(**settings) as server:
        server.next.open.clear()
        body = request_of(V2, [f"metric_{number}" for number in range(9000)])
        first = asyncio.create_task(server.post(body))
        await eventually(lambda: server.next.offers)
        assert (await server.post(body)).status == 503
        server.next.open.set()
        assert (await first).status == 204
        assert (await server.post(body)).status == 204


@in_loop
async def test_a_body_that_does_not_come_is_not_waited_for() -> None:
    async def slowly() -> AsyncIterator[bytes]:
        yield b"\x00"
        await asyncio.sleep(30)

    async with serving(read_timeout="50ms") as server:
        assert (await server.post(slowly())).status == 408


@in_loop
async def test_strangers_are_asked_who_they_are_before_anything_is_read() -> None:
    extensions = {"token": Authenticator()}
    settings = {"endpoint": "127.0.0.1:0", "auth": {"authenticator": "token"}}
    async with context("prometheusremotewrite", extensions=extensions) as given:
        receiver = Config.model_validate(settings).build(given)
        assert isinstance(receiver, RemoteWrite)
        next_ = Next()
        await receiver.start(next_.consume)
        async with aiohttp.ClientSession() as session:
            server = Server(receiver.port, next_, session)
            stranger = await server.post(b"no request")
            assert (stranger.status, stranger.headers["WWW-Authenticate"]) == (401, "Basic")
            body = request_of(V2, ["up"])
            assert (await server.post(body, Authorization="right")).status == 204
        await receiver.stop()


@in_loop
async def test_an_address_that_is_taken_stops_the_start() -> None:
    async with serving() as server, context("prometheusremotewrite/b") as given:
        config = Config.model_validate({"endpoint": f"127.0.0.1:{server.port}"})
        second: Receiver = config.build(given)
        with pytest.raises(StartError, match="cannot listen on"):
            await second.start(server.next.consume)
        await second.stop()


@pytest.mark.parametrize(
    "settings", [{"admission": {"request_limit_mib": 1}}, {"endpoint": "nowhere"}, {"cors": {}}]
)
def test_settings_that_cannot_work_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Config.model_validate(settings)
