from __future__ import annotations

import base64
import json
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from penstock.exporters._kafka_messages import Planner
from penstock.exporters.kafka import Config as Producing
from penstock.kafka import bounds
from penstock.pipeline import Batch, Refused, Signal, StartError
from penstock.receivers._kafka_topics import Subscribed
from penstock.receivers.kafka import Config
from tests import kafka_broker
from tests.kafka_broker import Broker
from tests.kit import Next, context, eventually, in_loop, names, points, records, spans

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable
    from pathlib import Path

    from penstock.pipeline import Context


TWO_SPANS = b"""{"resourceSpans": [{"scopeSpans": [{"spans": [
    {"name": "a", "traceId": "0123456789abcdef0123456789abcdef", "spanId": "0123456789abcdef"},
    {"name": "b", "traceId": "0123456789abcdef0123456789abcdef", "spanId": "123456789abcdef0"}
]}]}]}"""


@asynccontextmanager
async def consuming(
    broker: Broker, next_: Next, *, signals: Iterable[Signal] = (Signal.LOGS,), **settings: Any
) -> AsyncIterator[Context]:
    """A receiver that reads what a broker has."""
    async with (
        kafka_broker.serving(broker) as port,
        context(signals=frozenset(signals)) as given,
    ):
        config = Config.model_validate(
            {
                "brokers": [f"127.0.0.1:{port}"],
                "initial_offset": "earliest",
                "autocommit": {"interval": "10ms"},
                "heartbeat_interval": "20ms",
                "metadata": {"retry": {"backoff": "5ms"}},
                **settings,
            }
        )
        receiver = config.build(given)
        await receiver.start(next_.consume)
        try:
            yield given
        finally:
            await receiver.stop()


def bodies(next_: Next) -> list[Any]:
    return [row.get("body") for batch in next_.got for row in batch.rows()]


def letters(folder: Path) -> dict[int, bytes]:
    """The values that were kept, by their offsets."""
    (file,) = folder.iterdir()
    lines = map(json.loads, file.read_text().splitlines())
    return {line["offset"]: base64.b64decode(line["value"] or "") for line in lines}


@in_loop
async def test_every_signal_comes_from_its_topic() -> None:
    broker, next_ = Broker(), Next()
    for topic, batch in (
        ("otlp_spans", spans(2)),
        ("otlp_metrics", points(3)),
        ("otlp_logs", records(4)),
    ):
        broker.put(topic, batch.to_otlp())
    async with consuming(broker, next_, signals=Signal):
        await eventually(lambda: len(next_.got) == 3)
    assert sorted(next_.sizes) == [2, 3, 4]


@in_loop
async def test_messages_that_are_read_together_are_one_batch() -> None:
    broker, next_ = Broker(), Next()
    broker.put("otlp_logs", records(1).to_otlp(), records(2).to_otlp())
    async with consuming(broker, next_):
        await eventually(lambda: next_.got)
    assert next_.sizes == [3]
    assert next_.got[0].arrival == {"": (3, 2)}


@pytest.mark.parametrize(
    ("encoding", "value", "body"),
    [
        ("otlp_json", records(1).to_json(), "record 0"),
        ("text", b"caf\xc3\xa9 \xff", "café �"),
        ("raw", b"\xff\x00", b"\xff\x00"),
        ("json", b'{"a": [1, 2.5, null]}', {"a": [1, 2.5, None]}),
    ],
)
@in_loop
async def test_messages_are_read_by_their_encoding(encoding: str, value: bytes, body: Any) -> None:
    broker, next_ = Broker(), Next()
    broker.put("otlp_logs", value)
    async with consuming(broker, next_, logs={"encoding": encoding}):
        await eventually(lambda: next_.got)
    assert bodies(next_) == [body]


@pytest.mark.parametrize("encoding", ["jaeger_proto", "jaeger_json", "zipkin_proto", "zipkin_json"])
@in_loop
async def test_spans_of_other_systems_are_read_and_what_is_none_is_kept(
    tmp_path: Path, encoding: str
) -> None:
    broker, next_ = Broker(), Next()
    config = Producing.model_validate({"traces": {"encoding": encoding}})
    batch = Batch.from_json("traces", TWO_SPANS)
    sent = [message.value for message in Planner(config).plan(batch).messages]
    broker.put("otlp_spans", b"\xff", *sent)
    settings = {"traces": {"encoding": encoding}, "dead_letter": {"directory": str(tmp_path)}}
    async with consuming(broker, next_, signals=[Signal.TRACES], **settings):
        await eventually(lambda: sum(next_.sizes) == 2)
    assert names(next_.got) == ["a", "b"]
    assert next_.got[0].arrival == {"": (2, len(sent))}
    assert letters(tmp_path) == {0: b"\xff"}


