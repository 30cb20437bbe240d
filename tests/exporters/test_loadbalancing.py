"""The exporter `loadbalancing`: who gets what, and who is asked for the endpoints."""

from __future__ import annotations

import asyncio
import os
import threading
from itertools import groupby
from typing import TYPE_CHECKING, Any

import pytest

from penstock.config.load import load_text
from penstock.exporters import _resolver_dns
from penstock.exporters._ring import Ring
from penstock.exporters.loadbalancing import Config, _address
from penstock.pipeline import Refused, StartError
from penstock.pipeline.errors import ConfigError
from penstock.pipeline.status import Status
from tests.exporters.gateways import Gateways, gateways, traces
from tests.kit import Source, eventually, in_loop, service, wire
from tests.kubernetes_api import cluster

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from penstock.pipeline.runner import Running

A, B, C = "127.0.0.2", "127.0.0.3", "127.0.0.4"

TRACES = [os.urandom(16) for _ in range(50)]

SOON = {"initial_interval": "20ms", "max_interval": "50ms", "max_elapsed_time": "0"}


def running(
    resolver: dict[str, Any], **otlp: Any
) -> tuple[Source, AbstractAsyncContextManager[Running]]:
    """A service that sends spans by this resolver."""
    source = Source()
    template = {"tls": {"insecure": True}, "retry_on_failure": SOON, "timeout": "2s", **otlp}
    config = Config.model_validate({"protocol": {"otlp": template}, "resolver": resolver})
    return source, service(wire("traces: in -> out", in_=source, out=config))


def static(some: Gateways, *hosts: str) -> dict[str, Any]:
    return {"static": {"hostnames": [f"{host}:{some.port}" for host in hosts]}}


def one_at_a_time(some: Gateways, changes: int) -> bool:
    """Whether every trace was at one gateway until endpoints changed, and then at one again."""
    by_trace = groupby(
        sorted(some.arrivals, key=lambda it: (it.trace, it.number)), lambda it: it.trace
    )
    moves = (len(list(groupby(spans, lambda it: it.gateway))) - 1 for _, spans in by_trace)
    return max(moves) <= changes


@in_loop
async def test_a_trace_goes_whole_to_the_gateway_that_the_ring_says() -> None:
    with gateways(A, B, C) as some:
        source, run = running(static(some, A, B, C))
        async with run:
            for number in range(4):
                await source.send(traces(TRACES, str(number)))
    ring = Ring([f"{host}:{some.port}" for host in (A, B, C)])
    assert len(some.spans()) == 200
    for each in some.arrivals:
        assert ring.owner(bytes.fromhex(each.trace)) == f"{each.gateway}:{some.port}"


