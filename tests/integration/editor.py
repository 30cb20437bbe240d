"""An editor: a client of the YAML language server that editors use (Language Server Protocol)."""

from __future__ import annotations

import json
import queue
import subprocess
import threading
from typing import TYPE_CHECKING, Any, Self

from tests.integration.program import PATIENCE

if TYPE_CHECKING:
    from pathlib import Path

SERVER = "yaml-language-server@1.25.0"


class Editor:
    """A folder's files in an editor. Use it as a context manager, which starts the server."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sent = 0
        self._received: queue.Queue[dict[str, Any]] = queue.Queue()

    @staticmethod
    def install(folder: Path) -> Path:
        """Install the server into the folder; the program to start."""
        quiet = ["--no-audit", "--no-fund", "--loglevel=error"]
        subprocess.run(["npm", "install", *quiet, "--prefix", folder, SERVER], check=True)
        return folder / "node_modules" / ".bin" / "yaml-language-server"

    def __enter__(self) -> Self:
        program = self.install(self._folder)
        self._process = subprocess.Popen(
            [program, "--stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        threading.Thread(target=self._read, daemon=True).start()
        self._ask("initialize", {"rootUri": self._folder.as_uri(), "capabilities": {}})
        self._tell("initialized", {})
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def keys_at_end(self, text: str) -> set[str]:
        """What the editor offers behind the text, which is a whole file but for its end."""
        uri = self._open(text)
        lines = text.split("\n")
        position = {"line": len(lines) - 1, "character": len(lines[-1])}
        where = {"textDocument": {"uri": uri}, "position": position}
        offered = self._ask("textDocument/completion", where)["items"]
        return {item["label"] for item in offered}

    def marked(self, text: str) -> list[tuple[int, str]]:
        """What the editor marks as wrong in a file: the line, from 1, and what it says."""
        uri = self._open(text)
        while True:
            message = self._receive()
            told = message.get("params", {})
            if message.get("method") == "textDocument/publishDiagnostics" and told["uri"] == uri:
                return [
                    (it["range"]["start"]["line"] + 1, it["message"]) for it in told["diagnostics"]
                ]

    def _open(self, text: str) -> str:
        uri = (self._folder / f"file{self._sent}.yaml").as_uri()
        document = {"uri": uri, "languageId": "yaml", "version": 1, "text": text}
        self._tell("textDocument/didOpen", {"textDocument": document})
        return uri

    def _ask(self, method: str, params: dict[str, Any]) -> Any:
        self._sent += 1
        number = self._sent
        self._send({"id": number, "method": method, "params": params})
        while True:
            message = self._receive()
            if message.get("id") == number and "method" not in message:
                return message["result"]

    def _tell(self, method: str, params: dict[str, Any]) -> None:
        self._sent += 1
        self._send({"method": method, "params": params})

    def _send(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self._process.stdin
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self._process.stdin.flush()

    def _receive(self) -> dict[str, Any]:
        """The next message. A question of the server's is answered with nothing on the way."""
        message = self._received.get(timeout=PATIENCE)
        if "id" in message and "method" in message:
            self._send({"id": message["id"], "result": None})
        return message

    def _read(self) -> None:
        stream = self._process.stdout
        assert stream
        while header := stream.readline():
            length = int(header.removeprefix(b"Content-Length: "))
            stream.readline()
            self._received.put(json.loads(stream.read(length)))
