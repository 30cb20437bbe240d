"""StatsD over real sockets: what becomes of each form of line, and of what cannot be taken."""

from __future__ import annotations

import asyncio
import math
import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from penstock.pipeline import Invalid, Refused, Signal, StartError
from penstock.receivers.statsd import NANOS, Clock, Config, Statsd
from tests.kit import Next, context, eventually, in_loop

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from penstock.pipeline import Context

LOCAL = {"endpoint": "127.0.0.1:0", "aggregation_interval": "10s"}


class Server:
    """A running receiver and the stage after it."""

    def __init__(self, receiver: Statsd, next_: Next, given: Context) -> None:
        self.receiver = receiver
        self.next = next_
        self.telemetry = given.telemetry

    def send(self, *datagrams: bytes) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for datagram in datagrams:
                sender.sendto(datagram, ("127.0.0.1", self.receiver.port))

    def count(self, name: str, **labels: str) -> float:
        return self.telemetry.total(f"penstock_receiver_{name}", **labels)

    async def seen(self, lines: int) -> None:
        """Return when so many lines have been taken or dropped."""
        await eventually(lambda: self.count("lines") + self.count("dropped_lines") >= lines)

    def rows(self) -> list[dict[str, Any]]:
        return [row for batch in self.next.got for row in batch.rows()]


@asynccontextmanager
async def serving(*faults: Exception, signals: Any = None, **options: Any) -> AsyncIterator[Server]:
    """A receiver whose next stage answers with `faults` first; at the end it has stopped."""
    async with context("statsd", signals=signals or Config.signals) as made:
        receiver = Config.model_validate(LOCAL | options).build(made)
        assert isinstance(receiver, Statsd)
        next_ = Next(*faults)
        await receiver.start(next_.consume)
        try:
            yield Server(receiver, next_, made)
        finally:
            await receiver.stop()


async def outcome(*datagrams: bytes, **options: Any) -> Server:
    """What has come of datagrams when the receiver has stopped."""
    async with serving(**options) as server:
        server.send(*datagrams)
        lines = [line for it in datagrams for line in it.split(b"\n") if line]
        await server.seen(len(lines))
    return server


async def points(*datagrams: bytes, **options: Any) -> dict[str, dict[str, Any]]:
    """The data points by the names of their metrics."""
    server = await outcome(*datagrams, **options)
    return {row["metric"]["name"]: row for row in server.rows() if "metric" in row}


@in_loop
async def test_counters_become_delta_sums_whoever_sends_them() -> None:
    server = await outcome(b"hits:3|c|#a:1,b:2\nhits:20|c|@0.25|#b:2,a:1", b"hits:1|c|#b:2,a:1")
    (row,) = server.rows()
    assert row["as_int"] == 84
    assert row["attributes"] == {"a": "1", "b": "2"}
    assert 0 < row["start_time_unix_nano"] < row["time_unix_nano"]
    metric = server.next.got[0].to_json()
    assert b'"aggregationTemporality":1' in metric
    assert b"isMonotonic" not in metric


@in_loop
async def test_counters_are_told_as_asked() -> None:
    found = await points(b"a:1|c|@0.3", counter_type="float", is_monotonic_counter=True)
    assert found["a"]["as_double"] == pytest.approx(10 / 3)
    found = await points(b"a:1|c|@0.3\na:1|c|@0.3\na:1|c|@0.3")
    assert found["a"]["as_int"] == 10
    found = await points(b"a:2.5|c", counter_type="stochastic_int")
    assert found["a"]["as_int"] in {2, 3}


@in_loop
async def test_a_sign_changes_a_gauge_also_in_a_later_interval() -> None:
    async with serving() as server:
        server.send(b"level:5|g\nlevel:-2|g\nlevel:+4|g", b"other:-1|g")
        await server.seen(4)
        await server.receiver._flush(server.receiver._kernel)  # type: ignore[arg-type]
        server.send(b"level:+1|g")
        await server.seen(5)
    values = [row["as_double"] for row in server.rows() if row["metric"]["name"] == "level"]
    assert values == [7, 8]


