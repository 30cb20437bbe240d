"""A back end that takes documents: it counts those of every request of the bulk API."""

from __future__ import annotations

import gzip
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

from bench.load import Sink
from bench.process import LOAD_CORE, on_core

ROOT = json.dumps({"version": {"number": "2.19.0", "distribution": "opensearch"}}).encode()
CREATED = b'{"create":{"status":201}}'
LINES_OF_DOCUMENT = 2
"""The action, and the document."""


class BulkSink(Sink):
    """Takes documents as OpenSearch does, beside the load."""

    def __init__(self) -> None:
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self.address = f"127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        with on_core(LOAD_CORE):
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def count(self, signal: str) -> int:  # noqa: ARG002
        """How many documents have arrived since the start."""
        return self._server.documents


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self.documents = 0
        self.counting = threading.Lock()


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self._answer(ROOT)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers["Content-Encoding"] == "gzip":
            body = gzip.decompress(body)
        documents = body.count(b"\n") // LINES_OF_DOCUMENT
        self._answer(b'{"items":[%s]}' % b",".join([CREATED] * documents))
        with self.server.counting:
            self.server.documents += documents

    def log_message(self, *_: object) -> None:
        """Requests are not worth a line each."""

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
