"""Spans of Jaeger and Zipkin: what they can say survives the way there and back."""

from __future__ import annotations

import base64
import json
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf.json_format import MessageToDict
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from penstock._kernel import jaeger_messages, read_spans, zipkin_message
from penstock.pipeline import Batch
from tests.kernel.documents import span

if TYPE_CHECKING:
    from collections.abc import Iterable

JAEGER = ("jaeger_proto", "jaeger_json")
ZIPKIN = ("zipkin_proto", "zipkin_json")

TRACE, SPAN_ID, PARENT = "0123456789abcdef" * 2, "00000000000000aa", "00000000000000bb"


def attributes(**values: Any) -> list[dict[str, Any]]:
    """Attributes in OTLP/JSON."""
    return [{"key": key, "value": value} for key, value in values.items()]


def text(value: str) -> dict[str, Any]:
    return {"stringValue": value}


def written(batch: Batch, encoding: str) -> list[bytes]:
    """The values of messages."""
    if encoding in ZIPKIN:
        value, unfit = zipkin_message(batch.native, encoding)
        assert list(unfit) == []
        return [value]
    return [value for _, value in jaeger_messages(batch.native, encoding)]


def read(values: Iterable[bytes], encoding: str) -> dict[str, Any]:
    """The span that messages are, with its resource and scope."""
    native, faults = read_spans(list(values), encoding)
    assert faults == []
    assert native
    (row,) = Batch(native).rows()
    return row


def there_and_back(batch: Batch, encoding: str) -> Batch:
    native, faults = read_spans(written(batch, encoding), encoding)
    assert faults == []
    assert native
    return Batch(native)


def zipkin(**fields: Any) -> bytes:
    """A list of one span in JSON."""
    return json.dumps([{"traceId": TRACE, "id": SPAN_ID, **fields}]).encode()


def jaeger(**fields: Any) -> bytes:
    """A span in JSON."""
    ids = {"traceId": bytes.fromhex(TRACE), "spanId": bytes.fromhex(SPAN_ID)}
    in_base64 = {name: base64.b64encode(id_).decode() for name, id_ in ids.items()}
    times = {"startTime": "2026-11-21T22:40:00.5Z", "duration": "1.5s"}
    return json.dumps({**in_base64, **times, **fields}).encode()


class Draw:
    """Telemetry by chance: all that the other encoding can say."""

    def __init__(self, seed: int, *, texts: bool) -> None:
        self._random = Random(seed)
        self._texts = texts
        """Whether attributes of spans are texts, and times whole microseconds."""

    def batch(self) -> Batch:
        request = ExportTraceServiceRequest()
        for _ in range(self._count(1, 3)):
            resource = request.resource_spans.add()
            resource.resource.attributes.extend(self._resource())
            for _ in range(self._count(1, 2)):
                scope = resource.scope_spans.add()
                scope.scope.CopyFrom(self._random.choice(SCOPES))
                scope.spans.extend(self._span() for _ in range(self._count(1, 3)))
        return Batch.from_otlp("traces", request.SerializeToString())

    def _count(self, least: int, most: int) -> int:
        return self._random.randint(least, most)

    def _id(self, size: int) -> bytes:
        return b"\x01" + self._random.randbytes(size - 1)

    def _text(self) -> str:
        return "".join(self._random.choices('abc ü😀"\\\n', k=self._count(0, 6)))

    def _time(self) -> int:
        time = self._count(1, 4_000_000_000_000_000)
        return time * 1000 if self._texts else time

    def _resource(self) -> list[KeyValue]:
        service = _pair(self._random.choice(["service.name", "k8s.deployment.name"]), "shop")
        return self._random.choice([[], [service], [service, _pair("host.name", "a")]])

    def _pairs(self, *, texts: bool) -> list[KeyValue]:
        return [_pair(key, self._value(texts=texts)) for key in "klm"[: self._count(0, 3)]]

    def _value(self, *, texts: bool) -> AnyValue:
        kinds = [AnyValue(string_value=self._text())]
        if not texts:
            kinds += [AnyValue(int_value=self._count(-(2**53), 2**53)), AnyValue(bool_value=True)]
        if not self._texts:
            kinds += [AnyValue(double_value=self._random.random()), AnyValue(bytes_value=b"\xff")]
        return self._random.choice(kinds)

    def _span(self) -> Span:
        start, code = self._time(), self._random.choice(Status.StatusCode.values())
        return Span(
            trace_id=self._id(16),
            span_id=self._id(8),
            parent_span_id=self._random.choice([b"", b"\x02" * 8]),
            trace_state=self._random.choice(["", "a=1"]),
            name=self._text(),
            kind=self._random.choice(Span.SpanKind.values()),
            start_time_unix_nano=start,
            end_time_unix_nano=start + self._time(),
            attributes=self._pairs(texts=self._texts),
            events=[self._event() for _ in range(self._count(0, 2))],
            links=[self._link() for _ in range(self._count(0, 2))],
            status=Status(code=code, message=self._text() if code else ""),
        )

    def _event(self) -> Span.Event:
        attributes = self._pairs(texts=False)
        return Span.Event(time_unix_nano=self._time(), name=self._text(), attributes=attributes)

    def _link(self) -> Span.Link:
        kind = self._random.choice(["child_of", "follows_from"])
        of_jaeger = [_pair("opentracing.ref_type", kind)]
        attributes = self._pairs(texts=False) if self._texts else of_jaeger
        return Span.Link(trace_id=self._id(16), span_id=self._id(8), attributes=attributes)


