"""The API of the Pushgateway: what becomes of groups."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Any

import pytest

from penstock._kernel import decompressed
from penstock.pipeline import Invalid, Refused
from penstock.receivers._posts import Turned
from penstock.receivers._push_gateway import labels_of
from tests.kit import eventually, in_loop
from tests.receivers.pushing import pushing

if TYPE_CHECKING:
    from tests.receivers.pushing import Pusher

COUNTER = b'# TYPE orders_total counter\norders_total{shop="a"} 3\n'
GAUGE = b"last_run 5\n"
PATH = "/metrics/job/nightly/instance/i1"
TIMES = {"push_time_seconds", "push_failure_time_seconds"}


def values(pusher: Pusher) -> dict[str, Any]:
    """What was passed on, by metric, `None` for what is gone; the times of pushes left out."""
    return {
        row["metric"]["name"]: None if row.get("flags") else row["as_double"]
        for row in pusher.rows()
        if row["metric"]["name"] not in TIMES
    }


@in_loop
async def test_what_is_pushed_is_passed_on_at_once_as_its_group_says() -> None:
    async with pushing() as pusher:
        answer = await pusher.send(PATH + "/shop/b", COUNTER)
        assert answer.status == 200
        assert (await pusher.send(PATH + "/line/a%0Ab", method="DELETE")).status == 202
        rows = {row["metric"]["name"]: row for row in pusher.rows()}
    row = rows["orders_total"]
    assert rows.keys() == TIMES | {"orders_total"}
    assert row["resource"]["attributes"] == {"service.name": "nightly", "service.instance.id": "i1"}
    assert (row["attributes"], row["as_double"]) == ({"shop": "b"}, 3.0)
    assert (row["metric"]["type"], row["metric"]["is_monotonic"]) == ("sum", True)
    assert row["start_time_unix_nano"] == row["time_unix_nano"]
    pushed, failed = (
        rows[name]["as_double"] for name in ("push_time_seconds", "push_failure_time_seconds")
    )
    assert pushed == pytest.approx(row["time_unix_nano"] / 1e9)
    assert (failed, rows["push_time_seconds"]["attributes"]) == (0.0, {"shop": "b"})


@in_loop
async def test_put_replaces_a_group_and_post_what_has_the_same_names() -> None:
    async with pushing() as pusher:
        await pusher.send(PATH, b'a 1\nb{x="1"} 1\nb{x="2"} 1\n', "PUT")
        pusher.rows()
        await pusher.send(PATH, b'b{x="1"} 2\n', "POST")
        rows = [row for row in pusher.rows() if row["metric"]["name"] == "b"]
        told = {row["attributes"]["x"]: row.get("as_double") for row in rows}
        assert told == {"1": 2.0, "2": None}
        await pusher.send(PATH, b"c 1\n", "PUT")
        assert values(pusher) == {"a": None, "b": None, "c": 1.0}
        await pusher.send(PATH, b"", "POST")
        assert values(pusher) == {}
        await pusher.send(PATH, b"", "PUT")
        assert values(pusher) == {"c": None}


@in_loop
async def test_delete_tells_that_series_are_gone() -> None:
    async with pushing() as pusher:
        await pusher.send(PATH, GAUGE)
        await pusher.send("/metrics/job/nightly", GAUGE)
        pusher.rows()
        for _ in range(2):
            assert (await pusher.send(PATH, method="DELETE")).status == 202
        gone = pusher.rows()
        assert {row["metric"]["name"] for row in gone} == TIMES | {"last_run"}
        assert [row["flags"] for row in gone] == [1, 1, 1]
        assert len(pusher.receiver.gateway.groups) == 1


@in_loop
async def test_what_is_refused_leaves_a_group_as_it_was() -> None:
    async with pushing() as pusher:
        await pusher.send(PATH, b"a 1\n", "PUT")
        pusher.rows()
        pusher.next.faults += [Refused("full", 3.0), Invalid("never"), Refused("full")]
        later = await pusher.send(PATH, b"b 1\n", "PUT")
        assert (later.status, later.headers["Retry-After"]) == (503, "3")
        assert (await pusher.send(PATH, b"b 1\n", "PUT")).status == 400
        assert (await pusher.send(PATH, method="DELETE")).status == 503
        assert (await pusher.send(PATH, b"b 1\n", "PUT")).status == 200
        assert values(pusher) == {"a": None, "b": 1.0}


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b'a{x="1"} 1\na{x="1"} 2\n', "twice"),
        (
            b'# TYPE h histogram\nh_bucket{le="1"} 5\nh_bucket{le="+Inf"} 2\nh_count 2\nh_sum 1\n',
            "histogram",
        ),
        (b"# TYPE last_run counter\nlast_run 1\n", "another type"),
        (b"a 1 1700000000000\n", "timestamps"),
        (b"a{ 1\n", "malformed"),
        (b"\xff 1\n", "malformed"),
    ],
)
@in_loop
async def test_what_is_malformed_or_inconsistent_is_refused_whole(body: bytes, why: str) -> None:
    async with pushing() as pusher:
        await pusher.send("/metrics/job/other", GAUGE)
        pusher.rows()
        answer = await pusher.send(PATH, body)
        assert (answer.status, why in answer.text) == (400, True), answer.text
        assert values(pusher) == {}


@in_loop
async def test_a_group_is_told_of_when_its_push_failed() -> None:
    async with pushing() as pusher:
        await pusher.send(PATH, b"a 1\na 2\n")
        told = {row["metric"]["name"]: row["as_double"] for row in pusher.rows()}
        assert told["push_failure_time_seconds"] > told["push_time_seconds"] == 0.0
        await pusher.send(PATH, b"push_time_seconds 5\na 1\n")
        told = {row["metric"]["name"]: row["as_double"] for row in pusher.rows()}
        assert told["push_time_seconds"] > told["push_failure_time_seconds"] > 0.0


@in_loop
async def test_types_may_change_when_nobody_else_has_the_metric() -> None:
    async with pushing() as pusher:
        for body in (b"a 1\n", b"# TYPE a counter\na 1\n"):
            assert (await pusher.send(PATH, body)).status == 200
        await pusher.send(PATH, method="DELETE")
        assert (await pusher.send("/metrics/job/other", b"a 1\n")).status == 200


@in_loop
async def test_groups_are_repeated_as_of_now_and_expire() -> None:
    async with pushing() as pusher:
        groups = pusher.receiver.gateway.groups
        await pusher.send(PATH, COUNTER)
        (first,) = [row for row in pusher.rows() if row["metric"]["name"] == "orders_total"]
        await groups.repeat(60.0)
        assert pusher.rows() == []
        await groups.repeat(0.0)
        (again,) = [row for row in pusher.rows() if row["metric"]["name"] == "orders_total"]
        assert again["time_unix_nano"] > first["time_unix_nano"]
        assert again["start_time_unix_nano"] == first["start_time_unix_nano"]
        await groups.expire(60.0)
        assert len(groups) == 1
        await groups.expire(0.0)
        assert values(pusher) == {"orders_total": None}
        assert (len(groups), groups.nbytes) == (0, 0)


@in_loop
async def test_groups_are_repeated_and_expire_when_it_is_time() -> None:
    settings = {"repeat_interval": "20ms", "group_ttl": "200ms"}
    async with pushing(pushgateway=settings) as pusher:
        await pusher.send(PATH, GAUGE)
        pusher.next.faults.append(Refused("full"))
        await eventually(lambda: not len(pusher.receiver.gateway.groups))
        rows = [row for row in pusher.rows() if row["metric"]["name"] == "last_run"]
    assert len({row["time_unix_nano"] for row in rows}) >= 3
    assert [row.get("flags") for row in rows] == [None] * (len(rows) - 1) + [1]


@in_loop
async def test_groups_are_bounded_in_number_and_bytes() -> None:
    async with pushing(pushgateway={"max_groups": 2, "max_bytes": 10_000}) as pusher:
        for job in "ab":
            assert (await pusher.send(f"/metrics/job/{job}", GAUGE)).status == 200
        full = await pusher.send("/metrics/job/c", GAUGE)
        assert (full.status, full.headers["Retry-After"]) == (503, "60")
        large = "".join(f"metric_{number} 1\n" for number in range(200))
        assert (await pusher.send("/metrics/job/a", large.encode())).status == 503
        assert (await pusher.send("/metrics/job/a", GAUGE)).status == 200


@in_loop
async def test_protobuf_and_compression_are_understood() -> None:
    proto = "proto=io.prometheus.client.MetricFamily"
    kind = f"application/vnd.google.protobuf; {proto}; encoding=delimited"
    family = b"\x0a\x01a\x18\x01\x22\x0b\x12\x09\x09\0\0\0\0\0\0\x08\x40"
    async with pushing() as pusher:
        answer = await pusher.send(PATH, bytes([len(family)]) + family, Content_Type=kind)
        assert (answer.status, values(pusher)) == (200, {"a": 3.0})
        await pusher.send(PATH, gzip.compress(b"b 1\n"), Content_Encoding="gzip")
        assert values(pusher) == {"b": 1.0}
        assert (await pusher.send(PATH, b"b 1\n", Content_Encoding="gzip")).status == 400
        assert (await pusher.send(PATH, b"b 1\n", Content_Encoding="br")).status == 415
        other = await pusher.send(PATH, family, Content_Type=kind.replace("delimited", "text"))
        assert other.status == 415


def test_snappy_is_a_block_or_frames() -> None:
    frames = b"\xff\x06\0\0sNaPpY\x01\x05\0\0\xbb\x1b\x21\x51a"
    assert decompressed("snappy", b"\x01\x00a", 10) == b"a"
    with pytest.raises(ValueError, match="no snappy"):
        decompressed("snappy", frames, 10)  # its checksum is wrong
    assert decompressed("snappy", b"\x7f\x00a", 10) is None


@pytest.mark.parametrize(
    ("path", "labels"),
    [
        ("job/some_job", {"job": "some_job"}),
        ("job/a/", {"job": "a"}),
        ("job/cleaner/path@base64/L3Zhci90bXA", {"job": "cleaner", "path": "/var/tmp"}),
        ("job/titan/name/%CE%A0%CF%81", {"job": "titan", "name": "Πρ"}),
        ("job/titan/name@base64/zqDPgc6_zrzOt864zrXPjc-C", {"job": "titan", "name": "Προμηθεύς"}),
        ("job/e/first@base64/=/second/x", {"job": "e", "first": "", "second": "x"}),
        ("job@base64/L3Zhcg==/a/b", {"job": "/var", "a": "b"}),
        ("job/a%0Ab", {"job": "a\nb"}),
    ],
)
def test_a_path_names_the_labels_of_a_group(path: str, labels: dict[str, str]) -> None:
    assert dict(labels_of(f"/metrics/{path}")) == labels


@pytest.mark.parametrize(
    "path",
    [
        "job/a/b",
        "job/",
        "job@base64/=",
        "job/a/9x/b",
        "job/a/__x/b",
        "job/a/b//c/d",
        "job/a/x@base64/%21",
        "job/a/job/b",
        "job/a/x@base64/_w",
    ],
)
def test_other_paths_name_none(path: str) -> None:
    with pytest.raises(Turned):
        labels_of(f"/metrics/{path}")