@in_loop
async def test_sets_count_distinct_values() -> None:
    lines = b"\n".join(b"users:%d|s" % (number % 700) for number in range(1400))
    found = await points(lines, b"few:a|s\nfew:b|s\nfew:a|s")
    assert found["users"]["as_int"] == 700
    assert found["few"]["as_int"] == 2


@in_loop
async def test_timers_are_gauges_of_each_value_unless_told_otherwise() -> None:
    server = await outcome(b"took:3:4|ms\nsize:5|h\nspread:6|d")
    found = sorted((row["metric"]["name"], row["as_double"]) for row in server.rows())
    assert found == [("size", 5), ("spread", 6), ("took", 3), ("took", 4)]


@in_loop
async def test_summaries_have_percentiles_and_weights() -> None:
    mapping = [
        {
            "statsd_type": "timing",
            "observer_type": "summary",
            "summary": {"percentiles": [0, 50, 100]},
        }
    ]
    lines = b"\n".join(b"took:%d|ms" % value for value in range(1, 10))
    found = await points(lines, b"took:10|ms|@0.1", timer_histogram_mapping=mapping)
    row = found["took"]
    assert (row["count"], row["sum"]) == (19, 145)
    quantiles = [(it.get("quantile", 0), it["value"]) for it in row["quantile_values"]]
    assert quantiles == [(0, 1), (0.5, 10), (1, 10)]


HISTOGRAMS = [
    {
        "statsd_type": "histogram",
        "observer_type": "histogram",
        "histogram": {
            "max_size": 10,
            "explicit_buckets": [{"matcher_pattern": "^size", "buckets": [1, 10]}],
        },
    }
]


@in_loop
async def test_histograms_are_explicit_by_name_and_else_exponential() -> None:
    lines = b"size:1:5:11|h\nsize:2|d|@0.5\ntook:1:2:1000:-3:0|h\nnone:1|ms"
    found = await points(lines, timer_histogram_mapping=HISTOGRAMS)
    size, took = found["size"], found["took"]
    assert (size["bucket_counts"], size["explicit_bounds"]) == ([1, 3, 1], [1, 10])
    assert (size["count"], size["sum"], size["min"], size["max"]) == (5, 21, 1, 11)
    assert (took["count"], took["zero_count"]) == (5, 1)
    assert len(took["positive"]["bucket_counts"]) <= 10
    assert sum(took["positive"]["bucket_counts"]) == 3
    assert took["negative"]["bucket_counts"] == [1]
    assert "none" not in found, "timers are not named in the mapping"


@settings(max_examples=25, deadline=None)
@given(values=st.lists(st.floats(-1e12, 1e12, allow_subnormal=False), min_size=1, max_size=60))
def test_values_are_in_their_buckets_of_exponential_histograms(values: list[float]) -> None:
    lines = b"\n".join(b"took:%a|h" % value for value in values)
    row = asyncio.run(points(lines, timer_histogram_mapping=HISTOGRAMS))["took"]
    assert row["count"] == len(values)
    assert row.get("zero_count", 0) == values.count(0)
    for sign, side in ((1, "positive"), (-1, "negative")):
        mine = sorted(sign * value for value in values if sign * value > 0)
        buckets = row.get(side, {})
        counts = buckets.get("bucket_counts", [])
        assert sum(counts) == len(mine)
        assert len(counts) <= 10
        if mine:
            first = buckets.get("offset", 0)
            width = 2.0 ** -row.get("scale", 0)
            assert first * width <= math.log2(mine[0]) + 1e-9
            assert math.log2(mine[-1]) <= (first + len(counts)) * width + 1e-9


