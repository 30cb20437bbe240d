"""A hundred secrets in settings, headers, URLs and variables: nothing that Penstock says, whatever
goes wrong, holds one of them, not even in base64 or as a part of a URL."""

from __future__ import annotations

import base64
import http.client
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import grpc
import psutil
import pytest

from penstock.pipeline import Signal
from penstock.receivers.otlp import GRPC_METHODS
from tests.faults.canaries import Canaries
from tests.integration.program import Program, fetch, free_ports
from tests.integration.service import Numbers, command, metrics_page
from tests.kit import spans

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Echo(BaseHTTPRequestHandler):
    """A back end that answers with all that it was sent but the payload, as some do."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        said = json.dumps([self.path, *self.headers.items()])
        self.send_response(int(urlsplit(self.path).path.rpartition("/")[2]), said)
        self.send_header("Location", f"/{said}")
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said.encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class GrpcEcho(grpc.GenericRpcHandler):
    """The same by gRPC."""

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[bytes, bytes]:
        def refuse(_: bytes, context: grpc.ServicerContext) -> bytes:
            context.abort(grpc.StatusCode.UNAUTHENTICATED, repr(details.invocation_metadata))

        return grpc.unary_unary_rpc_method_handler(refuse)


STATUSES = (307, 400, 401, 403, 404, 413, 500, 503)


def exporters(canaries: Canaries, echo: int, grpc_echo: int, nobody: int) -> dict[str, Any]:
    """Exporters that send secrets to back ends that echo them, or that are not there."""
    ways: dict[str, Any] = {
        f"otlphttp/{status}": {
            "traces_endpoint": f"http://127.0.0.1:{echo}/{status}?api_key={{canary}}",
            "auth": {"authenticator": f"{authenticator}/out"},
        }
        for status in STATUSES
        for authenticator in ["basicauth" if status % 2 else "bearertokenauth"]
    }
    for name, address in (
        ("echo", f"http://127.0.0.1:{grpc_echo}"),
        ("http", f"http://127.0.0.1:{echo}"),
        ("nobody", f"http://127.0.0.1:{nobody}"),
        ("encrypted", f"https://127.0.0.1:{nobody}"),
    ):
        ways[f"otlp/{name}"] = {"endpoint": address}
        ways[f"otlphttp/{name}"] = {"traces_endpoint": f"{address}/400?api_key={{canary}}"}
    ways["otlp/basic"] = {
        "endpoint": f"http://127.0.0.1:{grpc_echo}",
        "auth": {"authenticator": "basicauth/out"},
    }
    common = {
        "headers": {
            "x-api-key": "{canary}",
            "x-tenant": "Token {canary}",
            "cookie": "a={canary}",
            "x-sign": "{canary}",
        },
        "retry_on_failure": {"enabled": False},
        "timeout": "2s",
    }
    planted = {id_: canaries.plant(way | common, f"exporters.{id_}") for id_, way in ways.items()}
    return {id_: quoted(way) for id_, way in planted.items()}


def quoted(exporter: Any) -> Any:
    """The exporter, the secret in its URL written as URLs have it."""
    url, query, key = exporter.get("traces_endpoint", "").partition("?api_key=")
    return (
        exporter | {"traces_endpoint": f"{url}{query}{quote(key, safe='')}"} if query else exporter
    )


def settings(canaries: Canaries, outs: dict[str, Any], echo: int, ports: list[int]) -> Any:
    """A file with a secret in every place that takes one."""
    grpc_port, http_port, open_port, health, metrics = ports
    extensions = {
        "bearertokenauth/in": {"tokens": ["{canary}"] * 10},
        "bearertokenauth/out": {"token": "{canary}"},
        "basicauth/in": {"htpasswd": {"inline": "user:{canary}\nother:{canary}"}},
        "basicauth/out": {"client_auth": {"username": "user", "password": "{canary}"}},
        "health_check": {"endpoint": f"127.0.0.1:{health}"},
    }
    address = {"endpoint": f"127.0.0.1:{grpc_port}"}
    push = {
        "otlp": {
            "protocol": "http/protobuf",
            "endpoint": f"http://127.0.0.1:{echo}/401",
            "headers": {"authorization": "Bearer {canary}", "x-key": "{canary}"},
            "timeout": 500,
        }
    }
    whole = {
        "receivers": {
            "otlp/bearer": {
                "protocols": {
                    "grpc": address | {"auth": {"authenticator": "bearertokenauth/in"}},
                }
            },
            "otlp/basic": {
                "protocols": {
                    "http": {
                        "endpoint": f"127.0.0.1:{http_port}",
                        "auth": {"authenticator": "basicauth/in"},
                    }
                }
            },
            "otlp/open": {"protocols": {"http": {"endpoint": f"127.0.0.1:{open_port}"}}},
        },
        "extensions": extensions,
        "service": {
            "extensions": list(extensions),
            "telemetry": {
                "logs": {
                    "level": "debug",
                    "encoding": "json",
                    "processors": [{"batch": {"exporter": push}}],
                },
                "metrics": {
                    "level": "detailed",
                    "readers": [
                        metrics_page(metrics),
                        {"periodic": {"interval": 200, "exporter": push}},
                    ],
                },
                "traces": {"processors": [{"batch": {"exporter": push}}]},
            },
            "pipelines": {
                "traces": {
                    "receivers": ["otlp/bearer", "otlp/basic", "otlp/open"],
                    "exporters": list(outs),
                }
            },
        },
    }
    planted = canaries.plant(whole, "file")
    assert isinstance(planted, dict)
    return planted | {"exporters": outs}


@pytest.fixture
def echo() -> Iterator[int]:
    """The port of a back end that echoes."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def grpc_echo() -> Iterator[int]:
    """The same by gRPC."""
    server = grpc.server(ThreadPoolExecutor(2), [GrpcEcho()])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield port
    server.stop(None).wait()


