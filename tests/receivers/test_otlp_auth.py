"""Nothing of a request is read before its credentials are accepted: at every address, in every
protocol, whatever is wrong with them."""

from __future__ import annotations

import asyncio
import gzip
import http.client
from base64 import b64encode
from contextlib import asynccontextmanager
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import pytest

from penstock.extensions import _credentials, basicauth, bearertokenauth
from penstock.pipeline import Signal
from penstock.receivers._listener import MIB
from penstock.receivers.otlp import GRPC_METHODS
from tests.kit import context, in_loop, spans
from tests.receivers.clients import JSON, PROTOBUF
from tests.receivers.raw_http2 import GRPC_HEAD, H2Sender, framed
from tests.receivers.test_otlp import Stage, running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from penstock.receivers.otlp import Otlp

Headers = list[tuple[str, str]]

UNAUTHENTICATED = (401, 16)
"""What who is refused is told, by HTTP or by gRPC."""

MAX_HTTP = 4096
"""Bytes of a body; gRPC's least limit is 1 MiB."""

TOKENS = {"now": "t0kenNow", "before": "t0kenBefore"}
PASSWORDS = {"now": "pAssNow", "before": "pAssBefore"}

SPAN = spans(1).to_otlp()
JSON_SPAN = spans(1).to_json()


def bearer(token: str, scheme: str = "Bearer") -> Headers:
    """A token as a sender sends it."""
    return [("authorization", f"{scheme} {token}")]


def basic(password: str, user: str = "anna") -> Headers:
    """A user and a password as a sender sends them."""
    pair = b64encode(f"{user}:{password}".encode()).decode()
    return [("authorization", f"Basic {pair}")]


class Listener(NamedTuple):
    """An address and what is accepted there."""

    name: str
    credentials: Callable[[str], Headers]
    secrets: dict[str, str]
    of_others: Headers

    @property
    def good(self) -> Headers:
        return self.credentials(self.secrets["now"])

    def wrong(self) -> dict[str, Headers]:
        """Everything that must be refused."""
        secret = self.secrets["now"]
        ((_, value),) = self.good
        scheme, _, rest = value.partition(" ")
        return {
            "absent": [],
            "empty": [("authorization", "")],
            "only the scheme": [("authorization", f"{scheme} ")],
            "no scheme": [("authorization", rest)],
            "wrong": self.credentials("x" * len(secret)),
            "prefix": self.credentials(secret[:-1]),
            "longer": self.credentials(f"{secret}x"),
            "other case": self.credentials(secret.swapcase()),
            "twice": self.good * 2,
            "second of two": [*self.credentials("wrong"), *self.good],
            "first of two": [*self.good, *self.credentials("wrong")],
            "two in one": [("authorization", f"{value}, {value}")],
            "removed by a reload": self.credentials(self.secrets["before"]),
            "somebody else's": self.of_others,
            "in another header": [("proxy-authorization", value)],
            "as a cookie": [("cookie", f"authorization={value}")],
            "huge": [("authorization", f"{scheme} {'x' * 20_000}")],
        }


LISTENERS = [
    Listener("grpc", bearer, TOKENS, basic(PASSWORDS["now"])),
    Listener("http", basic, PASSWORDS, bearer(TOKENS["now"])),
]


@cache
def bodies() -> dict[str, bytes]:
    """What would be answered otherwise if anyone looked at it. Announced as gzip."""
    return {
        "good": gzip.compress(SPAN),
        "malformed": b"\xff" * 100,
        "bomb": gzip.compress(bytes(2 * MIB)),
        "too large": bytes(2 * MAX_HTTP),
        "empty": b"",
    }


