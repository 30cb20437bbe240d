"""Kafka between two Penstocks: everything arrives, whatever happens to the broker and to them."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

import pytest

from penstock.pipeline import Batch, Signal
from tests.integration.kafka import Kafka, Ports, follower
from tests.integration.program import eventually, free_ports
from tests.integration.service import Penstock
from tests.kit import names, points, records, spans

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.integration.peers import Peers
    from tests.integration.recorder import Recorder

MAKE = {Signal.TRACES: spans, Signal.METRICS: points, Signal.LOGS: records}


class Producing(Penstock):
    """Takes OTLP, and produces to Kafka without batching before."""

    def settings(self, exporters: Mapping[str, Any]) -> dict[str, Any]:
        settings = super().settings(exporters)
        for pipeline in settings["service"]["pipelines"].values():
            pipeline["processors"] = []
        return settings

    def post(self, batch: Batch) -> None:
        """Send it telemetry."""
        url = f"http://127.0.0.1:{self.ports.http}/v1/{batch.signal}"
        headers = {"Content-Type": "application/x-protobuf"}
        with urlopen(Request(url, batch.to_otlp(), headers)) as answer:
            assert answer.status == 200


class Consuming(Penstock):
    """Consumes from Kafka."""

    receiver: Mapping[str, Any] = {}

    def __init__(
        self, folder: Path, receiver: Mapping[str, Any], exporters: Mapping[str, Any], name: str
    ) -> None:
        self.receiver = {"initial_offset": "earliest", **receiver}
        super().__init__(folder, exporters, name)

    def settings(self, exporters: Mapping[str, Any]) -> dict[str, Any]:
        settings = super().settings(exporters)
        settings["receivers"] = {"kafka": dict(self.receiver)}
        for pipeline in settings["service"]["pipelines"].values():
            pipeline.update(receivers=["kafka"], processors=[])
        return settings


def to(recorder: Recorder) -> dict[str, Any]:
    """Where consumers send what they have: they wait for the answer, and so nothing is in memory
    alone."""
    exporter = {"endpoint": recorder.address, "tls": {"insecure": True}}
    return {"otlp": {**exporter, "sending_queue": {"enabled": False}}}


@pytest.mark.parametrize("way", ["proto", "json"])
def test_every_signal_goes_through_a_real_broker(
    kafka: Kafka, recorder: Recorder, tmp_path: Path, way: str
) -> None:
    exporter: dict[str, Any] = {"brokers": [kafka.address], "partition_traces_by_id": True}
    receiver: dict[str, Any] = {"brokers": [kafka.address], "group_id": way}
    for signal in Signal:
        topic, encoding = f"{signal}-{way}", f"otlp_{way}"
        exporter[signal] = {"topic": topic, "encoding": encoding}
        receiver[signal] = {"topics": [topic], "encoding": encoding}
    with (
        Producing(tmp_path, {"kafka": exporter}, "producing") as producing,
        Consuming(tmp_path, receiver, to(recorder), "consuming") as consuming,
    ):
        for signal in Signal:
            producing.post(MAKE[signal](100))
        for signal in Signal:
            producing.expect_delivered(signal, 100)
            consuming.expect_delivered(signal, 100)


HURRY = {"initial_interval": "100ms", "max_interval": "500ms"}
"""How soon attempts follow each other."""


def producer(kafka: Kafka | Ports, topic: str, **settings: Any) -> dict[str, Any]:
    """An exporter of traces, in a hurry."""
    return {
        "brokers": [kafka.address],
        "traces": {"topic": topic},
        "timeout": "2s",
        "retry_on_failure": HURRY,
        **settings,
    }


def consumer(kafka: Kafka | Ports, topic: str, **settings: Any) -> dict[str, Any]:
    """A receiver of traces, by the group of its topic."""
    return {
        "brokers": [kafka.address],
        "group_id": topic,
        "session_timeout": "6s",
        "heartbeat_interval": "500ms",
        "traces": {"topics": [topic]},
        **settings,
    }


def arrived(recorder: Recorder) -> set[str]:
    """The names of the spans that have come."""
    return {span.name for span in recorder.spans()}


def more(recorder: Recorder, before: int) -> bool:
    """Whether there are more spans than before."""
    return len(arrived(recorder)) > before


ALL = {"producer": {"required_acks": "all"}}
"""Of a producer whose repetitions the broker drops."""


def written(kafka: Kafka, topic: str) -> Counter[str]:
    """How often each span is in a topic."""
    return Counter(names([Batch.from_otlp("traces", value) for value in kafka.values(topic)]))


def counts(penstock: Penstock, name: str, items: int) -> bool:
    return penstock.numbers().total(name) == items


def named(count: int, name: str) -> set[str]:
    return {f"{name} {number}" for number in range(count)}


def test_a_broker_may_come_late_and_go_for_a_while(
    peers: Peers, recorder: Recorder, tmp_path: Path
) -> None:
    ports = Ports(*free_ports(2))
    with (
        Producing(tmp_path, {"kafka": producer(ports, "late", **ALL)}, "producing") as producing,
        Consuming(tmp_path, consumer(ports, "late"), to(recorder), "consuming") as consuming,
    ):
        producing.post(spans(100, "early"))
        with Kafka(peers, tmp_path, ports):
            consuming.wait_until(lambda: arrived(recorder) >= named(100, "early"))
        producing.post(spans(100, "meanwhile"))
        with Kafka(peers, tmp_path, ports) as kafka:
            producing.post(spans(100, "again"))
            everything = named(100, "meanwhile") | named(100, "again")
            consuming.wait_until(lambda: arrived(recorder) >= everything)
            assert written(kafka, "late") == Counter(named(100, "early") | everything)
        producing.expect_delivered("traces", 300)


def test_another_broker_leads_when_the_leader_dies(
    peers: Peers, kafka: Kafka, recorder: Recorder, tmp_path: Path
) -> None:
    kafka.keep_offsets()  # before there is one more that could, and dies
    expected: set[str] = set()
    with ExitStack() as running:
        second = running.enter_context(follower(peers, tmp_path, kafka))
        kafka.create("led", brokers=(2, 1))  # before somebody asks for it, who gets four partitions
        eventually(lambda: kafka.leader("led") == 2)
        sending = {"kafka": producer(kafka, "led", **ALL)}
        producing = running.enter_context(Producing(tmp_path, sending, "producing"))
        taking = consumer(kafka, "led")
        consuming = running.enter_context(Consuming(tmp_path, taking, to(recorder), "consuming"))
        for number in range(40):
            producing.post(spans(50, f"batch {number}"))
            expected |= named(50, f"batch {number}")
            if number == 20:
                second.kill()
        consuming.wait_until(lambda: arrived(recorder) >= expected)
        producing.expect_delivered("traces", len(expected))
        assert kafka.leader("led") == 1
        assert written(kafka, "led") == Counter(expected)


def test_who_is_killed_while_consuming_loses_nothing(
    kafka: Kafka, recorder: Recorder, tmp_path: Path
) -> None:
    settings = consumer(kafka, "killed", max_partition_fetch_size=20_000)
    expected: set[str] = set()
    with Producing(tmp_path, {"kafka": producer(kafka, "killed")}, "producing") as producing:
        for life in range(3):
            for number in range(60):
                name = f"life {life} batch {number}"
                producing.post(spans(50, name))
                expected |= named(50, name)
            before = len(arrived(recorder))
            with Consuming(tmp_path, settings, to(recorder), f"life{life}") as consuming:
                consuming.wait_until(partial(more, recorder, before))
                consuming.kill()
    with Consuming(tmp_path, settings, to(recorder), "last") as consuming:
        consuming.wait_until(lambda: arrived(recorder) >= expected)
    assert arrived(recorder) == expected


def test_members_that_come_and_go_lose_nothing(
    kafka: Kafka, recorder: Recorder, tmp_path: Path
) -> None:
    kafka.create("shared")
    settings = consumer(kafka, "shared", group_rebalance_strategies=["sticky"])
    sending = producer(kafka, "shared", record_partitioner={"round_robin": {}})
    expected: set[str] = set()
    with (
        Producing(tmp_path, {"kafka": sending}, "producing") as producing,
        Consuming(tmp_path, settings, to(recorder), "first") as first,
    ):

        def takes(member: Consuming) -> bool:
            """Whether the member takes part of what is sent meanwhile."""
            name = f"batch {len(expected)}"
            producing.post(spans(20, name))
            expected.update(named(20, name))
            return member.numbers().total("otelcol_receiver_accepted_spans_total") > 0

        first.wait_until(partial(takes, first))
        with Consuming(tmp_path, settings, to(recorder), "second") as second:
            second.wait_until(partial(takes, second))
            with Consuming(tmp_path, settings, to(recorder), "third") as third:
                third.wait_until(partial(takes, third))
        takes(first)
        first.wait_until(lambda: arrived(recorder) >= expected)
    assert arrived(recorder) == expected
    assert len(recorder.spans()) == len(expected), "what changed hands in order came twice"


def test_what_a_topic_finds_too_large_is_split_and_bad_messages_hold_up_nothing(
    kafka: Kafka, recorder: Recorder, tmp_path: Path
) -> None:
    kafka.create("small", configs={"max.message.bytes": "2000"})
    kafka.produce("small", b"\xff no OTLP", b"")
    letters = {"directory": str(tmp_path / "letters")}
    settings = consumer(kafka, "small", dead_letter=letters)
    sending = producer(kafka, "small", dead_letter=letters)
    with (
        Producing(tmp_path, {"kafka": sending}, "producing") as producing,
        Consuming(tmp_path, settings, to(recorder), "consuming") as consuming,
    ):
        producing.post(Batch.concat([spans(500), spans(1, "x" * 3000)]))
        consuming.wait_until(lambda: arrived(recorder) >= named(500, "span"))
        for penstock, name in (
            (producing, "otelcol_exporter_send_failed_spans_total"),
            (producing, "penstock_exporter_dead_letter_items_total"),
            (consuming, "penstock_receiver_dropped_messages_total"),
            (consuming, "penstock_receiver_dead_letter_messages_total"),
        ):
            penstock.wait_until(partial(counts, penstock, name, 1))