def post(port: int, **headers: str) -> int:
    """Send a span; the status of the answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    usual = {"Content-Type": "application/x-protobuf"}
    connection.request("POST", "/v1/traces", spans(1).to_otlp(), usual | headers)
    status = connection.getresponse().status
    connection.close()
    return status


def call(port: int, token: str) -> grpc.StatusCode:
    """Send a span by gRPC, with that token."""
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        export: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(
            GRPC_METHODS[Signal.TRACES]
        )
        metadata = (("authorization", f"Bearer {token}"),)
        sent = export.future(spans(1).to_otlp(), metadata=metadata, timeout=10)
        code: grpc.StatusCode = sent.code()
        return code


def test_a_running_penstock_says_no_secret(tmp_path: Path, echo: int, grpc_echo: int) -> None:
    canaries = Canaries()
    nobody, *ports = free_ports(6)
    grpc_port, http_port, open_port, health, metrics = ports
    outs = exporters(canaries, echo, grpc_echo, nobody)
    whole = settings(canaries, outs, echo, ports)
    file = tmp_path / "penstock.yaml"
    file.write_text(json.dumps(whole))
    environ = {"UNUSED_SECRET": canaries.new("environment")}
    program = Program("penstock", command("run", "-c", str(file)), tmp_path, environ)

    def numbers() -> Numbers:
        return Numbers(fetch(f"http://127.0.0.1:{metrics}/metrics") or b"")

    with program:
        program.wait_until(lambda: fetch(f"http://127.0.0.1:{health}/"))
        wrong = canaries.new("what a stranger sent")
        assert call(grpc_port, wrong) is grpc.StatusCode.UNAUTHENTICATED
        login = base64.b64encode(f"user:{wrong}".encode()).decode()
        assert post(http_port, Authorization=f"Basic {login}") == 401
        assert post(open_port, Authorization=f"Basic {login}") == 200
        failed = "otelcol_exporter_send_failed_spans_total"
        program.wait_until(lambda: numbers().total(failed) >= len(outs))
        pages = [fetch(f"http://127.0.0.1:{metrics}/metrics")]
        pages += [fetch(f"http://127.0.0.1:{health}{path}") for path in ("/", "/status?verbose")]
        arguments = psutil.Process(program.pid).cmdline()
    assert len(canaries) >= 100
    assert all(pages)
    said = b"\n".join(page or b"" for page in pages).decode() + program.output()
    assert "otlphttp/401" in said, "there was nothing to say"
    assert canaries.sung(said + " ".join(arguments)) == []