class Connection:
    """A sender's connection, by one protocol."""

    def __init__(self, port: int, protocol: str) -> None:
        self._protocol = protocol
        self._port = port
        self._http2 = None if protocol.startswith("HTTP/1") else H2Sender(port)
        self._http1 = http.client.HTTPConnection("127.0.0.1", port, timeout=10)

    def close(self) -> None:
        self._http1.close()
        if self._http2:
            self._http2.socket.close()

    def ask(self, credentials: Headers, body: bytes) -> int:
        """Send a request; the status of the answer, HTTP's or gRPC's."""
        if self._http2 is None:
            return self._ask_http1(credentials, body)
        if self._protocol == "gRPC":
            head = [*GRPC_HEAD, ("grpc-encoding", "gzip"), *credentials]
            length = 2 * MIB if len(body) > MAX_HTTP else None
            message = framed(body, compressed=True, length=length)
            stream = self._http2.request(GRPC_METHODS[Signal.TRACES], message, *head)
            return stream.grpc_code
        head = [("content-type", PROTOBUF), ("content-encoding", "gzip"), *credentials]
        return int(self._http2.request("/v1/traces", body, *head).headers[":status"])

    def _ask_http1(self, credentials: Headers, body: bytes) -> int:
        media = JSON if self._protocol.endswith("JSON") else PROTOBUF
        self._http1.putrequest("POST", "/v1/traces")
        head = [("content-type", media), ("content-encoding", "gzip"), *credentials]
        for name, value in [*head, ("content-length", str(len(body)))]:
            self._http1.putheader(name, value)
        self._http1.endheaders(body)
        response = self._http1.getresponse()
        response.read()
        return response.status


PROTOCOLS = ["gRPC", "HTTP/2", "HTTP/1", "HTTP/1 JSON"]


@asynccontextmanager
async def guarded(folder: Path) -> AsyncIterator[tuple[Otlp, Stage]]:
    """A receiver that takes tokens at one address and passwords at the other, from files."""
    tokens, users = folder / "tokens", folder / "users"
    async with context("extension") as given:
        extensions = {
            "tokens": bearertokenauth.Config(filename=str(tokens)).build(given),
            "users": basicauth.Config.model_validate({"htpasswd": {"file": str(users)}}).build(
                given
            ),
        }
        for extension in extensions.values():
            await extension.start()
        protocols = {
            "grpc": {
                "endpoint": "127.0.0.1:0",
                "auth": {"authenticator": "tokens"},
                "max_recv_msg_size_mib": 1,
            },
            "http": {
                "endpoint": "127.0.0.1:0",
                "auth": {"authenticator": "users"},
                "max_request_body_size": MAX_HTTP,
            },
        }
        stage = Stage()
        async with (
            context("otlp", extensions=extensions) as given_too,
            running(given_too, stage.consume, protocols=protocols) as receiver,
        ):
            yield receiver, stage
        for extension in extensions.values():
            await extension.stop()


def set_secrets(folder: Path, when: str) -> None:
    """Write the files of both authenticators."""
    (folder / "tokens").write_text(f"{TOKENS[when]}\nt0kenOfOthers\n")
    (folder / "users").write_text(f"anna:{PASSWORDS[when]}\nberta:{PASSWORDS[when]}2\n")


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("listener", LISTENERS, ids=lambda listener: listener.name)
@in_loop
async def test_no_credentials_but_the_right_ones_are_let_in(
    listener: Listener, protocol: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_credentials, "INTERVAL", 0.005)
    set_secrets(tmp_path, "before")
    body = gzip.compress(JSON_SPAN if protocol.endswith("JSON") else SPAN)
    taken, unauthenticated = (0, 16) if protocol == "gRPC" else (200, 401)
    async with guarded(tmp_path) as (receiver, stage):
        connection = Connection(receiver.ports[listener.name], protocol)

        async def ask(credentials: Headers, body: bytes = body) -> int:
            return await asyncio.to_thread(connection.ask, credentials, body)

        assert await ask(listener.credentials(listener.secrets["before"])) == taken
        set_secrets(tmp_path, "now")
        async with asyncio.timeout(5):
            while await ask(listener.credentials(listener.secrets["before"])) == taken:
                pass
        assert await ask(listener.good) == taken, "what changed applies to open connections"
        before = stats(receiver)

        leaks = {
            (case, name): answer
            for case, credentials in listener.wrong().items()
            for name, content in bodies().items()
            if (answer := await ask(credentials, content)) != unauthenticated
        }

        assert leaks == {}
        after = stats(receiver)
        assert after.pop("unauthenticated") - before.pop("unauthenticated") == len(
            listener.wrong()
        ) * len(bodies())
        assert after == before, "nothing of them has been looked at"
        assert await ask(listener.good) == taken
        connection.close()
    assert stage.got, "what was let in has arrived"


def stats(receiver: Otlp) -> dict[str, int]:
    """What the server counts."""
    assert receiver._intake
    return receiver._intake.stats()