SCOPES = [InstrumentationScope(), *(InstrumentationScope(name="lib", version=v) for v in ("", "2"))]


def _pair(key: str, value: str | AnyValue) -> KeyValue:
    return KeyValue(
        key=key, value=AnyValue(string_value=value) if isinstance(value, str) else value
    )


def _said(batch: Batch) -> list[str]:
    """All spans with what is around them, in an order that depends on nothing else."""
    request = ExportTraceServiceRequest.FromString(batch.to_otlp())
    found = [
        (_sorted(resource.resource), MessageToDict(scope.scope), _sorted(span))
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]
    return sorted(json.dumps(each, sort_keys=True) for each in found)


def _sorted(message: Any) -> dict[str, Any]:
    found: dict[str, Any] = MessageToDict(message)
    if "attributes" in found:
        found["attributes"] = sorted(found["attributes"], key=lambda pair: pair["key"])
    found.setdefault("status", {})
    return found


@pytest.mark.parametrize("encoding", [*JAEGER, *ZIPKIN])
@given(seed=st.integers(0, 2**32))
def test_what_can_be_said_survives_the_way_there_and_back(encoding: str, seed: int) -> None:
    batch = Draw(seed, texts=encoding in ZIPKIN).batch()
    assert _said(there_and_back(batch, encoding)) == _said(batch)


@pytest.mark.parametrize("encoding", [*JAEGER, *ZIPKIN])
@given(value=st.binary(max_size=40) | st.text('{}[]":,a1', max_size=20).map(str.encode))
def test_what_is_no_message_is_a_fault(encoding: str, value: bytes) -> None:
    native, faults = read_spans([value], encoding)
    assert native is None or len(Batch(native)) >= 1
    assert [place for place, _ in faults] in ([], [0])
    assert not (native and faults)


def test_a_bad_message_holds_up_no_other() -> None:
    native, faults = read_spans([b"{", zipkin(), zipkin(id=""), zipkin()], "zipkin_json")
    assert native
    assert len(Batch(native)) == 2
    assert [place for place, _ in faults] == [0, 2]
    assert "no id" in faults[1][1]


def test_zipkin_is_read_as_the_collector_reads_it() -> None:
    row = read(
        [
            zipkin(
                parentId="BB",
                kind="CLIENT",
                name="get /",
                timestamp=1_700_000_000_000_001,
                duration=207,
                localEndpoint={"serviceName": "front", "ipv4": "10.0.0.1", "port": 80},
                remoteEndpoint={"serviceName": "back", "ipv6": "::1"},
                annotations=[{"timestamp": 1_700_000_000_000_002, "value": "a|b"}],
                tags={"host.name": "h", "http.method": "GET", "error": "it broke"},
                shared=True,
            )
        ],
        "zipkin_json",
    )
    assert row["resource"]["attributes"] == {"service.name": "front", "host.name": "h"}
    assert row["parent_span_id"] == PARENT
    assert (row["kind"], row["name"], row["status"]) == (3, "get /", {"code": 2})
    assert row["end_time_unix_nano"] - row["start_time_unix_nano"] == 207_000
    assert row["attributes"] == {
        "http.method": "GET",
        "error": "it broke",
        "network.local.address": "10.0.0.1",
        "net.host.port": 80,
        "service.peer.name": "back",
        "network.peer.address": "::1",
    }
    assert row["events"] == [{"time_unix_nano": 1_700_000_000_000_002_000, "name": "a|b"}]


def test_a_span_of_zipkin_without_time_says_so() -> None:
    row = read([zipkin()], "zipkin_json")
    assert row["attributes"] == {"otel.zipkin.absentField.startTime": True}


@pytest.mark.parametrize(
    "fields",
    [
        {"traceId": ""},
        {"traceId": "x" * 32},
        {"traceId": "1" * 33},
        {"id": "1" * 17},
        {"timestamp": -1},
        {"timestamp": "1"},
        {"localEndpoint": {"port": 65536}},
        {"localEndpoint": {"ipv4": "here"}},
        {"annotations": [1]},
        {"tags": {"a": 1}},
        {"name": 1},
    ],
)
def test_fields_that_make_no_sense_are_faults(fields: dict[str, Any]) -> None:
    native, [(_, fault)] = read_spans([zipkin(**fields)], "zipkin_json")
    assert native is None
    assert "span" in fault


