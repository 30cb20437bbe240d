"""A back end that is down while senders go on at full speed: memory stays within its limit."""

from __future__ import annotations

import re
import threading
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import grpc
from google.rpc.error_details_pb2 import RetryInfo
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from penstock.pipeline import Signal
from penstock.receivers.otlp import GRPC_METHODS
from tests.faults.container import container
from tests.integration.program import eventually
from tests.integration.recorder import Recorder
from tests.integration.service import Penstock
from tests.receivers.clients import GrpcSender

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.receivers.clients import GrpcAnswer

LIMIT_MIB = 150
CONTAINER = 256 * 1024 * 1024
"""Bytes of the container around it, where one can be made."""

ABOVE_MIB = 64
"""By how much the process may exceed its limit, whatever comes."""

REQUEST = 200 * 1024
"""Bytes of a request, as those of a few hundred spans."""

GREEDY, HONEST = 8, 2
"""Senders that do not wait when they are refused, and such that do."""

REFUSALS = 500
"""So many refusals are 100 MiB that came on top of all that was taken."""


class Limited(Penstock):
    """A Penstock with a memory limit, before a back end that it tries again and again."""

    def __init__(self, folder: Path, back_end: Recorder) -> None:
        exporter = {
            "endpoint": back_end.address,
            "tls": {"insecure": True},
            "compression": "none",
            "retry_on_failure": {
                "initial_interval": "100ms",
                "max_interval": "500ms",
                "max_elapsed_time": 0,
            },
        }
        super().__init__(folder, {"otlp": exporter}, "limited")

    def settings(self, exporters: Mapping[str, Any]) -> dict[str, Any]:
        """With the limiter as the only processor."""
        settings = super().settings(exporters)
        limiter = {"check_interval": "1s", "limit_mib": LIMIT_MIB}
        settings["processors"] = {"memory_limiter": limiter}
        for pipeline in settings["service"]["pipelines"].values():
            pipeline["processors"] = ["memory_limiter"]
        return settings

    @property
    def peak_mib(self) -> float:
        """The most memory that it ever occupied."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        found = re.search(r"VmHWM:\s+(\d+) kB", status)
        assert found is not None
        return int(found[1]) / 1024


class Senders:
    """Threads that send spans, each in a request of its own, from `with` on until `stop`."""

    def __init__(self, port: int) -> None:
        self.accepted: list[int] = []
        """Ids of the spans that Penstock has answered for."""
        self.honest: list[int] = []
        """Those of senders that waited."""
        self.refusals: list[GrpcAnswer] = []
        self._port = port
        self._ids = count(1)
        self._enough = threading.Event()
        self._no_greed = threading.Event()
        self._threads = [threading.Thread(target=self._send_greedily) for _ in range(GREEDY)]
        self._threads += [threading.Thread(target=self._send_honestly) for _ in range(HONEST)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Send no more; every request has been answered."""
        self._no_greed.set()
        self._enough.set()
        for thread in self._threads:
            thread.join()

    def calm_down(self) -> None:
        """Only honest senders go on."""
        self._no_greed.set()

    def _send_greedily(self) -> None:
        with GrpcSender(self._port) as sender:
            while not self._no_greed.is_set():
                self._send(sender, next(self._ids))

    def _send_honestly(self) -> None:
        with GrpcSender(self._port) as sender:
            for id_ in self._ids:
                while wait := self._send(sender, id_):
                    if self._enough.wait(wait):
                        return
                self.honest.append(id_)
                if self._enough.is_set():
                    return

    def _send(self, sender: GrpcSender, id_: int) -> float:
        """Returns how long to wait before sending it again, or 0 when it was accepted."""
        answer = sender.call(GRPC_METHODS[Signal.TRACES], request(id_))
        if answer.code is grpc.StatusCode.OK:
            self.accepted.append(id_)
            return 0.0
        self.refusals.append(answer)
        return retry_time(answer)


def request(id_: int) -> bytes:
    """A request with one large span."""
    message = ExportTraceServiceRequest()
    span = message.resource_spans.add().scope_spans.add().spans.add(name="work")
    span.span_id = id_.to_bytes(8, "big")
    span.attributes.add(key="text").value.string_value = "x" * REQUEST
    return message.SerializeToString()


def retry_time(answer: GrpcAnswer) -> float:
    """Seconds after which the sender is asked to try again; fails where it is not."""
    assert answer.code is grpc.StatusCode.UNAVAILABLE, answer
    assert answer.status is not None, answer
    info = RetryInfo()
    assert any(detail.Unpack(info) for detail in answer.status.details), answer
    return float(info.retry_delay.ToMilliseconds()) / 1000


def test_memory_stays_within_its_limit_while_a_back_end_is_down(tmp_path: Path) -> None:
    back_end = Recorder()
    with Limited(tmp_path, back_end) as penstock, container(penstock.pid, CONTAINER) as group:
        with Senders(penstock.ports.grpc) as senders:
            eventually(lambda: len(senders.refusals) > REFUSALS, penstock.output)
            assert all(retry_time(answer) >= 1 for answer in senders.refusals)
            assert "high memory usage" in senders.refusals[0].message
            senders.calm_down()
            with back_end:
                waited = len(senders.honest)
                eventually(lambda: len(senders.honest) >= waited + HONEST, penstock.output)
                senders.stop()
                penstock.expect_delivered("traces", len(senders.accepted))
                delivered = {int.from_bytes(span.span_id, "big") for span in back_end.spans()}
        assert delivered == set(senders.accepted)
        assert penstock.peak_mib < LIMIT_MIB + ABOVE_MIB
        assert group is None or group.kills == 0