@in_loop
async def test_nothing_is_committed_before_it_is_taken() -> None:
    broker, next_ = Broker(), Next()
    next_.open.clear()
    broker.put("otlp_logs", records(1).to_otlp())
    async with consuming(broker, next_):
        await eventually(lambda: next_.offers)
        assert broker.committed == {}
        next_.open.set()
        await eventually(lambda: broker.committed == {("otlp_logs", 0): 1})


@in_loop
async def test_what_is_refused_is_offered_again_and_comes_once() -> None:
    broker, next_ = Broker(), Next(*[Refused("full", retry_after=0.001)] * 5)
    broker.put("otlp_logs", records(2).to_otlp())
    async with consuming(broker, next_):
        await eventually(lambda: next_.got)
        broker.put("otlp_logs", records(1).to_otlp())
        await eventually(lambda: len(next_.got) == 2)
    assert next_.sizes == [2, 1]
    assert broker.committed == {("otlp_logs", 0): 2}


@in_loop
async def test_bad_messages_are_counted_kept_and_hold_up_nothing(tmp_path: Path) -> None:
    broker, next_ = Broker(), Next()
    broker.put("otlp_logs", records(1).to_otlp(), b"\xff\xff", None, records(2).to_otlp())
    async with consuming(broker, next_, dead_letter={"directory": str(tmp_path)}) as given:
        await eventually(lambda: sum(next_.sizes) == 3)
        assert given.telemetry.total("penstock_receiver_dropped_messages") == 2
        assert given.telemetry.total("penstock_receiver_dead_letter_messages") == 2
    assert broker.committed == {("otlp_logs", 0): 4}
    assert letters(tmp_path) == {1: b"\xff\xff", 2: b""}


@in_loop
async def test_messages_that_are_too_large_once_decompressed_hold_up_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bounds, "LARGEST", 100_000)
    broker, next_ = Broker(compression=4), Next()
    broker.put("otlp_logs", b"0" * 300_000)
    async with consuming(broker, next_, logs={"encoding": "text"}) as given:
        dropped = partial(given.telemetry.total, "penstock_receiver_dropped_messages")
        await eventually(lambda: dropped() == 1)
        broker.put("otlp_logs", b"small")
        await eventually(lambda: next_.got)
    assert bodies(next_) == ["small"]
    assert broker.committed == {("otlp_logs", 0): 2}


@in_loop
async def test_no_room_for_bad_messages_is_no_reason_to_stop(tmp_path: Path) -> None:
    broker, next_ = Broker(), Next()
    broker.put("otlp_logs", b"{", b"1", b"[")
    letters = {"directory": str(tmp_path), "max_size": 1}
    async with consuming(broker, next_, logs={"encoding": "json"}, dead_letter=letters) as given:
        await eventually(lambda: next_.got)
        assert given.telemetry.total("penstock_receiver_dropped_messages") == 2
        assert given.telemetry.total("penstock_receiver_dead_letter_messages") == 0
    assert bodies(next_) == [1]


@in_loop
async def test_headers_become_attributes_of_the_resources_of_their_message() -> None:
    broker, next_ = Broker(), Next()
    for tenant in ("a", "b"):
        headers = (("tenant", tenant.encode()), ("x", b"y"))
        broker.put("otlp_logs", records(2).to_otlp(), headers=headers)
    broker.put("otlp_logs", records(1).to_otlp())
    wanted = {"extract_headers": True, "headers": ["tenant"]}
    async with consuming(broker, next_, header_extraction=wanted):
        await eventually(lambda: sum(next_.sizes) == 5)
    rows = [row for batch in next_.got for row in batch.rows()]
    found = [row["resource"].get("attributes", {}) for row in rows]
    name = "kafka.header.tenant"
    assert found == [{name: "a"}, {name: "a"}, {name: "b"}, {name: "b"}, {}]


