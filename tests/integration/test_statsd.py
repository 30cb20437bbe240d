"""StatsD's client libraries: what they send is what comes out, by every transport they have."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.peers import CLIENTS, Peers
from tests.integration.program import complete, free_ports
from tests.integration.service import Penstock

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.integration.recorder import Recorder

TAGS = {"env": "test", "shop": "a"}

HISTOGRAM = [
    {"statsd_type": "timing", "observer_type": "summary", "summary": {"percentiles": [50]}},
    {"statsd_type": "histogram", "observer_type": "histogram"},
]


class Gathering(Penstock):
    """Takes StatsD, and passes it on a few times a second."""

    def __init__(self, folder: Path, exporters: Mapping[str, Any], transport: str) -> None:
        self.place = str(folder / "statsd.sock")
        self._transport = transport
        if transport != "unixgram":
            (port,) = free_ports(1)
            self.place = str(port)
        super().__init__(folder, exporters)

    def settings(self, exporters: Mapping[str, Any]) -> dict[str, Any]:
        settings = super().settings(exporters)
        port = self._transport != "unixgram"
        settings["receivers"] = {
            "statsd": {
                "transport": self._transport,
                "endpoint": f"127.0.0.1:{self.place}" if port else self.place,
                "aggregation_interval": "100ms",
                "timer_histogram_mapping": HISTOGRAM,
            }
        }
        pipelines = settings["service"]["pipelines"]
        settings["service"]["pipelines"] = {
            signal: pipelines[signal] | {"receivers": ["statsd"]} for signal in ("metrics", "logs")
        }
        return settings


def points(recorder: Recorder) -> dict[str, list[Any]]:
    """The data points by the names of their metrics."""
    found: dict[str, list[Any]] = {}
    for request in recorder.requests("metrics"):
        for metric in request.resource_metrics[0].scope_metrics[0].metrics:
            data = getattr(metric, metric.WhichOneof("data"))
            found.setdefault(metric.name, []).extend(data.data_points)
    return found


def total(found: list[Any]) -> int:
    return sum(int(point.as_int) for point in found)


def attributes(item: Any) -> dict[str, str]:
    return {pair.key: pair.value.string_value for pair in item.attributes}


def exporters(recorder: Recorder) -> dict[str, Any]:
    return {"otlp": {"endpoint": recorder.address, "tls": {"insecure": True}}}


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_the_client_without_tags(
    transport: str, recorder: Recorder, peers: Peers, tmp_path: Path
) -> None:
    client = CLIENTS / "statsd_clients.py"
    with Gathering(tmp_path, exporters(recorder), transport) as penstock:
        place = penstock.place
        complete(peers.command("clients", "run", client, "statsd", transport, place))
        penstock.wait_until(lambda: "shop.users" in points(recorder))
        penstock.wait_until(lambda: total(points(recorder).get("shop.orders", [])) == 7)
        found = points(recorder)
    assert found["shop.stock"][-1].as_double == 5
    assert sum(point.sum for point in found["shop.took"]) == 12.5
    assert max(point.as_int for point in found["shop.users"]) == 2


WITH_TAGS = [
    ("datadog", "udp"),
    ("datadog", "unixgram"),
    ("hot-shots", "udp"),
    ("hot-shots", "tcp"),
]


@pytest.mark.parametrize(("library", "transport"), WITH_TAGS)
def test_clients_with_tags(library: str, transport: str, recorder: Recorder, peers: Peers) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,  # whose path is short enough for a socket
        Gathering(Path(folder), exporters(recorder), transport) as penstock,
    ):
        place = penstock.place
        if library == "datadog":
            client, arguments = CLIENTS / "statsd_clients.py", [library, transport, place]
        else:
            client, arguments = CLIENTS / "statsd_clients.cjs", [transport, place]
        complete(peers.command("clients", "run", client, *arguments))
        penstock.wait_until(lambda: "shop.users" in points(recorder))
        if transport != "tcp":
            penstock.wait_until(lambda: len(recorder.items("logs")) == 2)
        found = points(recorder)
        penstock.expect_balance("metrics")
    assert total(found["shop.orders"]) == 7
    assert found["shop.stock"][-1].as_double == 5
    assert [(point.count, point.sum) for point in found["shop.took"]] == [(1, 12.5)]
    assert [point.count for point in found["shop.size"]] == [1]
    assert [point.count for point in found["shop.spread"]] == [1]
    assert [point.as_int for point in found["shop.users"]] == [2]
    assert all(attributes(point) == TAGS for each in found.values() for point in each)
    if library == "datadog":
        assert [point.time_unix_nano for point in found["shop.late"]] == [1656581400 * 10**9]
    if transport != "tcp":
        check_records(recorder)


def check_records(recorder: Recorder) -> None:
    """An event and a service check."""
    records = {
        record.event_name: record
        for request in recorder.requests("logs")
        for record in request.resource_logs[0].scope_logs[0].log_records
    }
    event, check = records["statsd.event"], records["statsd.service_check"]
    assert event.body.string_value == "two\nlines | bar"
    assert event.severity_text == "WARN"
    assert attributes(event).items() >= TAGS.items()
    assert check.body.string_value == "down"
    assert attributes(check)["statsd.service_check.status"] == "critical"
