"""Kafka between two Penstocks: everything arrives, whatever happens to the broker and to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

import pytest

from penstock.pipeline import Batch, Signal
from tests.integration.kafka import Kafka
from tests.integration.service import Penstock
from tests.kit import points, records, spans

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.integration.peers import Peers
    from tests.integration.recorder import Recorder

MAKE = {Signal.TRACES: spans, Signal.METRICS: points, Signal.LOGS: records}


@pytest.fixture(scope="module")
def kafka(peers: Peers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """One broker for all tests, which have topics of their own."""
    with Kafka(peers, tmp_path_factory.mktemp("kafka")) as kafka:
        yield kafka


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
    """Where consumers send what they have."""
    return {"otlp": {"endpoint": recorder.address, "tls": {"insecure": True}}}


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
