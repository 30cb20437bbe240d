"""The prometheus exporter, as whoever scrapes it sees it."""

from __future__ import annotations

import asyncio
import gzip
import ssl
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import aiohttp
import pytest
from pydantic import ValidationError

from penstock.exporters import _scrapes
from penstock.exporters.prometheus import Config, Prometheus
from penstock.extensions.basicauth import Config as BasicAuthConfig
from penstock.pipeline.status import Status
from tests.exporters.exposing import DELTA, SHOP, Metrics
from tests.kit import Source, context, eventually, in_loop, service, wire

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from multidict import CIMultiDictProxy

    from penstock.pipeline import Context

HOST = "http://127.0.0.1"
PLAIN = {"Accept-Encoding": "identity"}


class Answer(NamedTuple):
    """An answer to a request, as it came."""

    status: int
    headers: CIMultiDictProxy[str]
    body: bytes


async def ask(
    exporter: Prometheus,
    path: str = "/metrics",
    method: str = "GET",
    base: str = HOST,
    **options: Any,
) -> Answer:
    """Ask it for something."""
    options.setdefault("headers", PLAIN)
    async with (
        aiohttp.ClientSession(auto_decompress=False) as client,
        client.request(method, f"{base}:{exporter.port}{path}", **options) as answer,
    ):
        return Answer(answer.status, answer.headers, await answer.read())


@asynccontextmanager
async def running(**options: Any) -> AsyncIterator[Prometheus]:
    """An exporter that listens."""
    extensions = options.pop("extensions", {})
    async with context("prometheus", extensions=extensions) as given:
        exporter = Config.model_validate({"endpoint": "127.0.0.1:0", **options}).build(given)
        await exporter.start()
        try:
            yield exporter
        finally:
            await exporter.stop()


@in_loop
async def test_what_was_sent_is_shown() -> None:
    async with running() as exporter:
        await exporter.send(Metrics(**SHOP).sum("requests", 3, method="GET").batch)
        answer = await ask(exporter)
    assert answer.status == 200
    assert answer.headers["Content-Type"] == (
        "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"
    )
    assert answer.body.decode() == (
        "# TYPE requests_total counter\n"
        'requests_total{instance="i1",job="shop",method="GET"} 3\n'
        "# HELP target_info Target metadata\n"
        "# TYPE target_info gauge\n"
        'target_info{instance="i1",job="shop"} 1\n'
    )


@in_loop
async def test_the_format_is_what_the_scrape_prefers() -> None:
    wanted = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.3"
    for enabled, kind in ((True, "application/openmetrics-text"), (False, "text/plain")):
        async with running(enable_open_metrics=enabled) as exporter:
            answer = await ask(exporter, headers={"Accept": wanted} | PLAIN)
        assert answer.headers["Content-Type"].startswith(kind)
        assert answer.body == (b"# EOF\n" if enabled else b"")


@in_loop
async def test_an_answer_is_compressed_for_who_takes_that() -> None:
    async with running() as exporter:
        await exporter.send(Metrics().gauge("depth", 1).batch)
        plain = await ask(exporter)
        packed = await ask(exporter, headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body


@in_loop
async def test_only_the_path_is_answered_and_only_if_it_is_asked_for() -> None:
    async with running(path="/federate") as exporter:
        await exporter.send(Metrics().gauge("depth", 1).batch)
        assert (await ask(exporter, "/metrics")).status == 404
        assert (await ask(exporter, "/federate", "POST")).status == 405
        head = await ask(exporter, "/federate", "HEAD")
        assert (head.status, head.body) == (200, b"")


@in_loop
async def test_scrapes_beyond_those_at_a_time_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_scrapes, "AT_ONCE", 0)
    async with running() as exporter:
        assert (await ask(exporter)).status == 503


