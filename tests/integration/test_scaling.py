"""Gateways that share a topic of Kafka: every item arrives, and state is right, while they come and
go. `PENSTOCK_SCALING_ITEMS` and `PENSTOCK_SCALING_SECONDS` say how many, and in what time."""

from __future__ import annotations

import math
import os
from contextlib import ExitStack, contextmanager
from threading import Thread
from typing import TYPE_CHECKING, Any

from penstock.pipeline import Signal
from tests.integration.scaling import GATEWAY, REQUEST, TRACE, BackEnd, send
from tests.integration.service import Penstock

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.integration.kafka import Kafka


ITEMS = int(os.environ.get("PENSTOCK_SCALING_ITEMS", "120000"))

SECONDS = float(os.environ.get("PENSTOCK_SCALING_SECONDS", "12"))
"""How long sending them takes: gateways come and go meanwhile."""

RECEIVER = {"initial_offset": "earliest", "session_timeout": "6s", "heartbeat_interval": "500ms"}
"""As brief as a broker takes it."""


class Agent(Penstock):
    """Takes OTLP and produces to Kafka by key."""

    def __init__(
        self, folder: Path, kafka: Kafka, metrics: str = "metrics", queue_size: int = 1000
    ) -> None:
        exporter = {
            "brokers": [kafka.address],
            "traces": {"topic": "traces"},
            "metrics": {"topic": metrics},
            "sending_queue": {"queue_size": queue_size},
            "partition_traces_by_id": True,
            "partition_metrics_by_resource_attributes": True,
            "producer": {"required_acks": "all"},
        }
        super().__init__(folder, {"kafka": exporter}, "agent")


class Gateway(Penstock):
    """Consumes from Kafka, adds deltas up, and says who it is."""

    def __init__(
        self,
        folder: Path,
        kafka: Kafka,
        signal: Signal,
        back_end: BackEnd,
        name: str,
        topic: str = "",
    ) -> None:
        self._receiver: dict[str, Any] = {
            **RECEIVER,
            "brokers": [kafka.address],
            "group_id": topic or signal.value,
            signal.value: {"topics": [topic or signal.value]},
        }
        self._name = name
        self._signal = signal
        otlp = {"endpoint": f"127.0.0.1:{back_end.port}", "tls": {"insecure": True}}
        super().__init__(folder, {"otlp": {**otlp, "sending_queue": {"enabled": False}}}, name)

    def settings(self, exporters: Mapping[str, Any]) -> dict[str, Any]:
        settings = super().settings(exporters)
        attribute = {"key": GATEWAY, "value": self._name, "action": "upsert"}
        settings["receivers"] = {"kafka": self._receiver}
        of_metrics: dict[str, Any] = (
            {"deltatocumulative": {}} if self._signal is Signal.METRICS else {}
        )
        settings["processors"] = {**of_metrics, "resource": {"attributes": [attribute]}}
        settings["service"]["pipelines"] = {
            self._signal.value: {
                "receivers": ["kafka"],
                "processors": list(settings["processors"]),
                "exporters": ["otlp"],
            }
        }
        return settings


@contextmanager
def sending(agent: Agent, signal: Signal) -> Iterator[None]:
    """All items are sent to the agent meanwhile; ends when they are."""
    taken: list[int] = []
    numbers = range(1, 1 + ITEMS)

    def run() -> None:
        taken.append(send(agent.ports.grpc, signal, numbers, ITEMS / SECONDS, lambda: False))

    thread = Thread(target=run)
    thread.start()
    yield
    thread.join()
    assert taken == [ITEMS]


def test_every_span_arrives_although_gateways_are_killed_and_added(
    kafka: Kafka, tmp_path: Path
) -> None:
    kafka.create("traces")
    with ExitStack() as running:
        back_end = running.enter_context(BackEnd(ITEMS + REQUEST))
        agent = running.enter_context(Agent(tmp_path, kafka))

        def gateway(name: str) -> Gateway:
            return running.enter_context(Gateway(tmp_path, kafka, Signal.TRACES, back_end, name))

        first, second, _ = gateway("one"), gateway("two"), gateway("three")
        with sending(agent, Signal.TRACES):
            back_end.expect(ITEMS // 4)
            first.kill()
            gateway("four")
            back_end.expect(ITEMS // 2)
            second.terminate()
            gateway("five")
        back_end.expect(ITEMS)
        tally = back_end.tally
        assert tally.repeated < ITEMS // 4, "only what the killed one had not committed"
        assert tally.shared_traces <= tally.repeated + TRACE, "a trace is with one at a time"


def test_totals_are_exact_while_gateways_come_and_go(kafka: Kafka, tmp_path: Path) -> None:
    kafka.create("metrics")
    with ExitStack() as running:
        back_end = running.enter_context(BackEnd(ITEMS + REQUEST))
        agent = running.enter_context(Agent(tmp_path, kafka))

        def gateway(name: str) -> Gateway:
            return running.enter_context(Gateway(tmp_path, kafka, Signal.METRICS, back_end, name))

        first, _ = gateway("one"), gateway("two")
        with sending(agent, Signal.METRICS):
            back_end.expect_total(ITEMS // 4)
            gateway("three")
            back_end.expect_total(ITEMS // 2)
            first.terminate()
        back_end.expect_total(ITEMS)
        assert back_end.tally.total == ITEMS
        gateways = {gateway for _, _, gateway in back_end.tally.totals}
        assert gateways == {"one", "two", "three"}


def test_an_agent_that_gets_too_much_keeps_the_order_of_points(
    kafka: Kafka, tmp_path: Path
) -> None:
    kafka.create("overload")
    with ExitStack() as running:
        back_end = running.enter_context(BackEnd(ITEMS + REQUEST))
        agent = running.enter_context(Agent(tmp_path, kafka, "overload", queue_size=2))
        gateway = Gateway(tmp_path, kafka, Signal.METRICS, back_end, "one", "overload")
        running.enter_context(gateway)
        send(agent.ports.grpc, Signal.METRICS, range(1, 1 + ITEMS), math.inf, lambda: False)
        assert agent.numbers().total("penstock_pipeline_refused_items_total"), "it got too much"
        back_end.expect_total(ITEMS)
        assert back_end.tally.total == ITEMS
        assert not gateway.numbers().total("penstock_processor_dropped_items_total", reason="late")