def test_zipkin_is_written_as_the_collector_writes_it() -> None:
    batch = Batch.from_json(
        "traces",
        json.dumps(
            span(
                traceId="0" * 16 + TRACE[:16],
                spanId=SPAN_ID,
                name="GET",
                kind=1,
                startTimeUnixNano="1700000000000000600",
                endTimeUnixNano="1700000000000000700",
                status={"code": 2, "message": "no"},
                attributes=attributes(
                    **{
                        "error": {"boolValue": False},
                        "http.response.status_code": {"intValue": "500"},
                        "list": {"arrayValue": {"values": [{"intValue": "1"}, text("x")]}},
                        "network.peer.address": text("::1"),
                        "net.peer.port": {"intValue": "443"},
                    }
                ),
            )
        ).encode(),
    )
    (found,) = json.loads(written(batch, "zipkin_json")[0])
    assert found == {
        "traceId": TRACE[:16],
        "id": SPAN_ID,
        "name": "get",
        "timestamp": 1_700_000_000_000_001,
        "duration": 1,
        "localEndpoint": {"serviceName": "otlpresourcenoservicename"},
        "remoteEndpoint": {"ipv6": "::1", "port": 443},
        "tags": {
            "http.response.status_code": "500",
            "http.status_code": "500",
            "list": '[1,"x"]',
            "span.kind": "internal",
            "error": "true",
            "otel.status_code": "STATUS_CODE_ERROR",
            "otel.status_description": "no",
        },
    }


def test_spans_without_ids_are_none_of_zipkins() -> None:
    documents = [span(traceId=TRACE, spanId=id_, name="a") for id_ in ("", SPAN_ID, "0" * 16)]
    batch = Batch.concat([Batch.from_json("traces", json.dumps(it).encode()) for it in documents])
    value, unfit = zipkin_message(batch.native, "zipkin_json")
    assert len(json.loads(value)) == 1
    assert list(unfit) == [0, 2]


@pytest.mark.parametrize(
    ("tags", "kind", "status", "left"),
    [
        ({"error": True, "http.status_message": "no"}, "", {"code": 2, "message": "no"}, 1),
        ({"error": "true"}, "", {}, 1),
        ({"otel.status_code": "ok"}, "", {"code": 1}, 0),
        ({"error": True, "otel.status_code": "OK"}, "", {"code": 2}, 0),
        ({"http.status_code": 404}, "client", {"code": 2}, 1),
        ({"http.status_code": "404"}, "server", {}, 1),
        ({"http.status_code": 200}, "client", {}, 1),
        ({"http.status_code": 503}, "server", {"code": 2}, 1),
    ],
)
def test_jaegers_tags_tell_the_status(
    tags: dict[str, Any], kind: str, status: dict[str, Any], left: int
) -> None:
    names = {bool: ("BOOL", "vBool"), int: ("INT64", "vInt64"), str: ("STRING", "vStr")}
    listed = [
        {"key": key, "vType": names[type(value)][0], names[type(value)][1]: value}
        for key, value in {**tags, "span.kind": kind}.items()
    ]
    row = read([jaeger(tags=listed)], "jaeger_json")
    assert row.get("status", {}) == status
    assert len(row.get("attributes", {})) == left


def test_jaegers_process_is_a_resource() -> None:
    tags = [{"key": "hostname", "vStr": "h"}, {"key": "jaeger.version", "vStr": "Go-2.30"}]
    row = read([jaeger(process={"serviceName": "shop", "tags": tags})], "jaeger_json")
    assert row["resource"]["attributes"] == {
        "service.name": "shop",
        "host.name": "h",
        "opencensus.exporterversion": "Jaeger-Go-2.30",
    }
    assert row["end_time_unix_nano"] - row["start_time_unix_nano"] == 1_500_000_000


def test_a_message_of_jaeger_has_its_traces_id_as_key() -> None:
    documents = [span(traceId=id_, spanId=SPAN_ID) for id_ in (TRACE, "0" * 16 + TRACE[:16])]
    batch = Batch.concat([Batch.from_json("traces", json.dumps(it).encode()) for it in documents])
    keys = [key.decode() for key, _ in jaeger_messages(batch.native, "jaeger_proto")]
    assert keys == [TRACE, TRACE[:16]]


def test_a_reference_of_another_length_is_a_fault() -> None:
    reference = {"traceId": "AAAA", "spanId": "AAAA"}
    native, [(_, fault)] = read_spans([jaeger(references=[reference])], "jaeger_json")
    assert native is None
    assert fault == "a trace id has 8 or 16 bytes, not 3"