@in_loop
async def test_values_with_a_time_are_points_of_that_time() -> None:
    lines = b"a:1|c|T1656581400\na:2|c|T1656581400\na:4|c|T1656581401\na:8|c"
    server = await outcome(lines)
    found = {row["time_unix_nano"] // NANOS: row["as_int"] for row in server.rows()}
    assert found.pop(1656581400) == 3
    assert found.pop(1656581401) == 4
    assert list(found.values()) == [8]
    assert all(row.get("start_time_unix_nano", 0) < row["time_unix_nano"] for row in server.rows())
    (row,) = (await outcome(lines, timestamps="ignore")).rows()
    assert row["as_int"] == 15


@in_loop
async def test_containers_types_and_simple_tags_become_attributes() -> None:
    found = await points(
        b"a:1|c|#bare,k:v,k:w|c:ci-1", enable_simple_tags=True, enable_metric_type=True
    )
    expected = {"bare": "", "k": "w", "container.id": "ci-1", "metric_type": "counter"}
    assert found["a"]["attributes"] == expected


@in_loop
async def test_events_and_service_checks_become_log_records() -> None:
    server = await outcome(
        b"_e{5,9}:title|two\\nends|d:1656581400|h:web|p:low|t:error|#k:v",
        b"_sc|db|1|m:slow",
    )
    event, check = server.rows()
    assert (event["body"], event["event_name"]) == ("two\nends", "statsd.event")
    assert (event["severity_text"], event["time_unix_nano"]) == ("ERROR", 1656581400 * NANOS)
    assert event["attributes"] == {
        "host.name": "web",
        "k": "v",
        "statsd.event.alert_type": "error",
        "statsd.event.priority": "low",
        "statsd.event.title": "title",
    }
    assert (check["body"], check["severity_text"]) == ("slow", "WARN")
    assert check["attributes"] == {
        "statsd.service_check.name": "db",
        "statsd.service_check.status": "warning",
    }


@pytest.mark.parametrize(
    ("signal", "left"), [(Signal.METRICS, b"_sc|db|1"), (Signal.LOGS, b"a:1|c")]
)
@in_loop
async def test_what_no_pipeline_takes_is_counted(signal: Signal, left: bytes) -> None:
    server = await outcome(b"a:1|c", b"_sc|db|1", signals=frozenset({signal}))
    assert len(server.rows()) == 1
    assert server.count("dropped_lines", reason="no_pipeline") == 1
    assert left


BAD = {
    b"no colon": "format",
    b"a|b:1|c": "format",
    b":1|c": "name",
    b"a:|c": "value",
    b"a:one|c": "value",
    b"a:nan|g": "not_finite",
    b"a:1|x": "type",
    b"a:1|c|@x": "rate",
    b"a:1|c|#bare": "tag",
    b"a:1|c|#:v": "tag",
    b"a:1|c|?": "section",
    b"a:1|ms|T1": "timestamp",
    b"a\xff:1|c": "encoding",
    b"a:1|c|#k:\xff": "encoding",
    b"_e{1": "event",
    b"_sc|a": "service_check",
}


@pytest.mark.parametrize(("line", "reason"), BAD.items(), ids=repr)
def test_a_bad_line_is_counted_by_its_reason_and_the_others_are_taken(
    line: bytes, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    server = asyncio.run(outcome(b"good:1|c\n%b\ngood:2|c" % line))
    (row,) = server.rows()
    assert row["as_int"] == 3
    assert server.count("dropped_lines", reason=reason) == 1
    assert server.count("dropped_lines") == 1
    assert f"Dropped lines ({reason})" in caplog.text


@in_loop
async def test_series_are_bounded_and_counts_kept_in_a_series_of_their_own() -> None:
    lines = b"\n".join(b"hits:1|c|#n:%d" % number for number in range(50))
    server = await outcome(lines, b"level:1|g", max_series=10)
    rows = server.rows()
    (overflow,) = [row for row in rows if row["attributes"] == {"otel.metric.overflow": "true"}]
    assert overflow["as_int"] == 40
    assert len(rows) == 11
    assert server.count("folded_lines") == 40
    assert server.count("dropped_lines", reason="series_limit") == 1


MAPPING = {
    "defaults": {"observer_type": "histogram", "histogram_options": {"buckets": [1, 2]}},
    "mappings": [
        {"match": "^debug", "match_type": "regex", "action": "drop"},
        {
            "match": "app.*.requests.*",
            "match_metric_type": "counter",
            "name": "app_requests",
            "labels": {"service": "$1", "outcome": "$2_x"},
        },
        {"match": "app.*.took", "name": "${1}_took", "scale": 0.001},
    ],
}


@in_loop
async def test_rules_are_those_of_statsd_exporter() -> None:
    found = await points(
        b"app.shop.requests.ok:1|c\napp.shop.requests.ok:1|g",
        b"app.shop.took:1500|ms\ndebug.x:1|c\nplain.x:1|c",
        mapping=MAPPING,
    )
    assert set(found) == {"app_requests", "app.shop.requests.ok", "shop_took", "plain.x"}
    assert found["app_requests"]["attributes"] == {"service": "shop", "outcome": "ok_x"}
    assert found["shop_took"]["bucket_counts"] == [0, 1, 0]


@in_loop
async def test_what_is_refused_is_kept_while_the_next_interval_goes_on() -> None:
    async with serving(Refused("full", 0.001), aggregation_interval="10ms") as server:
        server.send(b"a:1|c")
        await eventually(lambda: server.next.got)
        server.send(b"a:2|c")
    assert sum(row["as_int"] for row in server.rows()) == 3


@in_loop
async def test_what_no_stage_will_ever_take_is_counted() -> None:
    async with serving(Invalid("no")) as server:
        server.send(b"a:1|c\nb:1|c")
        await server.seen(2)
    assert server.count("dropped_items", reason="invalid") == 2


@pytest.mark.parametrize("transport", ["tcp", "unix"])
def test_connections_bring_lines_in_pieces(transport: str, tmp_path: Path) -> None:
    asyncio.run(connections_bring_lines(transport, tmp_path))


async def connections_bring_lines(transport: str, folder: Path) -> None:
    path = str(folder / "statsd.sock")
    place = {"endpoint": path} if transport == "unix" else {}
    async with serving(transport=transport, **place) as server:
        if transport == "unix":
            _, writer = await asyncio.open_unix_connection(path)
        else:
            _, writer = await asyncio.open_connection("127.0.0.1", server.receiver.port)
        for piece in (b"a:1|", b"c\na:2|c\r\n", b"x" * 100_000, b"x\na:4|c\na:8|c"):
            writer.write(piece)
            await writer.drain()
        await server.seen(4)
        writer.close()
        await server.seen(5)
        assert server.count("connections") == 1
    (row,) = server.rows()
    assert row["as_int"] == 15
    assert server.count("dropped_lines", reason="too_long") == 1


@in_loop
async def test_a_silent_connection_is_ended() -> None:
    async with serving(transport="tcp", idle_timeout="20ms") as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.receiver.port)
        assert await reader.read() == b""
        writer.close()
        assert server.count("ended_connections", reason="idle") == 1


@in_loop
async def test_datagrams_come_by_a_socket_in_a_file_with_its_permissions() -> None:
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "statsd.sock"
        options = {"transport": "unixgram", "endpoint": str(path), "socket_permissions": "0640"}
        async with serving(**options) as server:
            assert path.stat().st_mode & 0o777 == 0o640
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                sender.sendto(b"a:1|c", str(path))
            await server.seen(1)
        assert not path.exists()
    assert len(server.rows()) == 1


@in_loop
async def test_several_sockets_share_a_port() -> None:
    async with serving(sockets=3) as server:
        for _ in range(30):
            server.send(b"a:1|c")
        await server.seen(30)
    (row,) = server.rows()
    assert row["as_int"] == 30


@in_loop
async def test_drops_of_the_system_are_counted() -> None:
    async with serving(socket_buffer_size=1) as server:
        many = [b"a:1|c|#k:%b" % (b"v" * 1400)] * 400

        def lost() -> float:
            server.send(*many)
            return server.count("dropped_datagrams")

        await eventually(lost)


@in_loop
async def test_an_address_in_use_stops_the_start() -> None:
    async with serving() as server, context("statsd") as made:
        taken = f"127.0.0.1:{server.receiver.port}"
        with pytest.raises(StartError, match="cannot listen on"):
            await Config.model_validate({"endpoint": taken}).build(made).start(Next().consume)


def test_windows_are_in_order_though_the_clock_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    now = {"time": 1_000 * NANOS, "monotonic": 0}
    monkeypatch.setattr("time.time_ns", lambda: now["time"])
    monkeypatch.setattr("time.monotonic_ns", lambda: now["monotonic"])
    clock = Clock()

    def after(seconds: int, by_the_clock: int) -> tuple[int, int]:
        now["monotonic"] += seconds * NANOS
        now["time"] += by_the_clock * NANOS
        start, end = clock.window()
        return start // NANOS, end // NANOS

    assert after(10, 10) == (1000, 1010)
    assert after(10, -500) == (500, 510)
    assert after(10, 3600) == (4100, 4110)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"endpoint": "/run/x.sock"}, "expected an address"),
        ({"transport": "unix", "endpoint": "localhost:8125"}, "expected the path"),
        ({"aggregation_interval": "0"}, "greater than 0"),
        ({"timer_histogram_mapping": [{"statsd_type": "timing"}]}, "observer_type"),
        (
            {
                "timer_histogram_mapping": [
                    {"statsd_type": "timing", "observer_type": "gauge", "summary": {}}
                ]
            },
            "summary is for observer_type: summary",
        ),
        ({"mapping": {"mappings": [{"match": "a..b", "name": "x"}]}}, "is no glob"),
        ({"mapping": {"mappings": [{"match": "a"}]}}, "needs the name"),
        (
            {"mapping": {"mappings": [{"match": "(", "match_type": "regex", "name": "x"}]}},
            "no regular expression",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Config.model_validate(options)


@in_loop
async def test_an_interval_ends_early_when_there_is_much_that_does_not_add_up() -> None:
    lines = b"took:1%b|ms" % (b":1" * 9_999)
    async with serving() as server:
        for _ in range(13):
            server.send(lines)
        await eventually(lambda: server.next.got)
    assert len(server.rows()) == 130_000


NAMES = st.text("ab.\u00e9", min_size=1, max_size=3)
TAGS = st.dictionaries(st.sampled_from("xyz"), st.text("12", min_size=1, max_size=1), max_size=3)
COUNTERS = st.lists(st.tuples(NAMES, st.integers(-50, 50), TAGS, st.randoms()), max_size=40)


@settings(max_examples=25, deadline=None)
@given(sent=COUNTERS)
def test_counters_come_to_what_was_sent_for_each_name_and_tags(sent: Any) -> None:
    expected: dict[tuple[str, frozenset[tuple[str, str]]], int] = {}
    lines = []
    for name, value, tags, chance in sent:
        key = name, frozenset(tags.items())
        expected[key] = expected.get(key, 0) + value
        pairs = [f"{tag}:{text}" for tag, text in tags.items()]
        chance.shuffle(pairs)
        lines.append(f"{name}:{value}|c" + (f"|#{','.join(pairs)}" if pairs else ""))
    server = asyncio.run(outcome("\n".join(lines).encode() or b"\n"))
    found = {
        (row["metric"]["name"], frozenset(row.get("attributes", {}).items())): row["as_int"]
        for row in server.rows()
    }
    assert found == expected


WRITTEN = ": | c g ms s # @ T 1 - . a , \xff _e{1,1}: _sc| c: \n \r"
PIECES = st.sampled_from([piece.encode("latin1") for piece in WRITTEN.split(" ")])


@settings(max_examples=40, deadline=None)
@given(pieces=st.lists(st.lists(PIECES, max_size=12).map(b"".join), min_size=1, max_size=10))
def test_every_line_is_taken_or_dropped(pieces: list[bytes]) -> None:
    lines = [it for piece in pieces for it in piece.split(b"\n") if it.removesuffix(b"\r")]

    async def run() -> Server:
        async with serving() as server:
            server.send(*pieces)
            await server.seen(len(lines))
        return server

    server = asyncio.run(run())
    assert server.count("lines") + server.count("dropped_lines") == len(lines)