@in_loop
async def test_who_does_not_read_the_answer_is_cut_off(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_scrapes, "AT_ONCE", 1)
    metrics = Metrics()
    for number in range(20_000):
        metrics.gauge("depth", 1, queue=f"{number} {'x' * 500}")
    async with running(write_timeout="500ms") as exporter:
        await exporter.send(metrics.batch)
        _, writer = await asyncio.open_connection("127.0.0.1", exporter.port, limit=1024)
        writer.write(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        await eventually(lambda: caplog.records)
        assert (await ask(exporter, method="HEAD")).status == 200
        writer.close()
    assert [record.getMessage() for record in caplog.records] == [
        "An answer was cut off (1 items, 1 times): it took over write_timeout"
    ]


@in_loop
async def test_scrapes_come_by_tls(certificates: Path) -> None:
    tls = {
        "cert_file": str(certificates / "server.pem"),
        "key_file": str(certificates / "server.key"),
    }
    trust = ssl.create_default_context(cafile=str(certificates / "ca.pem"))
    async with running(tls=tls) as exporter:
        answer = await ask(exporter, base="https://localhost", ssl=trust)
    assert answer.status == 200


@in_loop
async def test_who_has_no_credentials_is_asked_for_them() -> None:
    async with context("basicauth") as given:
        htpasswd = {"inline": "scraper:secret"}
        extension = BasicAuthConfig.model_validate({"htpasswd": htpasswd}).build(given)
        await extension.start()
        auth = {"authenticator": "basicauth"}
        async with running(auth=auth, extensions={"basicauth": extension}) as exporter:
            refused = await ask(exporter)
            answered = await ask(
                exporter, headers={"Authorization": aiohttp.encode_basic_auth("scraper", "secret")}
            )
        await extension.stop()
    assert (refused.status, answered.status) == (401, 200)
    assert "basic" in refused.headers["WWW-Authenticate"].lower()


class Kept(Config):
    """Settings that keep what they build."""

    built: ClassVar[list[Prometheus]] = []

    def build(self, context: Context) -> Prometheus:
        self.built.append(super().build(context))
        return self.built[-1]


@in_loop
async def test_what_is_not_shown_is_counted_and_named_in_the_status() -> None:
    source = Source()
    settings = wire(
        "metrics: in -> out", in_=source, out=Kept.model_validate({"endpoint": "127.0.0.1:0"})
    )
    async with service(settings) as it:
        await source.send(Metrics().gauge("depth", 1).gauge("ようこそ", 1).batch)
        state = it.board.groups["pipeline:metrics"]["exporter:out"]
        assert state.report.status is Status.RECOVERABLE_ERROR
        assert "ようこそ" in (state.report.error or "")
        answer = await ask(Kept.built[-1])
        total = it.telemetry.total
        assert total("otelcol_exporter_sent_metric_points", exporter="out") == 1
        assert total("otelcol_exporter_send_failed_metric_points", exporter="out") == 1
        name = "penstock_exporter_prometheus_dropped_points"
        assert total(name, exporter="out", reason="unnamed") == 1
        assert total("penstock_exporter_prometheus_scrapes", exporter="out") == 1
    assert answer.body == b"# TYPE depth gauge\ndepth 1\n"


@in_loop
async def test_a_large_batch_lets_others_run_in_between() -> None:
    metrics = Metrics()
    for number in range(20_000):
        metrics.sum("requests", 1, start=1, temporality=DELTA, path=str(number))
    async with running() as exporter:
        batch, turns = metrics.batch, 0
        sending = asyncio.ensure_future(exporter.send(batch))
        while not sending.done():
            turns += 1
            await asyncio.sleep(0)
    assert turns >= 4


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "endpoint"),
        ({"endpoint": "localhost:1", "metric_expiration": "10ms"}, "metric_expiration"),
        ({"endpoint": "localhost:1", "translation_strategy": "None"}, "translation_strategy"),
        (
            {
                "endpoint": "localhost:1",
                "resource_constant_labels": {"included": ["a"]},
                "resource_to_telemetry_conversion": {"enabled": True},
            },
            "keep the latter",
        ),
    ],
)
def test_settings_that_make_no_sense_are_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Config.model_validate(options)


@pytest.mark.parametrize(
    ("labels", "promoted"),
    [
        ({}, ""),
        ({"enabled": True}, "host.name service.name k8s.pod.name"),
        ({"enabled": True, "exclude_service_attributes": True}, "host.name k8s.pod.name"),
        ({"included": ["k8s.*", "host.nam?"]}, "host.name k8s.pod.name"),
        ({"included": ["*"], "excluded": ["k8s.pod.*"]}, "host.name service.name"),
        ({"excluded": ["service.name"]}, "host.name k8s.pod.name"),
        ({"included": ["[hk]*"]}, ""),
    ],
)
def test_attributes_of_resources_become_labels_by_wildcards(
    labels: dict[str, Any], promoted: str
) -> None:
    config = Config.model_validate({"endpoint": ":0", "resource_constant_labels": labels})
    keys = ["host.name", "service.name", "k8s.pod.name"]
    assert " ".join(filter(config.resource_constant_labels.promoted, keys)) == promoted
