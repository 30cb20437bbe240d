"""Items in JSON, who may push, and what holds for every way in."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import zstandard
from pydantic import ValidationError

from penstock.pipeline import Invalid, Refused, Signal, StartError
from penstock.receivers.push_http import Config
from tests.kit import Next, context, eventually, in_loop
from tests.receivers.pushing import pushing
from tests.receivers.test_door import Authenticator

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SECOND = 1_000_000_000
LINES = "application/x-ndjson"


@in_loop
async def test_a_metric_is_a_data_point_of_its_resource() -> None:
    item = {
        "name": "orders",
        "type": "counter",
        "temporality": "delta",
        "unit": "{order}",
        "description": "How many.",
        "value": 3,
        "time": "2023-11-14T22:13:20.5Z",
        "start": 1700000000,
        "attributes": {"shop": "a", "flags": [True, None]},
        "resource": {"service.name": "shop"},
    }
    async with pushing() as pusher:
        answer = await pusher.push("metrics", item)
        assert (answer.status, answer.document) == (
            202,
            {"accepted": 1, "rejected": 0, "errors": []},
        )
        (row,) = pusher.rows()
    assert row["metric"] == {
        "name": "orders",
        "description": "How many.",
        "unit": "{order}",
        "type": "sum",
        "aggregation_temporality": 1,
        "is_monotonic": True,
    }
    assert row["resource"]["attributes"] == {"service.name": "shop"}
    assert row["attributes"] == {"shop": "a", "flags": [True, None]}
    times = row["time_unix_nano"], row["start_time_unix_nano"]
    assert times == (1_700_000_000 * SECOND + SECOND // 2, 1_700_000_000 * SECOND)
    assert (row["as_int"], row["scope"]["name"]) == (3, "penstock/receivers/push_http")


@in_loop
async def test_histograms_and_summaries_have_what_they_counted() -> None:
    items = [
        {
            "name": "h",
            "type": "histogram",
            "bounds": [1, 5],
            "counts": [2, 0, 1],
            "sum": 9,
            "max": 7,
        },
        {"name": "s", "type": "summary", "count": 3, "sum": 9, "quantiles": {"0.5": 2, "1": 7}},
    ]
    async with pushing() as pusher:
        await pusher.push("metrics", items)
        histogram, summary = pusher.rows()
    assert (histogram["count"], histogram["bucket_counts"], histogram["max"]) == (3, [2, 0, 1], 7.0)
    assert [it["quantile"] for it in summary["quantile_values"]] == [0.5, 1.0]


@in_loop
async def test_logs_and_events_are_log_records() -> None:
    log = {"body": {"text": "full", "disk": 3}, "severity": "Warning", "trace_id": "ab" * 16}
    event = {"name": "deploy", "severity": 9, "time": 1.5, "span_id": "cd" * 8}
    async with pushing() as pusher:
        assert (await pusher.push("logs", [log, {}])).document["accepted"] == 2
        assert (await pusher.push("events", event)).status == 202
        first, empty, named = pusher.rows()
    assert (first["body"], first["severity_number"]) == ({"text": "full", "disk": 3}, 13)
    assert (first["severity_text"], first["trace_id"]) == ("Warning", "ab" * 16)
    assert empty["observed_time_unix_nano"] == first["observed_time_unix_nano"]
    assert (named["event_name"], named["severity_number"]) == ("deploy", 9)
    assert (named["time_unix_nano"], named["span_id"]) == (3 * SECOND // 2, "cd" * 8)


@pytest.mark.parametrize(
    ("sort", "item", "why"),
    [
        ("metrics", {"value": 1}, "missing field `name`"),
        ("metrics", {"name": "", "value": 1}, "a metric has a name"),
        ("metrics", {"name": "a"}, "missing field `value`"),
        ("metrics", {"name": "a", "value": "1"}, "invalid type"),
        ("metrics", {"name": "a", "value": 1, "type": "meter"}, "unknown variant `meter`"),
        ("metrics", {"name": "a", "valeu": 1}, "unknown field `valeu`"),
        ("metrics", {"name": "a", "value": -1, "type": "counter"}, "not negative"),
        ("metrics", {"name": "a", "type": "histogram"}, "missing field `count`"),
        (
            "metrics",
            {"name": "a", "type": "histogram", "bounds": [2, 1], "counts": [1, 1, 1]},
            "in order",
        ),
        (
            "metrics",
            {"name": "a", "type": "histogram", "count": 5, "bounds": [1], "counts": [1, 1]},
            "come to",
        ),
        ("metrics", {"name": "a", "type": "summary", "count": 1, "quantiles": {"2": 1}}, "ranks"),
        ("metrics", {"name": "a", "value": 1, "time": "yesterday"}, "expected a time"),
        ("metrics", {"name": "a", "value": 1, "time": -1}, "expected a time"),
        ("metrics", {"name": "a", "value": 1, "attributes": [1]}, "an object"),
        ("metrics", ["a"], "expected an object"),
        ("logs", {"severity": 25}, "from 1 to 24"),
        ("logs", {"trace_id": "ab"}, "32 hex digits"),
        ("logs", {"span_id": "zz" * 8}, "16 hex digits"),
        ("events", {"body": 1}, "an event has a name"),
        ("logs", 5, "expected an object"),
    ],
)
@in_loop
async def test_an_item_that_makes_no_sense_is_named_and_the_others_are_taken(
    sort: str, item: Any, why: str
) -> None:
    good = {"name": "good", "value": 1} if sort == "metrics" else {"name": "good"}
    async with pushing() as pusher:
        answer = await pusher.push(sort, [good, item, good])
        assert (answer.status, answer.document["accepted"], answer.document["rejected"]) == (
            202,
            2,
            1,
        )
        (error,) = answer.document["errors"]
        assert (error["index"], why in error["reason"]) == (1, True), error
        assert (await pusher.push(sort, [item])).status == 400
        total = pusher.receiver._context.telemetry.total
        assert total("penstock_receiver_faulty_items", way=sort) == 2


@in_loop
async def test_values_may_be_nested_as_deep_as_back_ends_read_them() -> None:
    def nested(levels: int) -> bytes:
        return b'{"body": ' + b"[" * levels + b"]" * levels + b"}"

    async with pushing() as pusher:
        assert (await pusher.push("logs", nested(29))).status == 202
        deep = await pusher.push("logs", nested(30))
        assert "nested too deeply" in deep.document["errors"][0]["reason"]
        assert (await pusher.push("logs", nested(100_000))).status == 400
        twice = await pusher.push("logs", b'{"attributes": {"a": 1, "a": 2}}')
        assert "twice" in twice.document["errors"][0]["reason"]


@pytest.mark.parametrize("body", [b"", b"[]", b" \n"])
@in_loop
async def test_nothing_is_taken_as_nothing(body: bytes) -> None:
    async with pushing() as pusher:
        answer = await pusher.push("logs", body)
        assert (answer.status, answer.document["accepted"], pusher.next.offers) == (202, 0, 0)


@in_loop
async def test_items_may_come_one_after_the_other() -> None:
    async with pushing() as pusher:
        both = await pusher.push("logs", b'{"body": 1}\n\n{"body":\n 2}')
        assert both.document["accepted"] == 2
        body = b'{"body": 1}\r\n{"body":\n\n[]\n{"body": 2}'
        lines = await pusher.push("logs", body, Content_Type=LINES)
        assert (lines.status, lines.document["accepted"]) == (202, 2)
        assert [error["index"] for error in lines.document["errors"]] == [1, 2]


@pytest.mark.parametrize("body", [b'[{"body": 1}', b'{"body": 1} x', b'"\xff"', b'[{"body": 1},]'])
@in_loop
async def test_what_is_no_json_is_refused_whole(body: bytes) -> None:
    async with pushing() as pusher:
        answer = await pusher.push("logs", body)
        assert (answer.status, "malformed" in answer.document["error"]) == (400, True)
        assert pusher.rows() == []


@in_loop
async def test_of_very_many_faults_a_hundred_are_told() -> None:
    async with pushing() as pusher:
        answer = await pusher.push("logs", b"[" + b"1," * 300_000 + b"1]")
        assert (answer.document["rejected"], len(answer.document["errors"])) == (300_001, 100)


@pytest.mark.parametrize(
    ("encoding", "compress"),
    [("gzip", gzip.compress), ("deflate", zlib.compress), ("zstd", zstandard.compress)],
)
@in_loop
async def test_bodies_may_be_compressed_and_no_bomb_is_unpacked(
    encoding: str, compress: Any
) -> None:
    async with pushing(max_request_body_size=100_000) as pusher:
        packed = compress(b'{"body": "x"}')
        assert (await pusher.push("logs", packed, Content_Encoding=encoding)).status == 202
        bomb = compress(bytes(10_000_000))
        assert (await pusher.push("logs", bomb, Content_Encoding=encoding)).status == 413
        assert (await pusher.push("logs", packed[:-4], Content_Encoding=encoding)).status == 400
        assert (await pusher.push("logs", bytes(100_001))).status == 413


@in_loop
async def test_what_is_not_said_to_be_json_is_refused_since_any_page_can_send_it() -> None:
    async with pushing() as pusher:
        answer = await pusher.push("logs", {}, Content_Type="text/plain")
        assert (answer.status, "application/json" in answer.document["error"]) == (415, True)


@in_loop
async def test_who_comes_when_the_next_stage_cannot_is_told_when_to_come_again() -> None:
    async with pushing(Refused("full", 4.0), Invalid("never")) as pusher:
        later = await pusher.push("logs", {})
        assert (later.status, later.headers["Retry-After"]) == (503, "4")
        assert later.document == {"error": "full"}
        assert (await pusher.push("logs", {})).status == 400
        assert (await pusher.push("logs", {})).status == 202


@in_loop
async def test_who_comes_when_too_much_waits_is_told_to_come_again() -> None:
    settings: dict[str, Any] = {
        "max_request_body_size": 1 << 20,
        "admission": {"request_limit_mib": 1},
    }
    large = {"body": "x" * 700_000}
    async with pushing(**settings) as pusher:
        pusher.next.open.clear()
        first = asyncio.create_task(pusher.push("logs", large))
        await eventually(lambda: pusher.next.offers)
        assert (await pusher.push("logs", large)).status == 503
        total = pusher.receiver._context.telemetry.total
        assert total("penstock_receiver_turned_away_requests", reason="overloaded") == 1
        pusher.next.open.set()
        assert (await first).status == 202


@in_loop
async def test_a_body_that_does_not_come_is_not_waited_for() -> None:
    async def slowly() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(30)

    async with pushing(read_timeout="50ms") as pusher:
        headers = {"Content_Type": "application/json"}
        for path in ("/v1/push/logs", "/metrics/job/a", "/write"):
            assert (await pusher.send(path, slowly(), **headers)).status == 408


@pytest.mark.parametrize(
    ("framing", "body"),
    [(b"Content-Length: 100", b"{"), (b"Transfer-Encoding: chunked", b"5\r\n{")],
)
@in_loop
async def test_a_body_that_breaks_off_is_counted_and_leaves_nothing_in_the_log(
    caplog: pytest.LogCaptureFixture, framing: bytes, body: bytes
) -> None:
    async with pushing() as pusher:
        _, writer = await asyncio.open_connection("127.0.0.1", pusher.receiver.port)
        head = b"POST /v1/push/logs HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
        writer.write(head + framing + b"\r\n\r\n")
        await eventually(lambda: pusher.receiver._posts._room.held)
        writer.write(body)
        writer.close()
        turned = partial(
            pusher.receiver._context.telemetry.total, "penstock_receiver_turned_away_requests"
        )
        await eventually(lambda: turned(reason="disconnected") == 1)
        assert pusher.rows() == []
    assert caplog.text == ""


@in_loop
async def test_only_what_there_is_a_pipeline_for_and_was_asked_for_is_answered() -> None:
    async with pushing(apis=["json"]) as pusher:
        assert (await pusher.send("/write", b"a f=1")).status == 404
        assert (await pusher.send("/metrics/job/a", b"a 1\n")).status == 404
    async with context("push_http", signals=frozenset({Signal.LOGS})) as given:
        config = Config.model_validate({"webhooks": [{"path": "/hook"}]})
        paths = {route.path for route in config.build(given)._routes()}  # type: ignore[attr-defined]
    assert paths == {"/v1/push/logs", "/v1/push/events", "/hook"}


@in_loop
async def test_strangers_are_asked_who_they_are_before_anything_is_read() -> None:
    settings = {"auth": {"authenticator": "token"}, "webhooks": [{"path": "/hook"}]}
    async with pushing(extensions={"token": Authenticator()}, **settings) as pusher:
        for path in ("/v1/push/logs", "/metrics/job/a", "/write", "/api/v2/write", "/hook"):
            stranger = await pusher.send(path, b"?")
            assert (stranger.status, stranger.headers["WWW-Authenticate"]) == (401, "Basic")
        assert (await pusher.send("/openapi.json", method="GET")).status == 401
        assert (await pusher.send("/-/healthy", method="GET")).status == 200
        assert (await pusher.push("logs", {}, Authorization="right")).status == 202


@in_loop
async def test_webhooks_need_a_pipeline_of_logs() -> None:
    async with context("push_http", signals=frozenset({Signal.METRICS})) as given:
        receiver = Config.model_validate({"webhooks": [{"path": "/hook"}]}).build(given)
        with pytest.raises(StartError, match="pipeline of logs"):
            await receiver.start(Next().consume)
        await receiver.stop()


@pytest.mark.parametrize(
    "settings",
    [
        {"webhooks": [{"path": "/a"}, {"path": "/a"}]},
        {"webhooks": [{"path": "/write"}]},
        {"webhooks": [{"path": "/a/{"}]},
        {"webhooks": [{"path": "/{a}/{a}"}]},
        {"webhooks": [{"path": "/a", "headers": ["a b"]}]},
        {"apis": ["soap"]},
        {"max_request_body_size": 1 << 30},
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Config.model_validate(settings)