@in_loop
async def test_headers_are_told_apart_where_messages_share_a_resource() -> None:
    broker, next_ = Broker(), Next()
    for tenant in ("a", "b", "a"):
        broker.put("otlp_logs", tenant.encode(), headers=(("tenant", tenant.encode()),))
    wanted = {"extract_headers": True, "headers": ["tenant"]}
    async with consuming(broker, next_, header_extraction=wanted, logs={"encoding": "text"}):
        await eventually(lambda: sum(next_.sizes) == 3)
    rows = [row for batch in next_.got for row in batch.rows()]
    found = {(row["body"], row["resource"]["attributes"]["kafka.header.tenant"]) for row in rows}
    assert found == {("a", "a"), ("b", "b")}


@in_loop
async def test_a_rebalance_loses_nothing_and_commits_what_was_taken() -> None:
    broker, next_ = Broker(), Next()

    def has(number: int) -> bool:
        return len(next_.got) == number

    def joined_again(before: int) -> bool:
        return broker.requests["JoinGroup"] > before

    async with consuming(broker, next_):
        for number in range(1, 6):
            broker.put("otlp_logs", records(number).to_otlp())
            await eventually(partial(has, number))
            broker.rebalance()
            await eventually(partial(joined_again, broker.requests["JoinGroup"]))
    assert next_.sizes == [1, 2, 3, 4, 5]
    assert broker.committed == {("otlp_logs", 0): 5}


@in_loop
async def test_lag_is_what_is_to_be_taken_yet() -> None:
    broker, next_ = Broker(), Next()
    broker.put("otlp_logs", *[records(1).to_otlp()] * 25)  # the broker gives ten at a time
    async with consuming(broker, next_) as given:
        await eventually(lambda: next_.got)
        next_.open.clear()
        await eventually(lambda: next_.offers > len(next_.got))
        lag = given.telemetry.total("penstock_receiver_lag_messages")
        assert lag == 25 - sum(next_.sizes)
        next_.open.set()
        await eventually(lambda: sum(next_.sizes) == 25)


@in_loop
async def test_a_group_begins_with_what_comes_unless_told_otherwise() -> None:
    broker, next_ = Broker(), Next()
    broker.put("otlp_logs", records(1).to_otlp())
    async with consuming(broker, next_, initial_offset="latest"):
        await eventually(lambda: broker.requests["Fetch"])
        broker.put("otlp_logs", records(2).to_otlp())
        await eventually(lambda: next_.got)
    assert next_.sizes == [2]


@in_loop
async def test_a_stop_waits_for_no_broker() -> None:
    async with context(signals=frozenset({Signal.LOGS})) as given:
        receiver = Config(brokers=["127.0.0.1:1"]).build(given)
        await receiver.start(Next().consume)
        await receiver.stop()


@in_loop
async def test_a_directory_that_cannot_be_made_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    taken = {"directory": str(tmp_path / "file")}
    async with context() as given:
        receiver = Config.model_validate({"dead_letter": taken}).build(given)
        with pytest.raises(StartError, match=r"dead_letter\.directory"):
            await receiver.start(Next().consume)


@pytest.mark.parametrize(
    ("topics", "excluded", "wanted"),
    [
        (["^logs-"], [], ["logs-a", "logs-test"]),
        (["^logs-"], ["test"], ["logs-a"]),
        (["^logs-.*$", "plain"], ["^logs-test$"], ["logs-a", "plain"]),
        (["^logs-test|x"], [], ["logs-test"]),
    ],
)
def test_topics_are_found_by_patterns(
    topics: list[str], excluded: list[str], wanted: list[str]
) -> None:
    import re

    pattern = Subscribed(topics, excluded).pattern
    assert pattern is not None
    there = ["logs-a", "logs-test", "plain", "plain-2"]
    assert [topic for topic in there if re.match(pattern, topic)] == wanted


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"logs": {"topics": ["^("]}}, "unclosed|parse"),
        ({"logs": {"exclude_topics": ["a"]}}, "exclude_topics needs a topic"),
        ({"heartbeat_interval": "10s"}, "must be less than session_timeout"),
        ({"min_fetch_size": 10, "max_fetch_size": 5}, "must not be less than"),
        ({"traces": {"encoding": "text"}}, "otlp_proto"),
        ({"group_rebalance_strategies": ["cooperative-sticky"]}, "set sticky"),
        ({"auth": {"sasl": {"mechanism": "OAUTHBEARER"}}}, "create a user"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: Any, complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        Config.model_validate(settings)


def test_a_batch_can_be_read_that_has_no_items() -> None:
    assert len(Batch.from_otlp("logs", b"")) == 0
