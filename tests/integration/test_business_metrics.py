"""Indicators of a real Penstock, which is killed in the middle of a window and starts again."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any
from urllib.error import URLError
from urllib.request import Request, urlopen

from tests.integration.recorder import Recorder
from tests.integration.service import Penstock
from tests.kit import spans

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

ITEMS, AT_ONCE, ROUNDS = 10, 2, 3
"""Spans of a request, senders at a time, and how often it is killed."""

INDICATORS = {
    "total": {"kind": "count", "from": "spans"},
    "month": {"kind": "count", "from": "spans", "window": {"calendar": "month"}},
}


class Counting(Penstock):
    """Counts spans, keeps its state in a folder, and passes numbers on to a back end."""

    def __init__(self, folder: Path, recorder: Recorder) -> None:
        self._folder = folder
        super().__init__(
            folder, {"otlp": {"endpoint": recorder.address, "tls": {"insecure": True}}}
        )

    def settings(self, exporters: Mapping[str, Any]) -> dict[str, Any]:
        settings = super().settings(exporters)
        settings["connectors"] = {
            "business_metrics": {
                "interval": "100ms",
                "storage": "file_storage",
                "indicators": INDICATORS,
            }
        }
        settings["extensions"]["file_storage"] = {"directory": str(self._folder / "stored")}
        settings["service"]["extensions"].append("file_storage")
        settings["service"]["pipelines"] = {
            "traces": {"receivers": ["otlp"], "exporters": ["business_metrics"]},
            "metrics": {"receivers": ["business_metrics"], "exporters": ["otlp"]},
        }
        return settings


class Sender(threading.Thread):
    """Sends requests until one is not answered, and counts those that were accepted."""

    def __init__(self, penstock: Penstock) -> None:
        super().__init__()
        self._url = f"{penstock.url('http/protobuf')}/v1/traces"
        self._body = spans(ITEMS).to_otlp()
        self.accepted = 0

    def run(self) -> None:
        headers = {"Content-Type": "application/x-protobuf"}
        while self.accepted < 100_000:
            try:
                with urlopen(Request(self._url, self._body, headers), timeout=10):
                    self.accepted += 1
            except (URLError, OSError):
                return


def latest(recorder: Recorder) -> dict[str, int]:
    """The last value of each metric."""
    return {
        metric.name: getattr(metric, metric.WhichOneof("data")).data_points[-1].as_int
        for request in recorder.requests("metrics")
        for resource in request.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    }


def test_who_is_killed_in_the_middle_of_a_window_has_all_that_was_accepted(tmp_path: Path) -> None:
    senders: list[Sender] = []
    with Recorder() as recorder:
        for _ in range(ROUNDS):
            with Counting(tmp_path, recorder) as penstock:
                started = [Sender(penstock) for _ in range(AT_ONCE)]
                for sender in started:
                    sender.start()
                penstock.wait_until(lambda: min(it.accepted for it in started) > 20)  # noqa: B023
                penstock.kill()
            senders += started
    for sender in senders:
        sender.join()
    with Recorder() as recorder, Counting(tmp_path, recorder) as penstock:
        penstock.wait_until(lambda: latest(recorder).keys() == INDICATORS.keys())

    accepted = ITEMS * sum(sender.accepted for sender in senders)
    for total in latest(recorder).values():
        assert accepted <= total <= accepted + ROUNDS * AT_ONCE * ITEMS, "all, or also in flight"
