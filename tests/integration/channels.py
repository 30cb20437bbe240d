"""The channels that alerts go to: web hooks and a mail server that keep what they are sent."""

from __future__ import annotations

import json
from email import message_from_bytes, policy
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Thread
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from email.message import EmailMessage


class Channels:
    """What came, by the path of the hook; and the mails."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self._posts: list[tuple[str, Any]] = []
        self._hooks = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Hook, self._posts))
        self._mail = ThreadingTCPServer(("127.0.0.1", 0), partial(_Mail, self.mails))
        self._mail.daemon_threads = True
        self._threads = [
            Thread(target=partial(server.serve_forever, 0.01)) for server in self._servers
        ]

    @property
    def _servers(self) -> tuple[ThreadingHTTPServer, ThreadingTCPServer]:
        return self._hooks, self._mail

    @property
    def mail_address(self) -> str:
        """The mail server's."""
        return f"127.0.0.1:{self._mail.server_address[1]}"

    def url(self, path: str) -> str:
        """The hook of that path."""
        return f"http://127.0.0.1:{self._hooks.server_port}/{path}"

    def came(self, path: str) -> list[Any]:
        """What was posted there, in order."""
        return [body for at, body in list(self._posts) if at == f"/{path}"]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for server, thread in zip(self._servers, self._threads, strict=True):
            server.shutdown()
            thread.join()
            server.server_close()


class _Hook(BaseHTTPRequestHandler):
    def __init__(self, posts: list[tuple[str, Any]], *connection: Any) -> None:
        self._posts = posts
        super().__init__(*connection)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self._posts.append((self.path, json.loads(body)))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _Mail(StreamRequestHandler):
    """As much of RFC 5321 as it takes to be handed a mail."""

    def __init__(self, mails: list[EmailMessage], *connection: Any) -> None:
        self._mails = mails
        super().__init__(*connection)

    def handle(self) -> None:
        self.wfile.write(b"220 ready\r\n")
        for line in self.rfile:
            verb = line[:4].upper()
            if verb == b"DATA":
                self._take()
            self.wfile.write(b"221 bye\r\n" if verb == b"QUIT" else b"250 fine\r\n")
            if verb == b"QUIT":
                return

    def _take(self) -> None:
        self.wfile.write(b"354 go on\r\n")
        text = b"".join(iter(self.rfile.readline, b".\r\n"))
        self._mails.append(message_from_bytes(text, policy=policy.default))
