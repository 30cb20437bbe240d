"""Documents to a server of the bulk API: how they look, where they go, what becomes of them."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from pydantic import ValidationError

from penstock.exporters import _elastic_documents
from penstock.exporters.elasticsearch import Config
from penstock.pipeline import Batch, Permanent, Rejected, Retryable
from tests.exporters.attempts import outcome, running
from tests.exporters.bulk_server import OPENSEARCH, BulkServer
from tests.kit import in_loop

if TYPE_CHECKING:
    from collections.abc import Mapping

    from penstock.pipeline.errors import PenstockError

TIME = 1_705_314_600_000_000_005


def attributes(given: Mapping[str, Any]) -> list[dict[str, Any]]:
    kinds = {str: "stringValue", bool: "boolValue", int: "intValue", float: "doubleValue"}
    return [
        {"key": key, "value": value if isinstance(value, dict) else {kinds[type(value)]: value}}
        for key, value in given.items()
    ]


def record(body: Any = "hello", **fields: Any) -> dict[str, Any]:
    said = fields.pop("attributes", {})
    value = body if isinstance(body, dict) else {"stringValue": body}
    own = {"timeUnixNano": str(TIME), "body": value, "attributes": attributes(said)}
    return own | fields


def logs(
    *records: dict[str, Any],
    resource: Mapping[str, Any] | None = None,
    scope: Mapping[str, Any] | None = None,
    scope_name: str = "lib",
) -> Batch:
    around = {
        "resource": {"attributes": attributes({"service.name": "shop", **(resource or {})})},
        "scopeLogs": [
            {
                "scope": {"name": scope_name, "attributes": attributes(scope or {})},
                "logRecords": records,
            }
        ],
    }
    return Batch.from_json("logs", json.dumps({"resourceLogs": [around]}).encode())


def bodies(*texts: str) -> Batch:
    return logs(*map(record, texts))


SPAN = {
    "traceId": "0102030405060708090a0b0c0d0e0f10",
    "spanId": "0102030405060708",
    "name": "GET /",
    "kind": 2,
    "startTimeUnixNano": str(TIME),
    "endTimeUnixNano": str(TIME + 150_000_000),
    "attributes": attributes({"http.method": "GET"}),
    "status": {"code": 2, "message": "broken"},
    "links": [{"traceId": "0f" * 16, "spanId": "0e" * 8, "attributes": attributes({"a": "b"})}],
    "events": [
        {"name": "query", "timeUnixNano": str(TIME + 1), "attributes": attributes({"rows": 1})}
    ],
}


def traces(*spans: dict[str, Any]) -> Batch:
    scope = {"scope": {"name": "lib", "version": "1"}, "spans": spans}
    around = {
        "resource": {"attributes": attributes({"service.name": "shop"})},
        "scopeSpans": [scope],
    }
    return Batch.from_json("traces", json.dumps({"resourceSpans": [around]}).encode())


def metrics(*given: dict[str, Any]) -> Batch:
    scope = {"scope": {"name": "lib"}, "metrics": given}
    around = {
        "resource": {"attributes": attributes({"service.name": "shop"})},
        "scopeMetrics": [scope],
    }
    return Batch.from_json("metrics", json.dumps({"resourceMetrics": [around]}).encode())


def point(time: int = TIME, said: Mapping[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    return {"timeUnixNano": str(time), "attributes": attributes(said or {}), **fields}


def gauge(name: str, *points: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "gauge": {"dataPoints": points}}


def config(server: BulkServer, **settings: Any) -> Config:
    return Config.model_validate({"endpoint": server.url, **settings})


def sent(
    server: BulkServer, *batches: Batch, **settings: Any
) -> list[Rejected | PenstockError | None]:
    """What one exporter says of each batch."""

    async def main() -> list[Rejected | PenstockError | None]:
        async with server.serving(), running(config(server, **settings)) as exporter:
            return [await outcome(exporter, batch) for batch in batches]

    return asyncio.run(main())


def documents(batch: Batch, mode: str = "otel", **settings: Any) -> list[dict[str, Any]]:
    server = BulkServer()
    assert sent(server, batch, mapping={"mode": mode}, **settings) == [None]
    return [document for _, document in server.documents]


def indices(batch: Batch, **settings: Any) -> list[str]:
    server = BulkServer()
    assert sent(server, batch, **settings) == [None]
    return [action["create"]["_index"] for action, _ in server.documents]


def test_a_record_keeps_its_structure_in_the_mode_otel() -> None:
    full = record(
        observedTimeUnixNano=str(TIME + 1),
        severityText="INFO",
        severityNumber=9,
        traceId="0102030405060708090a0b0c0d0e0f10",
        spanId="0102030405060708",
        attributes={"user.id": "12", "ok": True, "ms": 45.0, "data_stream.namespace": "eu"},
    )
    (document,) = documents(logs(full, scope={"s": 1}))
    assert document == {
        "@timestamp": "1705314600000.000005",
        "observed_timestamp": "1705314600000.000006",
        "data_stream": {"type": "logs", "dataset": "generic.otel", "namespace": "eu"},
        "severity_text": "INFO",
        "severity_number": 9,
        "trace_id": "0102030405060708090a0b0c0d0e0f10",
        "span_id": "0102030405060708",
        "attributes": {"user.id": "12", "ok": True, "ms": 45.0},
        "resource": {"attributes": {"service.name": "shop"}},
        "scope": {"name": "lib", "attributes": {"s": 1}},
        "body": {"text": "hello"},
    }


def test_structured_bodies_are_objects_or_lists_of_objects() -> None:
    one = {"kvlistValue": {"values": attributes({"a": 1})}}
    mixed = {"arrayValue": {"values": [{"intValue": "1"}, one]}}
    objects = {"arrayValue": {"values": [one]}}
    found = documents(logs(record(one), record(mixed), record(objects)))
    assert [document["body"] for document in found] == [
        {"structured": {"a": 1}},
        {"structured": {"value": [1, {"a": 1}]}},
        {"structured": [{"a": 1}]},
    ]


def test_a_record_is_fields_with_prefixes_in_the_mode_none() -> None:
    nested = {"kvlistValue": {"values": attributes({"b": 1})}}
    (document,) = documents(logs(record(nested, attributes={"user.id": "12", "c": nested})), "none")
    assert document == {
        "@timestamp": "2024-01-15T10:30:00.000000005Z",
        "TraceFlags": 0,
        "SeverityNumber": 0,
        "Body.b": 1,
        "Attributes.user.id": "12",
        "Attributes.c.b": 1,
        "Attributes.data_stream.type": "logs",
        "Attributes.data_stream.dataset": "generic",
        "Attributes.data_stream.namespace": "default",
        "Resource.service.name": "shop",
        "Scope.name": "lib",
    }


def test_attributes_have_no_prefix_in_the_mode_raw_and_come_before_fields() -> None:
    (document,) = documents(logs(record(attributes={"Body": 1, "a": 2, "a.b": 3})), "raw")
    assert document["Body"] == 1
    assert (document["a.value"], document["a.b"]) == (2, 3)


def test_a_body_is_the_document_in_the_mode_bodymap() -> None:
    body = {"kvlistValue": {"values": attributes({"a": 1, "b.c": "x"})}}
    assert documents(logs(record(body)), "bodymap") == [{"a": 1, "b.c": "x"}]


def test_a_body_that_is_no_map_is_rejected_in_the_mode_bodymap() -> None:
    body = {"kvlistValue": {"values": attributes({"a": 1})}}
    server = BulkServer()
    (end,) = sent(server, logs(record("text"), record(body)), mapping={"mode": "bodymap"})
    assert isinstance(end, Rejected)
    assert end.items == 1
    assert "body that is a map" in end.reason
    assert end.batch
    assert end.batch.column("log.body").values == ["text"]
    assert [document for _, document in server.documents] == [{"a": 1}]


def test_a_record_is_objects_named_by_the_common_schema_in_the_mode_ecs() -> None:
    resource = {"host.name": "h", "host.arch": "amd64", "os.type": "darwin", "k8s.pod.name": "p"}
    said = record(severityText="INFO", attributes={"exception.type": "E", "a.b": 1})
    (document,) = documents(logs(said, resource=resource), "ecs")
    assert document == {
        "@timestamp": "2024-01-15T10:30:00.000000005Z",
        "a": {"b": 1},
        "agent": {"name": "otlp"},
        "data_stream": {"type": "logs", "dataset": "generic", "namespace": "default"},
        "error": {"type": "E"},
        "host": {
            "architecture": "amd64",
            "hostname": "h",
            "name": "h",
            "os": {"platform": "darwin", "type": "macos"},
        },
        "kubernetes": {"pod": {"name": "p"}},
        "log": {"level": "INFO"},
        "message": "hello",
        "service": {"name": "shop"},
    }


def test_a_span_is_a_document_and_its_events_are_others_in_the_mode_otel() -> None:
    server = BulkServer()
    assert sent(server, traces(SPAN)) == [None]
    (to, span), (to_logs, event) = server.documents
    assert to["create"]["_index"] == "traces-generic.otel-default"
    assert to_logs["create"]["_index"] == "logs-generic.otel-default"
    assert (span["kind"], span["duration"], span["name"]) == ("Server", 150_000_000, "GET /")
    assert span["status"] == {"message": "broken", "code": "Error"}
    link = {"trace_id": "0f" * 16, "span_id": "0e" * 8, "attributes": {"a": "b"}}
    assert span["links"] == [link]
    assert event["attributes"] == {"event.name": "query", "rows": 1}
    assert event["span_id"] == span["span_id"] == "0102030405060708"
    assert event["resource"] == span["resource"]
    assert event["data_stream"]["type"] == "logs"


def test_a_span_has_its_events_as_fields_in_the_mode_none() -> None:
    (span,) = documents(traces(SPAN), "none")
    assert span["Events.query.time"] == "2024-01-15T10:30:00.000000006Z"
    assert span["Events.query.rows"] == 1
    assert (span["Kind"], span["TraceStatus"], span["Duration"]) == ("SPAN_KIND_SERVER", 2, 150_000)
    assert json.loads(span["Link"]) == [
        {"attribute": {"a": "b"}, "spanID": "0e" * 8, "traceID": "0f" * 16}
    ]


def test_a_span_is_named_by_the_common_schema_in_the_mode_ecs() -> None:
    (span,) = documents(traces(SPAN), "ecs")
    assert span["event"] == {"outcome": "failure"}
    assert span["span"]["links"] == [{"trace": {"id": "0f" * 16}, "span": {"id": "0e" * 8}}]
    assert (span["span"]["kind"], span["trace"]["id"]) == ("SERVER", SPAN["traceId"])


def test_the_nearest_attribute_decides_where_a_document_goes() -> None:
    batch = logs(
        record(),
        record(attributes={"data_stream.dataset": "Mine-Own"}),
        record(attributes={"elasticsearch.index": "named"}),
        resource={"data_stream.namespace": "eu", "data_stream.dataset": "resource"},
        scope={"data_stream.dataset": "scope"},
    )
    assert indices(batch) == ["logs-scope.otel-eu", "logs-mine_own.otel-eu", "named"]
    assert indices(batch, mapping={"mode": "none"})[0] == "logs-scope-eu"
    assert indices(batch, logs_index="all") == ["all"] * 3


def test_a_scope_of_a_receiver_gives_the_dataset() -> None:
    batch = logs(record(), scope_name="otelcol/receiver/hostmetricsreceiver/cpu")
    assert indices(batch) == ["logs-hostmetricsreceiver.otel-default"]


def test_an_index_has_a_date_as_logstash_has_it() -> None:
    (index,) = indices(bodies("a"), logs_index="app", logstash_format={"enabled": True})
    assert index.startswith("app-20")
    assert len(index) == len("app-2024.01.15")


def test_a_scope_says_its_mapping_mode_if_that_is_allowed() -> None:
    batch = logs(record(), scope={"elastic.mapping.mode": "none"})
    assert "Body" in documents(batch)[0]
    (end,) = sent(BulkServer(), batch, mapping={"allowed_modes": ["otel"]})
    assert isinstance(end, Permanent)


def test_an_attribute_is_the_id_and_the_pipeline_of_a_document() -> None:
    said = {"elasticsearch.document_id": 'i"1', "elasticsearch.document_pipeline": "p"}
    server = BulkServer()
    dynamic = {"logs_dynamic_id": {"enabled": True}, "logs_dynamic_pipeline": {"enabled": True}}
    sent(server, logs(record(attributes=said), record()), **dynamic, pipeline="all")
    (one, document), (other, _) = server.documents
    assert (one["create"]["_id"], one["create"]["pipeline"]) == ('i"1', "p")
    assert "attributes" not in document
    assert "_id" not in other["create"]
    assert server.queries[0]["pipeline"] == "all"


def test_each_document_has_its_own_outcome() -> None:
    server = BulkServer()
    statuses = {"ok": 201, "busy": 429, "fault": 503, "wrong": 400, "known": 409}
    server.judge = lambda document: statuses[document["body"]["text"]]
    (end,) = sent(server, bodies(*statuses))
    assert isinstance(end, Retryable)
    assert end.remaining
    assert end.remaining.column("log.body").values == ["busy", "fault"]
    assert end.rejected
    assert end.rejected.batch
    assert end.rejected.batch.column("log.body").values == ["wrong"]
    assert end.rejected.reason == "400 some_exception: no\\nreason"


def test_rejected_items_are_told_with_the_reason() -> None:
    server = BulkServer()
    server.judge = lambda document: 400 if document["body"]["text"] == "b" else 201
    (end,) = sent(server, bodies("a", "b"))
    assert isinstance(end, Rejected)
    assert end.items == 1


def test_a_batch_of_which_nothing_is_taken_is_a_permanent_failure() -> None:
    server = BulkServer()
    server.judge = lambda _: 400
    (end,) = sent(server, bodies("a", "b"))
    assert isinstance(end, Permanent)


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_request_that_is_refused_for_now_is_sent_again(status: int) -> None:
    server = BulkServer()
    server.answers = [web.Response(status=status, headers={"Retry-After": "7"})]
    first, second = sent(server, bodies("a"), bodies("a"))
    assert isinstance(first, Retryable)
    assert first.after == 7
    assert second is None


def test_a_request_that_is_refused_for_good_tells_why() -> None:
    server = BulkServer()
    error = {"error": {"type": "security_exception", "reason": "unable to authenticate"}}
    server.answers = [web.json_response(error, status=401)]
    (end,) = sent(server, bodies("a"))
    assert isinstance(end, Permanent)
    assert "401 unable to authenticate; check user and password" in str(end)


@pytest.mark.parametrize("answer", ["", "{}", '{"items": []}', "<html>"])
def test_an_answer_that_does_not_tell_what_became_of_documents_is_none(answer: str) -> None:
    server = BulkServer()
    server.answers = [web.Response(text=answer)]
    (end,) = sent(server, bodies("a"))
    assert isinstance(end, Retryable)
    assert "does not tell" in str(end)


def test_what_is_too_large_is_sent_in_halves_until_one_document_is_left() -> None:
    server = BulkServer()
    server.answers = [web.Response(status=413) for _ in range(3)]
    (end,) = sent(server, bodies("a", "b", "c", "d"))
    assert isinstance(end, Rejected)
    assert end.batch
    assert end.batch.column("log.body").values == ["a"]
    assert [document["body"]["text"] for _, document in server.documents] == ["b", "c", "d"]


def test_a_batch_is_made_into_requests_a_part_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_elastic_documents, "MAX_TOTAL", 1000)
    server, texts = BulkServer(), [str(i) for i in range(20)]
    assert sent(server, bodies(*texts)) == [None]
    assert [document["body"]["text"] for _, document in server.documents] == texts
    assert 2 < len(server.headers) < 20


def test_what_has_not_been_made_into_requests_is_sent_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_elastic_documents, "MAX_TOTAL", 1)
    server = BulkServer()

    def last(_: dict[str, Any]) -> int:
        server.answers.append(web.Response(status=503))
        return 201

    server.judge = last
    (end,) = sent(server, bodies("a", "b", "c"))
    assert isinstance(end, Retryable)
    assert end.remaining
    assert end.remaining.column("log.body").values == ["b", "c"]


def test_bodies_speak_as_the_product_understands() -> None:
    for root, wanted in [
        (None, "application/x-ndjson"),
        (OPENSEARCH, "application/x-ndjson"),
        ({"version": {"number": "9.0.0"}}, "compatible-with=8"),
    ]:
        server = BulkServer(root)
        assert sent(server, bodies("a")) == [None]
        assert server.headers[0]["Content-Type"].endswith(wanted)


MEDIA = {"error": {"type": "media_type_header_exception", "reason": "Invalid media-type"}}


@pytest.mark.parametrize("answer", [(406, {}), (415, {}), (400, MEDIA)])
def test_a_refused_media_type_is_not_sent_again(answer: tuple[int, dict[str, Any]]) -> None:
    server = BulkServer()
    status, body = answer
    server.answers = [web.json_response(body, status=status)]
    assert sent(server, bodies("a"), bodies("b")) == [None, None]
    assert [header["Content-Type"] for header in server.headers[1:]] == ["application/x-ndjson"] * 2


@in_loop
async def test_a_node_that_dies_is_left_out() -> None:
    dying, *others = servers = [BulkServer() for _ in range(3)]
    async with AsyncExitStack() as running_servers:
        for server in others:
            await running_servers.enter_async_context(server.serving())
        async with dying.serving():
            nodes = Config.model_validate({"endpoints": [server.url for server in servers]})
            exporter = await running_servers.enter_async_context(running(nodes))
            ends = [await outcome(exporter, bodies(str(i))) for i in range(6)]
        ends += [await outcome(exporter, bodies(str(i))) for i in range(6)]
    assert ends == [None] * 12
    assert len(dying.documents) == 2
    assert sum(len(server.documents) for server in others) == 10


HALF = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200", HALF])
@in_loop
async def test_a_connection_that_ends_too_soon_is_a_failure_for_now(answer: bytes) -> None:
    async def close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    node = await asyncio.start_server(close, "127.0.0.1", 0)
    async with node:
        port = node.sockets[0].getsockname()[1]
        at_node = Config.model_validate({"endpoint": f"http://127.0.0.1:{port}"})
        async with running(at_node) as exporter:
            assert isinstance(await outcome(exporter, bodies("a")), Retryable)


@in_loop
async def test_a_connection_that_was_closed_meanwhile_is_opened_anew() -> None:
    server = BulkServer()
    async with server.serving():
        exporter = Config.model_validate({"endpoint": server.url})
        async with running(exporter) as sender:
            assert await outcome(sender, bodies("a")) is None
            server.answers = [web.Response(status=503, headers={"Connection": "close"})]
            assert isinstance(await outcome(sender, bodies("b")), Retryable)
            assert await outcome(sender, bodies("c")) is None
    assert len(server.documents) == 2


def test_nothing_is_sent_without_a_living_node() -> None:
    async def main() -> Any:
        server = BulkServer()
        async with server.serving():
            pass
        async with running(config(server)) as exporter:
            return await outcome(exporter, bodies("a"))

    assert isinstance(asyncio.run(main()), Retryable)


@pytest.mark.parametrize(
    ("settings", "header"),
    [
        ({"user": "elastic", "password": "pw"}, "Basic ZWxhc3RpYzpwdw=="),
        ({"api_key": "a2V5"}, "ApiKey a2V5"),
    ],
)
def test_requests_say_who_sends(settings: dict[str, str], header: str) -> None:
    server = BulkServer()
    sent(server, bodies("a"), **settings)
    assert server.headers[0]["Authorization"] == header


def test_a_cloud_id_is_an_endpoint() -> None:
    made = Config.model_validate({"cloudid": "name:ZXhhbXBsZS5jb20kYWJj"})
    assert made.nodes == ["https://abc.example.com:443"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "expected one of endpoint"),
        ({"endpoint": "http://a", "endpoints": ["http://b"]}, "expected one of endpoint"),
        ({"endpoint": "http://a", "user": "u"}, "belong together"),
        ({"endpoint": "http://a", "user": "u", "password": "p", "api_key": "k"}, "set one of them"),
        ({"cloudid": "nothing"}, "expected the Cloud ID"),
        ({"endpoint": "http://a", "mapping": {"allowed_modes": ["raw"]}}, "not one of"),
    ],
)
def test_settings_that_contradict_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Config.model_validate(settings)


def test_points_of_one_time_and_the_same_attributes_are_one_document() -> None:
    said = {"a": 1, "b": "x"}
    server = BulkServer()
    batch = metrics(
        gauge("one", point(said=said, asDouble=1.0), point(said={"a": 2}, asInt="2")),
        gauge("two", point(said=dict(reversed(said.items())), asInt="3")),
        gauge("three", point(TIME + 1, said, asInt="4")),
    )
    assert sent(server, batch) == [None]
    (action, first), (_, second), (_, third) = server.documents
    assert action["create"]["_index"] == "metrics-generic.otel-default"
    templates = {"metrics.one": "gauge_double", "metrics.two": "gauge_long"}
    assert action["create"]["dynamic_templates"] == templates
    assert len(first.pop("_metric_names_hash")) >= 8
    assert first == {
        "@timestamp": TIME // 1_000_000,
        "data_stream": {"type": "metrics", "dataset": "generic.otel", "namespace": "default"},
        "attributes": said,
        "resource": {"attributes": {"service.name": "shop"}},
        "scope": {"name": "lib"},
        "metrics": {"one": 1.0, "two": 3},
    }
    assert (second["metrics"], third["metrics"]) == ({"one": 2}, {"three": 4})


def test_points_of_one_metric_are_in_different_documents() -> None:
    points = [point(asInt=str(value)) for value in range(3)]
    found = documents(metrics(gauge("same", *points), gauge("other", point(asInt="9"))))
    assert [document["metrics"] for document in found] == [
        {"same": 0, "other": 9},
        {"same": 1},
        {"same": 2},
    ]


def test_histograms_are_values_and_counts_and_summaries_sums() -> None:
    explicit: dict[str, Any] = {
        "bucketCounts": ["1", "2"],
        "explicitBounds": [4.0],
        "count": "3",
        "sum": 9,
    }
    exponential: dict[str, Any] = {
        "scale": 0,
        "zeroCount": "1",
        "positive": {"bucketCounts": ["2"]},
    }
    (document,) = documents(
        metrics(
            {"name": "h", "histogram": {"dataPoints": [point(**explicit)]}},
            {"name": "e", "exponentialHistogram": {"dataPoints": [point(**exponential)]}},
            {"name": "s", "summary": {"dataPoints": [point(sum=2.5, count="2")]}},
        )
    )
    assert document["metrics"] == {
        "h": {"counts": [1, 2], "values": [2.0, 4.0]},
        "e": {"counts": [1, 2], "values": [0.0, 1.5]},
        "s": {"sum": 2.5, "value_count": 2},
    }


def test_actions_for_opensearch_know_no_templates() -> None:
    server = BulkServer(OPENSEARCH)
    assert sent(server, metrics(gauge("one", point(asInt="1")))) == [None]
    assert server.documents[0][0] == {"create": {"_index": "metrics-generic.otel-default"}}


def test_metrics_are_fields_in_the_mode_ecs() -> None:
    (document,) = documents(metrics(gauge("cpu.load", point(said={"a.b": 1}, asInt="1"))), "ecs")
    assert (document["cpu"], document["a"]) == ({"load": 1}, {"b": 1})


@pytest.mark.parametrize("mode", ["none", "raw", "bodymap"])
def test_metrics_are_rejected_in_modes_that_have_no_documents_of_them(mode: str) -> None:
    (end,) = sent(BulkServer(), metrics(gauge("g", point(asInt="1"))), mapping={"mode": mode})
    assert isinstance(end, Permanent)
    assert "otel and ecs alone" in str(end)


def test_points_without_a_value_are_rejected() -> None:
    batch = metrics(gauge("g", point(flags=1), point(asDouble="NaN"), point(asInt="1")))
    (end,) = sent(BulkServer(), batch)
    assert isinstance(end, Rejected)
    assert end.items == 2
