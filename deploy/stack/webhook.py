"""Where the stack's alerts end, in place of people: it prints who would be told, and tells by GET.

WEBHOOK_ADDRESS (127.0.0.1:9095) is where it listens. `POST /on-call` is what the receiver `on-call`
is told; `GET /` is the last thousand of what all were told, oldest first.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

LARGEST = 1 << 20
"""Bytes of a message: Alertmanager's have some kilobytes."""

TOLD: deque[dict[str, Any]] = deque(maxlen=1000)


class Hook(BaseHTTPRequestHandler):
    """One request."""

    def do_POST(self) -> None:
        """Take what Alertmanager has to say."""
        body = self.rfile.read(min(int(self.headers.get("Content-Length", 0)), LARGEST))
        try:
            alerts = json.loads(body)["alerts"]
        except (ValueError, TypeError, KeyError):
            self._answer(400, b"This is no message of Alertmanager's.\n")
            return
        for alert in alerts:
            self._tell({"receiver": self.path.strip("/"), **alert})
        self._answer(200, b"")

    def do_GET(self) -> None:
        """Say who was told of what."""
        self._answer(200, json.dumps(list(TOLD), indent=1).encode())

    def _tell(self, told: dict[str, Any]) -> None:
        TOLD.append(told)
        summary = told.get("annotations", {}).get("summary", "")
        print(f"{told['receiver']}: {told.get('status')}: {summary}", flush=True)

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Requests are not worth a line."""


def main() -> None:
    """Serve until SIGTERM."""
    host, _, port = os.environ.get("WEBHOOK_ADDRESS", "127.0.0.1:9095").rpartition(":")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    ThreadingHTTPServer((host, int(port)), Hook).serve_forever()


if __name__ == "__main__":
    main()
