"""The prometheus receiver beside the Collector's, and before a real Prometheus."""

from __future__ import annotations

import json
import threading
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

from google.protobuf.json_format import MessageToDict

from tests.integration.program import Program, eventually, fetch, free_ports
from tests.integration.recorder import Recorder
from tests.integration.service import command
from tests.prometheus.expositions import expositions

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.peers import Peers

TYPES = {
    "text": "text/plain; version=0.0.4",
    "openmetrics": "application/openmetrics-text; version=1.0.0; charset=utf-8",
    "protobuf": "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; "
    "encoding=delimited",
}

ODDITIES = b"""# TYPE untyped_thing untyped
untyped_thing{empty="",quoted="a\\"b\\\\c\\nd"} 1.5
no_type 3 1700000000000
# TYPE gone_to_nan gauge
gone_to_nan NaN
{"with.dots","with spaces"="x"} 1
target_info{service_version="1.2"} 1
scoped{otel_scope_name="lib",otel_scope_version="2",otel_scope_x="y"} 1
"""


class Target:
    """Exposes one body at each path."""

    def __init__(self, bodies: dict[str, tuple[str, bytes]]) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                type_, body = bodies[self.path]
                self.send_response(200)
                self.send_header("Content-Type", type_)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def job(name: str, address: str, **options: Any) -> dict[str, Any]:
    quick = {"scrape_interval": "500ms", "scrape_timeout": "400ms"}
    return {"job_name": name, "static_configs": [{"targets": [address]}]} | quick | options


def scraping(jobs: list[dict[str, Any]], recorder: Recorder) -> dict[str, Any]:
    """Settings that either of the two takes."""
    metrics_page = {"level": "none"}
    return {
        "receivers": {"prometheus": {"config": {"scrape_configs": jobs}}},
        "exporters": {"otlp": {"endpoint": recorder.address, "tls": {"insecure": True}}},
        "service": {
            "telemetry": {"metrics": metrics_page},
            "pipelines": {"metrics": {"receivers": ["prometheus"], "exporters": ["otlp"]}},
        },
    }


def metrics(recorder: Recorder) -> Iterator[tuple[Any, Any, Any]]:
    """Every metric that came, with its resource and its scope."""
    for request in recorder.requests("metrics"):
        for resource in request.resource_metrics:
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    yield resource.resource, scope.scope, metric


IGNORED = {"scrape_duration_seconds", "scrape_series_added"}
"""What is different each time, or counted otherwise."""


def seen(recorder: Recorder, service: str) -> dict[str, Any]:
    """The points of each metric of a service but their times, those that came last."""
    found: dict[str, Any] = {}
    for resource, scope, metric in metrics(recorder):
        attributes = _attributes(resource)
        if attributes.get("service.name") != service or metric.name in IGNORED:
            continue
        about = MessageToDict(metric)
        (kind,) = about.keys() & {"gauge", "sum", "histogram", "exponentialHistogram", "summary"}
        points = about[kind].pop("dataPoints")
        for point in points:
            _forget(point)
        name = scope.name if scope.name == "lib" else ""
        found[metric.name] = {
            "resource": attributes,
            "scope": (name, _attributes(scope) if name else {}),
            "points": sorted(json.dumps(point, sort_keys=True) for point in points),
            "about": about,
        }
    return found


def _forget(point: dict[str, Any]) -> None:
    for name in ("timeUnixNano", "startTimeUnixNano"):
        point.pop(name, None)
    for name in [name for name, value in point.items() if not value]:
        point.pop(name)
    point.get("attributes", []).sort(key=lambda pair: pair["key"])


def _attributes(message: Any) -> dict[str, str]:
    return {pair.key: pair.value.string_value for pair in message.attributes}


def test_what_the_collector_makes_of_a_target_penstock_makes_too(
    tmp_path: Path, peers: Peers
) -> None:
    text, openmetrics, protobuf = expositions()
    bodies = {
        "/text": (TYPES["text"], text),
        "/openmetrics": (TYPES["openmetrics"], openmetrics),
        "/protobuf": (TYPES["protobuf"], protobuf),
        "/oddities": (TYPES["text"], ODDITIES),
    }
    with ExitStack() as stack:
        target = stack.enter_context(Target(bodies))
        ours, theirs = (stack.enter_context(Recorder()) for _ in range(2))
        jobs = [job(path[1:], target.address, metrics_path=path) for path in bodies]
        jobs[2] |= {
            "scrape_native_histograms": True,
            "scrape_protocols": ["PrometheusProto", "PrometheusText0.0.4"],
        }
        for name, recorder in (("penstock", ours), ("otelcol", theirs)):
            file = tmp_path / f"{name}.yaml"
            file.write_text(json.dumps(scraping(jobs, recorder)))
        argv = command("run", "-c", str(tmp_path / "penstock.yaml"))
        stack.enter_context(Program("penstock", argv, tmp_path))
        argv = peers.command("otelcol", "run", tmp_path / "otelcol.yaml")
        stack.enter_context(Program("otelcol", argv, tmp_path))
        services = [each["job_name"] for each in jobs]
        eventually(lambda: all(_up(ours, name) >= 2 for name in services))
        eventually(lambda: all(_up(theirs, name) >= 2 for name in services))
    for service in services:
        mine, others = seen(ours, service), seen(theirs, service)
        assert mine.keys() == others.keys(), service
        for name, found in mine.items():
            for what, value in found.items():
                assert value == others[name][what], f"{name} of {service}"


def _up(recorder: Recorder, service: str) -> int:
    return sum(
        metric.name == "up" and _attributes(resource).get("service.name") == service
        for resource, _, metric in metrics(recorder)
    )


def test_a_real_prometheus_is_scraped_with_its_native_histograms(
    tmp_path: Path, peers: Peers
) -> None:
    (port,) = free_ports(1)
    address = f"127.0.0.1:{port}"
    with ExitStack() as stack:
        recorder = stack.enter_context(Recorder())
        argv = peers.command("prometheus", "run", tmp_path / "prometheus")
        environment = {"PROMETHEUS_PORT": str(port)}
        prometheus = stack.enter_context(Program("prometheus", argv, tmp_path, environment))
        prometheus.wait_until(lambda: fetch(f"http://{address}/-/ready"))
        native = {
            "scrape_native_histograms": True,
            "metric_relabel_configs": [
                {"source_labels": ["__name__"], "regex": "go_.*", "action": "drop"}
            ],
        }
        jobs = [job("native", address, **native), job("classic", address)]
        file = tmp_path / "penstock.yaml"
        file.write_text(json.dumps(scraping(jobs, recorder)))
        stack.enter_context(Program("penstock", command("run", "-c", str(file)), tmp_path))
        eventually(lambda: all(_up(recorder, each["job_name"]) >= 2 for each in jobs))
    classic, with_native = seen(recorder, "classic"), seen(recorder, "native")
    name = "prometheus_http_request_duration_seconds"
    assert "histogram" in classic[name]["about"]
    assert "exponentialHistogram" in with_native[name]["about"]
    assert "go_goroutines" in classic
    assert "go_goroutines" not in with_native
    for found in (classic, with_native):
        assert json.loads(found["up"]["points"][0])["asDouble"] == 1
        assert "sum" in found["prometheus_http_requests_total"]["about"]
