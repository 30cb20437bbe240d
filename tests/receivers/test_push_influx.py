"""Influx' line protocol."""

from __future__ import annotations

from typing import Any

import pytest

from tests.kit import in_loop
from tests.receivers.pushing import pushing
from tests.receivers.test_door import Authenticator

SECOND = 1_000_000_000


def summary(row: dict[str, Any]) -> tuple[Any, ...]:
    """The name, the type and the value of a point."""
    value = row.get("as_double", row.get("as_int", row.get("count")))
    return row["metric"]["name"], row["metric"]["type"], value


@pytest.mark.parametrize("path", ["/write?db=telegraf", "/api/v2/write?org=a&bucket=b"])
@in_loop
async def test_each_field_of_a_line_is_a_gauge_named_by_both(path: str) -> None:
    tags = b"cpu,host=a,service.name=shop"
    line = tags + b" idle=98.5,count=3i,big=18446744073709551615u,up=t 1700000000000000000"
    async with pushing() as pusher:
        assert (await pusher.send(path, line)).status == 204
        rows = pusher.rows()
    assert [summary(row) for row in rows] == [
        ("cpu_idle", "gauge", 98.5),
        ("cpu_count", "gauge", 3),
        ("cpu_big", "gauge", 2.0**64),
        ("cpu_up", "gauge", 1),
    ]
    assert {row["time_unix_nano"] for row in rows} == {1_700_000_000 * SECOND}
    assert [row["attributes"] for row in rows] == [{"host": "a"}] * 4
    assert rows[0]["resource"]["attributes"] == {"service.name": "shop"}


@in_loop
async def test_lines_of_telegrafs_prometheus_schema_are_what_they_were() -> None:
    lines = (
        b"temp,foo=bar gauge=87.332\n"
        b"hits,code=200 counter=1027\n"
        b"hits,code=500,temporality=delta counter=3\n"
        b"wait count=144320,sum=53423,0.05=24054,0.1=33444,+Inf=144320,"
        b'start_time="1970-01-01T00:00:01Z"\n'
        b"not_one count=1,sum=2,mean=2\n"
    )
    async with pushing() as pusher:
        assert (await pusher.send("/write", lines)).status == 204
        rows = pusher.rows()
    assert [summary(row) for row in rows] == [
        ("temp", "gauge", 87.332),
        ("hits", "sum", 1027.0),
        ("hits", "sum", 3.0),
        ("wait", "histogram", 144320),
        ("not_one_count", "gauge", 1.0),
        ("not_one_sum", "gauge", 2.0),
        ("not_one_mean", "gauge", 2.0),
    ]
    assert [row["metric"].get("aggregation_temporality") for row in rows[1:3]] == [2, 1]
    wait = rows[3]
    assert (wait["explicit_bounds"], wait["bucket_counts"]) == ([0.05, 0.1], [24054, 9390, 110876])
    assert (wait["sum"], wait["start_time_unix_nano"]) == (53423.0, SECOND)


@pytest.mark.parametrize(
    ("precision", "time"),
    [
        ("", 1),
        ("ns", 1),
        ("us", 10**3),
        ("u", 10**3),
        ("ms", 10**6),
        ("s", SECOND),
        ("h", 3600 * SECOND),
    ],
)
@in_loop
async def test_times_are_in_units_of_the_precision(precision: str, time: int) -> None:
    async with pushing() as pusher:
        await pusher.send(f"/write?precision={precision}", b"a f=1 7\nb f=1")
        at, now = (row["time_unix_nano"] for row in pusher.rows())
        assert (at, now > 1_700_000_000 * SECOND) == (7 * time, True)
        assert (await pusher.send("/write?precision=days", b"a f=1")).status == 400


@in_loop
async def test_lines_that_make_no_sense_are_told_and_the_others_taken() -> None:
    lines = b"good f=1\nbad\nbad f=x\n\xff f=1\nlate f=1 99999999999999999\n" + b'bad f="no end\n'
    async with pushing() as pusher:
        first = await pusher.send("/write?precision=s", lines)
        assert first.status == 400
        error = first.document["error"]
        assert error.startswith("partial write: unable to parse 'bad': missing fields\n")
        assert error.endswith(" dropped=5")
        assert [summary(row)[0] for row in pusher.rows()] == ["good_f"]
        second = await pusher.send("/api/v2/write", b"bad")
        assert second.document == {
            "code": "invalid",
            "message": "unable to parse 'bad': missing fields",
        }
        total = pusher.receiver._context.telemetry.total
        assert total("penstock_receiver_faulty_items", way="influx") == 6


@in_loop
async def test_texts_are_no_data_points_and_counted() -> None:
    async with pushing() as pusher:
        assert (await pusher.send("/write", b'a s="x, y",f=1\nb s="only"')).status == 204
        assert [summary(row)[0] for row in pusher.rows()] == ["a_f"]
        total = pusher.receiver._context.telemetry.total
        assert total("penstock_receiver_untranslated_items", reason="text_field") == 2


@in_loop
async def test_tags_that_thousands_of_fields_would_repeat_take_no_room() -> None:
    fields = ",".join(f"f{number}=1" for number in range(3000))
    line = f"a,t={'x' * 20_000} {fields}".encode()
    async with pushing(max_request_body_size=100_000) as pusher:
        assert (await pusher.send("/write", line)).status == 413


@in_loop
async def test_a_token_is_a_bearers() -> None:
    auth = Authenticator("Bearer right")
    settings = {"auth": {"authenticator": "token"}}
    async with pushing(extensions={"token": auth}, **settings) as pusher:
        for path in ("/write", "/api/v2/write"):
            told = await pusher.send(path, b"a f=1", Authorization="Token right")
            assert told.status == 204
        wrong = await pusher.send("/api/v2/write", b"a f=1", Authorization="Token wrong")
        assert (wrong.status, wrong.document["code"]) == (401, "unauthorized")
        other = await pusher.send("/metrics/job/a", b"a 1\n", Authorization="Token right")
        assert other.status == 401


@in_loop
async def test_clients_find_what_they_look_for_before_they_write() -> None:
    async with pushing() as pusher:
        for method in ("GET", "HEAD"):
            ping = await pusher.send("/ping", method=method)
            assert (ping.status, ping.headers["X-Influxdb-Version"]) == (204, "1.8.10")
        health = await pusher.send("/health", method="GET")
        assert (health.status, health.document["status"]) == (200, "pass")
