"""Replay: every line is sent once, or stands in the rest."""

from __future__ import annotations

import json
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING

import pytest

from penstock.config.load import load_text
from penstock.pipeline import Batch, Signal
from penstock.replay import replay
from tests.kit import names, records, spans

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from penstock.config.settings import Settings

LETTER = b'{"penstock":{"reason":"permanent","error":"said \\"resourceLogs\\""},'


class BackEnd:
    """An OTLP/HTTP server with a script of status codes; it takes what comes after that."""

    def __init__(self, *script: int) -> None:
        self.script = list(script)
        self.got: list[Batch] = []

    def answer(self, signal: str, body: bytes) -> int:
        status = self.script.pop(0) if self.script else 200
        if status == 200:
            self.got.append(Batch.from_otlp(signal, body))
        return status

    @contextmanager
    def serving(self) -> Iterator[int]:
        subject = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(subject.answer(self.path.removeprefix("/v1/"), body))
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
            yield server.server_port
            server.shutdown()


def settings(port: int, folder: Path) -> Settings:
    """A gateway, of which only the exporter may start: nothing else has a port to listen on."""
    exporter = {
        "endpoint": f"http://127.0.0.1:{port}",
        "compression": "none",
        "retry_on_failure": {"enabled": False},
        "dead_letter": {"directory": str(folder / "letters")},
    }
    document = {
        "receivers": {"otlp": {"protocols": {"grpc": {"endpoint": "no.such.host.invalid:1"}}}},
        "exporters": {"otlphttp": exporter, "prometheus": {"endpoint": "localhost:0"}},
        "extensions": {"health_check": {"endpoint": "no.such.host.invalid:2"}},
        "service": {
            "extensions": ["health_check"],
            "pipelines": {
                "traces": {"receivers": ["otlp"], "exporters": ["otlphttp"]},
                "metrics": {"receivers": ["otlp"], "exporters": ["prometheus"]},
            },
        },
    }
    return load_text(json.dumps(document), "gateway.yaml", {})


def lines(*batches: Batch) -> bytes:
    return b"".join(LETTER + batch.to_json()[1:] + b"\n" for batch in batches)


def test_every_line_of_every_file_is_sent_and_nothing_is_left(tmp_path: Path) -> None:
    one, two = tmp_path / "1.jsonl", tmp_path / "2.jsonl"
    one.write_bytes(lines(spans(2, "a"), spans(1, "b")))
    two.write_bytes(lines(records(3)))
    back_end = BackEnd()
    with back_end.serving() as port:
        outcome = replay(settings(port, tmp_path), "otlphttp", [one, two])
    assert (outcome.sent, outcome.faults, outcome.left) == (6, [], [])
    assert [batch.signal for batch in back_end.got] == [Signal.TRACES, Signal.TRACES, Signal.LOGS]
    assert names(back_end.got[:2]) == ["a 0", "a 1", "b 0"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1.jsonl", "2.jsonl"]


def test_what_the_back_end_never_takes_is_left_and_the_rest_is_sent(tmp_path: Path) -> None:
    file = tmp_path / "1.jsonl"
    file.write_bytes(lines(spans(1, "a"), spans(1, "b")) + b"no json\n" + lines(spans(1, "c")))
    back_end = BackEnd(200, 400)
    with back_end.serving() as port:
        outcome = replay(settings(port, tmp_path), "otlphttp", [file])
    assert names(back_end.got) == ["a 0", "c 0"]
    assert outcome.left == [tmp_path / "1.jsonl.left"]
    assert outcome.left[0].read_bytes() == lines(spans(1, "b")) + b"no json\n"
    assert [fault.partition(": ")[0] for fault in outcome.faults] == [f"{file}:2", f"{file}:3"]


def test_it_ends_when_the_back_end_takes_nothing_for_now(tmp_path: Path) -> None:
    files = [tmp_path / "1.jsonl", tmp_path / "2.jsonl"]
    for file in files:
        file.write_bytes(lines(spans(1, "a"), spans(1, "b"), spans(1, "c")))
    back_end = BackEnd(200, 503)
    with back_end.serving() as port:
        outcome = replay(settings(port, tmp_path), "otlphttp", files)
        assert names(back_end.got) == ["a 0"]
        assert len(outcome.faults) == 1
        assert [left.read_bytes().count(b"\n") for left in outcome.left] == [2, 3]
        outcome = replay(settings(port, tmp_path), "otlphttp", outcome.left)
    assert names(back_end.got) == ["a 0", "b 0", "c 0", "a 0", "b 0", "c 0"]
    assert outcome.left == []


def test_a_line_that_is_still_being_written_is_not_read(tmp_path: Path) -> None:
    file = tmp_path / "1.jsonl"
    file.write_bytes(lines(spans(1, "a")) + lines(spans(1, "b"))[:50])
    back_end = BackEnd()
    with back_end.serving() as port:
        outcome = replay(settings(port, tmp_path), "otlphttp", [file])
    assert names(back_end.got) == ["a 0"]
    assert outcome.faults == []
    assert outcome.read[file] < file.stat().st_size


def test_signals_that_the_exporter_does_not_carry_are_left(tmp_path: Path) -> None:
    file = tmp_path / "1.jsonl"
    file.write_bytes(lines(spans(1)))
    outcome = replay(settings(1, tmp_path), "prometheus", [file])
    assert outcome.faults == [f"{file}:1: the exporter does not carry traces"]


@pytest.mark.parametrize("content", [b"", b"\n", b"{}\n", b"[" * 100_000 + b"\n", b"\xff\n"])
def test_any_file_may_be_given(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "1.jsonl"
    file.write_bytes(content)
    outcome = replay(settings(1, tmp_path), "otlphttp", [file])
    assert (outcome.sent, len(outcome.faults)) == (0, bool(content))
