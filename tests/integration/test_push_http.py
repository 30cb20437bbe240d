"""What pushes to `push_http` as its users do: a client library, curl, and a tester of its own
description."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import (
    basic_auth_handler,
    delete_from_gateway,
    push_to_gateway,
    pushadd_to_gateway,
)

from tests.integration.pushed import Pushed
from tests.integration.recorder import Recorder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

TIMES = {"push_time_seconds", "push_failure_time_seconds"}

BODY = "Hello, World!"
SIGNED = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
"""GitHub's own example of a signature, by the secret below."""

curl = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


class WithPassword(Pushed):
    """Takes pushes of who knows the password."""

    def settings(self, exporters: Mapping[str, Any]) -> dict[str, Any]:
        settings = super().settings(exporters)
        settings["extensions"]["basicauth"] = {"htpasswd": {"inline": "me:secret"}}
        settings["service"]["extensions"].append("basicauth")
        settings["receivers"]["push_http"]["auth"] = {"authenticator": "basicauth"}
        return settings


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    with Recorder() as found:
        yield found


@pytest.fixture
def penstock(recorder: Recorder, tmp_path: Path) -> Iterator[Pushed]:
    with Pushed(tmp_path, _to(recorder)) as running:
        yield running


def _to(recorder: Recorder) -> dict[str, Any]:
    return {"otlp": {"endpoint": recorder.address, "tls": {"insecure": True}}}


def points(recorder: Recorder) -> dict[str, Any]:
    """The newest point of each metric, the times of pushes left out."""
    metrics = [
        metric
        for request in recorder.requests("metrics")
        for resource in request.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        if metric.name not in TIMES
    ]
    return {it.name: getattr(it, it.WhichOneof("data")).data_points[-1] for it in metrics}


def bodies(recorder: Recorder) -> set[str]:
    """The texts of all log records."""
    return {
        record.body.string_value
        for request in recorder.requests("logs")
        for resource in request.resource_logs
        for scope in resource.scope_logs
        for record in scope.log_records
    }


def test_prometheus_client_pushes_adds_and_deletes(penstock: Pushed, recorder: Recorder) -> None:
    registry = CollectorRegistry()
    Counter("orders", "How many.", ["shop"], registry=registry).labels("a").inc(3)
    Histogram("wait", "How long.", buckets=(1, 5), registry=registry).observe(2)
    key = {"instance": "a/b", "path": ""}
    push_to_gateway(penstock.address, "nightly", registry, key)
    penstock.wait_until(lambda: {"orders_total", "wait"} <= points(recorder).keys())
    found = points(recorder)
    assert found["orders_total"].as_double == 3
    assert list(found["wait"].bucket_counts) == [0, 1, 0]

    other = CollectorRegistry()
    Gauge("last_run", "When.", registry=other).set(7)
    pushadd_to_gateway(penstock.address, "nightly", other, key)
    penstock.wait_until(lambda: "last_run" in points(recorder))
    delete_from_gateway(penstock.address, "nightly", key)
    penstock.wait_until(lambda: points(recorder)["orders_total"].flags == 1)
    assert points(recorder)["last_run"].flags == 1


def test_prometheus_client_knows_a_password(recorder: Recorder, tmp_path: Path) -> None:
    def handler(password: str) -> Callable[..., Callable[[], None]]:
        def handle(**request: Any) -> Callable[[], None]:
            return basic_auth_handler(username="me", password=password, **request)

        return handle

    registry = CollectorRegistry()
    Gauge("last_run", "When.", registry=registry).set(7)
    with WithPassword(tmp_path, _to(recorder)) as penstock:
        with pytest.raises(OSError, match="401"):
            push_to_gateway(penstock.address, "nightly", registry, handler=handler("guess"))
        push_to_gateway(penstock.address, "nightly", registry, handler=handler("secret"))
        penstock.wait_until(lambda: "last_run" in points(recorder))


@curl
def test_curl_pushes_as_the_pushgateway_tells_its_users(
    penstock: Pushed, recorder: Recorder
) -> None:
    told = penstock.curl("/metrics/job/some_job", "--data-binary", "@-", body=b"some_metric 3.14\n")
    assert told == (200, "")
    body = b'# TYPE other counter\n# HELP other Just an example.\nother{a="1"} 42\n'
    path = "/metrics/job/cleaner/path@base64/L3Zhci90bXA"
    packed = ["-H", "Content-Encoding: gzip", "--data-binary", "@-"]
    assert penstock.curl(path, *packed, body=gzip.compress(body)) == (200, "")
    status, why = penstock.curl(
        "/metrics/job/third", "--data-binary", "@-", body=b"# TYPE other gauge\nother 1\n"
    )
    assert (status, "another type" in why) == (400, True)
    assert penstock.curl(path, "-X", "DELETE") == (202, "")
    penstock.wait_until(lambda: "other" in points(recorder) and points(recorder)["other"].flags)
    assert points(recorder)["some_metric"].as_double == 3.14


@curl
def test_curl_writes_lines_of_influx(penstock: Pushed, recorder: Recorder) -> None:
    lines = b"cpu,host=a idle=98.5,user=1i 1700000000\nwrong\n"
    status, why = penstock.curl("/write?db=d&precision=s", "--data-binary", "@-", body=lines)
    assert (status, json.loads(why)["error"].endswith("dropped=1")) == (400, True)
    assert penstock.curl("/api/v2/write?bucket=b", "--data-binary", "mem free=5i") == (204, "")
    penstock.wait_until(lambda: {"cpu_idle", "cpu_user", "mem_free"} <= points(recorder).keys())
    assert points(recorder)["cpu_idle"].time_unix_nano == 1_700_000_000 * 10**9


@curl
def test_curl_pushes_json_and_a_webhook(penstock: Pushed, recorder: Recorder) -> None:
    items = json.dumps([{"body": "a"}, {"bdy": "b"}])
    kind = ["-H", "Content-Type: application/json"]
    status, text = penstock.curl("/v1/push/logs", *kind, "-d", items)
    assert (status, json.loads(text)["accepted"]) == (202, 1)
    hook = ["-H", "Content-Type: text/plain", "-d", BODY]
    assert penstock.curl("/hooks/me", *hook)[0] == 401
    signed = ["-H", f"X-Hub-Signature-256: {SIGNED}"]
    assert penstock.curl("/hooks/me", *hook, *signed) == (202, "")
    penstock.expect_delivered("logs", 2)
    assert bodies(recorder) == {"a", BODY}


HOOKS = """
import json, schemathesis

@schemathesis.serializer("application/x-ndjson", "application/ndjson", "application/jsonl")
def lines(context, value):
    return json.dumps(value).encode()
"""
"""How a tester writes the types of body that it does not know."""

CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
]


def test_it_does_what_its_own_description_says(penstock: Pushed, tmp_path: Path) -> None:
    schemathesis = Path(sys.executable).with_name("schemathesis")
    if not schemathesis.exists():
        pytest.skip("schemathesis is not installed")
    (tmp_path / "hooks.py").write_text(HOOKS)
    done = subprocess.run(
        [
            str(schemathesis),
            "run",
            f"{penstock.address}/openapi.json",
            f"--checks={','.join(CHECKS)}",
            "--max-examples=15",
            "--phases=examples,coverage,fuzzing",
            "--seed=1",
            "--generation-database=none",
            "--no-color",
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path), "SCHEMATHESIS_HOOKS": "hooks"},
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    assert penstock.is_alive
    penstock.expect_balance("metrics")
    penstock.expect_balance("logs")