@in_loop
async def test_names_are_asked_for_again_and_gateways_come_and_go_under_load(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    known = [A, B]
    monkeypatch.setattr(_resolver_dns, "addresses", lambda _: list(known))
    with gateways(A, B) as some:
        dns = {"hostname": "gateways", "port": some.port, "interval": "10ms"}
        source, run = running({"dns": dns})
        async with run as service_:
            sent = [await _load(source, 10, "two")]
            some.start(C)
            known.append(C)
            sent += [await _load(source, 30, "three")]
            await some.kill(A)
            sent += [await _load(source, 10, "one is dead")]
            known.remove(A)
            sent += [await _load(source, 30, "two again")]
            expected = set().union(*sent)
            await eventually(lambda: some.spans() >= expected)
        total = service_.telemetry.total
        assert total("otelcol_loadbalancer_num_backend_updates", resolver="dns") == 3
        assert total("otelcol_loadbalancer_num_backends") == 2
        assert total("otelcol_loadbalancer_num_resolutions", success="true") > 3
        assert total("otelcol_loadbalancer_backend_outcome", success="false") > 0
        assert total("otelcol_exporter_send_failed_spans") == 0
    assert some.spans(C)
    assert one_at_a_time(some, 2)


async def _load(source: Source, times: int, name: str) -> set[str]:
    """Send spans of all traces for a while; returns their names."""
    for number in range(times):
        await source.send(traces(TRACES, f"{name} {number}"))
        await asyncio.sleep(0.005)  # time passes, in which names are asked for
    return {f"{trace.hex()} {name} {number}" for trace in TRACES for number in range(times)}


@in_loop
async def test_a_name_without_addresses_is_asked_for_until_it_has_some(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    known: list[str] = []
    monkeypatch.setattr(_resolver_dns, "addresses", lambda _: list(known))
    with gateways(A) as some:
        source, run = running({"dns": {"hostname": "g", "port": some.port, "interval": "5ms"}})
        async with run as service_:
            (state,) = service_.board.at("exporter out")
            with pytest.raises(Refused, match="knows no endpoint"):
                await source.send(traces(TRACES, ""))
            await eventually(lambda: state.report.status is Status.RECOVERABLE_ERROR)
            known.append(A)
            await eventually(lambda: state.report.status is Status.OK)
            await source.send(traces(TRACES, ""))
            known.clear()
            await source.send(traces(TRACES, "the last ones are kept"))
    assert len(some.spans()) == 100


@in_loop
async def test_a_system_that_hangs_over_a_name_holds_up_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hangs, go_on = threading.Event(), threading.Event()

    def addresses(_: str) -> list[str]:
        if hangs.is_set():
            go_on.wait()
        return [A]

    monkeypatch.setattr(_resolver_dns, "addresses", addresses)
    with gateways(A) as some:
        dns = {"hostname": "g", "port": some.port, "interval": "5ms", "timeout": "20ms"}
        source, run = running({"dns": dns})
        async with run as service_:
            hangs.set()
            failed = ("otelcol_loadbalancer_num_resolutions", "false")
            total = service_.telemetry.total
            await eventually(lambda: total(failed[0], success=failed[1]) > 2)
            await source.send(traces(TRACES, ""))
            await eventually(lambda: len(some.spans()) == 50)
            go_on.set()


@in_loop
async def test_the_system_knows_the_addresses_of_names() -> None:
    with gateways("127.0.0.1") as some:
        source, run = running({"dns": {"hostname": "localhost", "port": some.port}})
        async with run:
            await source.send(traces(TRACES, ""))
    assert len(some.spans()) == 50


def test_a_name_that_does_not_exist_has_no_addresses() -> None:
    with pytest.raises(OSError, match=r".+"):
        _resolver_dns.addresses("nowhere.invalid")


def slice_of(uid: str, *hosts: str, ready: bool | None = True) -> dict[str, Any]:
    """An endpoint slice, as the API has it."""
    return {
        "metadata": {"name": f"gateways-{uid}", "uid": uid, "resourceVersion": "1"},
        "addressType": "IPv4",
        "endpoints": [
            {"addresses": [host], "conditions": {"ready": ready}, "hostname": f"pod-{host[-1]}"}
            for host in hosts
        ],
        "ports": [{"name": "otlp", "port": 4317}],
    }


@in_loop
async def test_ready_pods_of_a_service_are_the_endpoints_and_changes_are_told_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with gateways(A, B, C) as some:
        async with cluster(tmp_path, monkeypatch) as known:
            known.others["endpointslices"] = [
                slice_of("1", A, ready=None),
                slice_of("2", C, ready=False),
            ]
            k8s = {"service": "gateways.monitoring", "ports": [some.port], "timeout": "5s"}
            source, run = running({"k8s": k8s})
            async with run as service_:
                total = service_.telemetry.total
                await source.send(traces(TRACES, "one"))
                await eventually(lambda: len(some.spans(A)) == 50)
                known.tell("ADDED", slice_of("3", B), "endpointslices")
                await eventually(lambda: total("otelcol_loadbalancer_num_backends") == 2)
                known.tell("DELETED", slice_of("1", A), "endpointslices")
                await eventually(lambda: total("otelcol_loadbalancer_num_backends") == 1)
                await eventually(lambda: total("penstock_exporter_queued_items") == 0)
                await source.send(traces(TRACES, "two"))
            assert known.asked[0] == {
                "path": "/apis/discovery.k8s.io/v1/namespaces/monitoring/endpointslices",
                "labelSelector": "kubernetes.io/service-name=gateways",
                "limit": "250",
            }
    assert len(some.spans()) == 100
    assert {each.gateway for each in some.arrivals if each.span.endswith("two")} == {B}


@in_loop
async def test_pods_are_named_where_the_settings_want_their_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with cluster(tmp_path, monkeypatch) as known:
        (tmp_path / "namespace").write_text("monitoring\n")
        known.others["endpointslices"] = [slice_of("1", A, B)]
        k8s = {"service": "gateways", "return_hostnames": True, "timeout": "5s"}
        _, run = running({"k8s": k8s})
        async with run as service_:
            series = service_.telemetry.families["otelcol_loadbalancer_backend_outcome"].series
            found = {dict(labels)["endpoint"] for labels in series}
    assert found == {f"pod-{number}.gateways.monitoring:4317" for number in (2, 3)}


@in_loop
async def test_outside_of_a_cluster_there_are_no_pods(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    _, run = running({"k8s": {"service": "gateways"}})
    with pytest.raises(StartError, match=r"remove `resolver\.k8s`"):
        async with run:
            pass


@pytest.mark.parametrize(
    ("endpoint", "address"),
    [
        ("gateway", "gateway:4317"),
        ("gateway:1", "gateway:1"),
        ("10.0.0.1", "10.0.0.1:4317"),
        ("fd00::1", "[fd00::1]:4317"),
        ("[fd00::1]", "[fd00::1]:4317"),
        ("[fd00::1]:1", "[fd00::1]:1"),
        ("http://gateway:1", "http://gateway:1"),
    ],
)
def test_endpoints_without_a_port_have_the_usual_one(endpoint: str, address: str) -> None:
    assert _address(endpoint) == address


WRONG = {
    "resolver: {}": "expected one of static, dns and k8s",
    "resolver: {static: {hostnames: [a]}, dns: {hostname: b}}": "expected one of static",
    "resolver: {static: {hostnames: []}}": "hostnames",
    "resolver: {aws_cloud_map: {namespace: n}}": "use `dns`",
    "resolver: {static: {hostnames: [a]}}, protocol: {otlp: {endpoint: a}}": "remove it",
    "resolver: {static: {hostnames: [a]}}, sending_queue: {}": "under protocol.otlp",
    "resolver: {static: {hostnames: [a]}}, routing_key: attributes": "need each other",
    "resolver: {static: {hostnames: [a]}}, routing_attributes: [a]": "need each other",
    "resolver: {static: {hostnames: [a]}}, routing_key: trace": "routing_key",
    "resolver: {static: {hostnames: [a]}}, routing_key: metric": "traces have no metric",
    "resolver: {static: {hostnames: [a]}}, routing_key: streamID": "logs have no streamID",
    "resolver: {static: {hostnames: [a]}}, routing_key: traceID": "data points have no traceID",
}


@pytest.mark.parametrize("options", WRONG)
def test_what_makes_no_sense_is_refused_before_the_start(options: str) -> None:
    pipelines = ", ".join(
        f"{signal}: {{receivers: [otlp], exporters: [loadbalancing]}}"
        for signal in ("traces", "metrics", "logs")
    )
    text = (
        "receivers: {otlp: {protocols: {grpc: }}}\n"
        f"exporters: {{loadbalancing: {{{options}}}}}\n"
        f"service: {{pipelines: {{{pipelines}}}}}\n"
    )
    with pytest.raises(ConfigError) as error:
        load_text(text, "file", {})
    assert WRONG[options] in str(error.value)


def test_who_sends_letters_again_waits_for_each() -> None:
    otlp = {"dead_letter": {"directory": "letters"}}
    config = Config.model_validate(
        {"protocol": {"otlp": otlp}, "resolver": {"static": {"hostnames": ["a"]}}}
    )
    waited = config.waited_for().protocol.otlp
    assert not waited.sending_queue.enabled
    assert waited.dead_letter is None
