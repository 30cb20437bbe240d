"""An agent shares traces among gateways behind a name, which are killed and added under load."""

from __future__ import annotations

import json
import os
import threading
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from penstock.exporters._ring import Ring
from tests.integration.load import EXPORT
from tests.integration.names import Names, can_see, seeing
from tests.integration.program import PATIENCE, Program, eventually, fetch, free_ports
from tests.integration.service import Numbers, command, metrics_page

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.recorder import Recorder

pytestmark = pytest.mark.skipif(
    not can_see() and not os.environ.get("CI"), reason="only root may give a program its own DNS"
)

TRACES = 200
HOSTS = A, B, C, D = ("127.0.0.11", "127.0.0.12", "127.0.0.13", "127.0.0.14")
RETRY = {"initial_interval": "50ms", "max_interval": "200ms", "max_elapsed_time": "0"}


class Running(Program):
    """A Penstock of these settings."""

    def __init__(self, name: str, folder: Path, settings: dict[str, Any], *, dns: bool) -> None:
        (self._page,) = free_ports(1)
        telemetry = {"metrics": {"readers": [metrics_page(self._page)]}}
        settings["service"]["telemetry"] = telemetry
        file = folder / f"{name}.yaml"
        file.write_text(json.dumps(settings))
        argv = command("run", "--config", str(file))
        super().__init__(name, seeing(argv, folder) if dns else argv, folder)

    def ready(self) -> bool:
        """Whether it shows its numbers."""
        return fetch(f"http://127.0.0.1:{self._page}/metrics") is not None

    def total(self, name: str, **labels: str) -> int:
        """The sum of its counters of that name."""
        page = fetch(f"http://127.0.0.1:{self._page}/metrics")
        assert page, self.output()
        return Numbers(page).total(name, **labels)


def gateway(host: str, port: int, recorder: Recorder, folder: Path) -> Running:
    """A gateway that answers for what the recorder has taken, and says so in resources."""
    otlp = {
        "endpoint": recorder.address,
        "tls": {"insecure": True},
        "sending_queue": {"enabled": False},
        "retry_on_failure": RETRY,
    }
    settings = {
        "receivers": {"otlp": {"protocols": {"grpc": {"endpoint": f"{host}:{port}"}}}},
        "processors": {
            "resource": {"attributes": [{"key": "gateway", "value": host, "action": "upsert"}]}
        },
        "exporters": {"otlp": otlp},
        "service": {
            "pipelines": {
                "traces": {"receivers": ["otlp"], "processors": ["resource"], "exporters": ["otlp"]}
            }
        },
    }
    return Running(f"gateway-{host}", folder, settings, dns=False)


def agent(port: int, gateways: int, folder: Path) -> Running:
    """What shares traces among the gateways."""
    otlp = {"tls": {"insecure": True}, "retry_on_failure": RETRY, "timeout": "2s"}
    dns = {"hostname": "gateways.test", "port": gateways, "interval": "50ms"}
    settings = {
        "receivers": {"otlp": {"protocols": {"grpc": {"endpoint": f"127.0.0.1:{port}"}}}},
        "exporters": {"loadbalancing": {"protocol": {"otlp": otlp}, "resolver": {"dns": dns}}},
        "service": {
            "pipelines": {"traces": {"receivers": ["otlp"], "exporters": ["loadbalancing"]}}
        },
    }
    return Running("agent", folder, settings, dns=True)


class Load:
    """Sends a span of every trace again and again."""

    def __init__(self, port: int) -> None:
        self.requests = 0
        self.accepted: set[str] = set()
        """The names of spans that were taken: trace, phase, request."""
        self._phase = ""
        self._traces = [os.urandom(16) for _ in range(TRACES)]
        self._address = f"127.0.0.1:{port}"
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._send)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Send no more."""
        self._end.set()
        self._thread.join()

    def go_on(self, phase: str) -> None:
        """Say so of spans, and return when some requests have said it."""
        self._phase, begun = phase, self.requests
        eventually(lambda: self.requests >= begun + 30)

    def _send(self) -> None:
        with grpc.insecure_channel(self._address) as channel:
            grpc.channel_ready_future(channel).result(PATIENCE)
            export: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(EXPORT)
            while not self._end.wait(0.01):
                request, about = ExportTraceServiceRequest(), f"{self._phase}/{self.requests}"
                spans = request.resource_spans.add().scope_spans.add().spans
                for trace in self._traces:
                    name = f"{trace.hex()}/{about}"
                    spans.add(trace_id=trace, span_id=os.urandom(8), name=name)
                export(request.SerializeToString(), timeout=PATIENCE)
                self.accepted.update(span.name for span in spans)
                self.requests += 1


class Arrival(NamedTuple):
    """Where a span came through, of which trace and phase."""

    gateway: str
    trace: str
    phase: str
    span: str


def arrivals(recorder: Recorder) -> list[Arrival]:
    """All spans that came."""
    return [
        Arrival(by.value.string_value, trace, phase, span.name)
        for request in recorder.requests("traces")
        for resource in request.resource_spans
        for by in resource.resource.attributes
        if by.key == "gateway"
        for scope in resource.scope_spans
        for span in scope.spans
        for trace, phase, _ in [span.name.split("/")]
    ]


def test_gateways_killed_and_added_under_load_lose_no_span_and_share_no_trace(
    tmp_path: Path, recorder: Recorder
) -> None:
    port, entry = free_ports(2)
    gateways = {host: gateway(host, port, recorder, tmp_path) for host in HOSTS}
    updates = "otelcol_loadbalancer_num_backend_updates_total"
    with (
        gateways[A],
        gateways[B] as victim,
        gateways[C],
        gateways[D],
        Names(A, B, C) as names,
        agent(entry, port, tmp_path) as penstock,
        Load(entry) as load,
    ):

        def deliver() -> None:
            """Wait for all that was taken by now to have arrived."""
            taken = penstock.total("penstock_exporter_balanced_items_total")
            sent = "otelcol_exporter_sent_spans_total"
            penstock.wait_until(lambda: penstock.total(sent) >= taken)

        def settle(phase: str, changes: int) -> None:
            """Wait for the agent to have heard, and send for a while that all is settled."""
            penstock.wait_until(lambda: penstock.total(updates) == changes)
            deliver()
            load.go_on(phase)
            load.go_on(f"{phase} and then")
            deliver()

        settle("three", 1)
        victim.kill()
        eventually(lambda: "will be repeated" in penstock.output())
        names.addresses.remove(B)
        settle("two", 2)
        names.addresses.append(D)
        settle("three again", 3)
        names.answers = False
        settle("no answers", 3)
        load.stop()
        deliver()
        assert penstock.total("otelcol_exporter_send_failed_spans_total") == 0
        assert penstock.total("penstock_fanout_lost_items_total") == 0

    stages = {"three": (A, B, C), "two": (A, C), "three again": (A, C, D), "no answers": (A, C, D)}
    rings = {name: Ring([f"{host}:{port}" for host in hosts]) for name, hosts in stages.items()}
    found = arrivals(recorder)
    assert {it.span for it in found} >= load.accepted
    for it in found:
        if it.phase in rings:
            owner = rings[it.phase].owner(bytes.fromhex(it.trace))
            assert owner == f"{it.gateway}:{port}", it
    assert {it.phase for it in found} >= set(rings)
