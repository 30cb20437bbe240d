from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from penstock.cli.commands import app

if TYPE_CHECKING:
    from collections.abc import Iterator

REPORT = {
    "metrics/cardinality_limit": {
        "dry_run": False,
        "series": 90,
        "budgets": [{"rule": "max_series", "of": "", "series": 90, "limit": 100}],
        "metrics": [{"metric": "requests", "series": 80}],
        "labels": [{"metric": "requests", "label": "user", "values": 1200}],
        "limited": [{"metric": "requests", "rule": "max_series", "points": 7}],
    }
}


@contextmanager
def service(body: bytes, status: int = 200) -> Iterator[str]:
    """A server that answers every request so, and its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


def test_people_read_a_table_for_each_question() -> None:
    with service(json.dumps(REPORT).encode()) as address:
        result = CliRunner().invoke(app, ["cardinality", address])
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "# metrics/cardinality_limit: 90 series, budgets",
        "max_series\t\t90\t100",
        "# metrics/cardinality_limit: 90 series, metrics",
        "requests\t80",
        "# metrics/cardinality_limit: 90 series, labels",
        "requests\tuser\t1200",
        "# metrics/cardinality_limit: 90 series, limited",
        "requests\tmax_series\t7",
    ]


def test_programs_read_json() -> None:
    with service(json.dumps(REPORT).encode()) as address:
        result = CliRunner().invoke(app, ["cardinality", address, "--format", "json"])
    assert json.loads(result.stdout) == REPORT


@pytest.mark.parametrize(
    ("body", "status", "problem"),
    [
        (b"", 404, "has no `cardinality_limit`"),
        (b"<html>", 200, "is no report"),
        (b"", 500, "is no report"),
    ],
)
def test_another_answer_is_an_error(body: bytes, status: int, problem: str) -> None:
    with service(body, status) as address:
        result = CliRunner().invoke(app, ["cardinality", address])
    assert result.exit_code == 1
    assert problem in result.stderr


def test_no_service_is_an_error() -> None:
    result = CliRunner().invoke(app, ["cardinality", "127.0.0.1:1"])
    assert result.exit_code == 1
    assert "is a service running there?" in result.stderr
