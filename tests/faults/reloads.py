"""Reloads under load, some of settings at fault: what they cost senders, and whether it adds up."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
import time
from pathlib import Path
from typing import Self

import grpc

from tests.faults.scorecard import Figure, Result
from tests.integration.load import Patient
from tests.integration.program import eventually
from tests.integration.recorder import Recorder
from tests.integration.service import Penstock
from tests.receivers.watching import resident

MIB = 1024 * 1024
AT_FAULT = 5
"""Of so many reloads one."""

CONNECTIONS = 4


class Reloading(Penstock):
    """Sends spans to one back end."""

    def __init__(self, folder: Path, back_end: str) -> None:
        exporters = {"otlp": {"endpoint": back_end, "tls": {"insecure": True}}}
        super().__init__(folder, exporters, "reloading")
        self._file = folder / "reloading.yaml"
        self._fine = json.loads(self._file.read_text())

    def reload(self, *, at_fault: bool) -> None:
        """Change the settings; returns when others run, or those from before are to stay."""
        said = "The settings stay as they were." if at_fault else "Every pipeline runs."
        before = self.output().count(said)
        self._file.write_text(json.dumps(self._fine | ({"exporter": {}} if at_fault else {})))
        os.kill(self.pid, signal.SIGHUP)
        self.wait_until(lambda: self.output().count(said) > before)

    def descriptors(self) -> int:
        """Files and sockets that it has open."""
        return len(list(Path(f"/proc/{self.pid}/fd").iterdir()))


class Senders(Patient):
    """Who look at once whether somebody listens again."""

    pause = 0.005

    def _open(self) -> grpc.Channel:
        quick = [(f"grpc.{which}_reconnect_backoff_ms", 20) for which in ("initial", "min", "max")]
        return grpc.insecure_channel(self._address, options=quick)


class Knocking:
    """Connects again and again, and knows for how long nobody was there at most."""

    def __init__(self, port: int) -> None:
        self.longest = 0.0
        self._port = port
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._knock)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _knock(self) -> None:
        there = time.monotonic()
        while not self._end.wait(0.002):
            begin = time.monotonic()
            try:
                socket.create_connection(("127.0.0.1", self._port)).close()
            except ConnectionError:
                self.longest = max(self.longest, begin - there)
            else:
                there = time.monotonic()


def reload_often(count: int, folder: Path) -> Result:
    """Reload so many times; memory is looked at when a fifth is done, and at the end."""
    with Recorder() as recorder, Reloading(folder, recorder.address) as penstock:
        port = penstock.ports.grpc
        with Senders(port, CONNECTIONS) as senders, Knocking(port) as door:
            memory, descriptors = 0, 0
            for number in range(count):
                penstock.reload(at_fault=number % AT_FAULT == 0)
                if number == count // 5:
                    memory, descriptors = resident(penstock.pid), penstock.descriptors()
            growth = resident(penstock.pid) - memory
            leaked = penstock.descriptors() - descriptors - CONNECTIONS
        accepted = set(senders.accepted)
        eventually(lambda: len({span.span_id for span in recorder.spans()}) >= len(accepted))
        lost = accepted - {span.span_id for span in recorder.spans()}
    refused = sum(senders.answers.values()) - senders.answers["OK"] - senders.answers["UNAVAILABLE"]
    figures = (
        Figure("spans lost", len(lost), 0),
        Figure("requests refused for good", refused, 0),
        Figure("without a listener at a time", 1000 * door.longest, 100, "ms"),
        Figure("growth", growth / MIB, 8, "MiB"),
        Figure("descriptors more", max(0, leaked), 0),
    )
    scope = f"{count:,} reloads, of which {-(-count // AT_FAULT):,} at fault"
    scope += f", {len(accepted):,} spans from {CONNECTIONS} senders"
    return Result("25", "Reload", figures, scope)
