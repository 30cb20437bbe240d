"""A DNS server for tests, which a program sees as the system's."""

from __future__ import annotations

import os
import shlex
import socket
import subprocess
import threading
from functools import cache
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

HOST, PORT = "127.0.0.53", 53
"""Where it listens: the system asks no other port."""

_A, _IN, _SECONDS = 1, 1, 0


class Names:
    """Answers for every name with the addresses that it has at the time, or not at all."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = list(addresses)
        self.answers = True
        """Whether it answers."""
        self.asked = 0
        """How often it was asked for addresses."""
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> Self:
        self._socket.bind((HOST, PORT))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
            own.sendto(b"", (HOST, PORT))
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while True:
            query, sender = self._socket.recvfrom(512)
            if not query:
                return
            if self.answers:
                self._socket.sendto(self._answer(query), sender)

    def _answer(self, query: bytes) -> bytes:
        """The answer to a query of one name (RFC 1035, section 4)."""
        end = query.index(b"\0", 12) + 5
        kind = int.from_bytes(query[end - 4 : end - 2], "big")
        self.asked += kind == _A
        found = [socket.inet_aton(it) for it in self.addresses] if kind == _A else []
        counts = b"".join(number.to_bytes(2, "big") for number in (1, len(found), 0, 0))
        named, of = b"\xc0\x0c", _A.to_bytes(2, "big") + _IN.to_bytes(2, "big")
        records = (named + of + _SECONDS.to_bytes(4, "big") + b"\0\4" + it for it in found)
        return query[:2] + b"\x81\x80" + counts + query[12:end] + b"".join(records)


def seeing(command: Sequence[str], folder: Path) -> list[str]:
    """`command` in a mount namespace in which the system asks that server."""
    file = folder / "resolv.conf"
    file.write_text(f"nameserver {HOST}\n")
    mount = shlex.join(["mount", "--bind", str(file), "/etc/resolv.conf"])
    return ["unshare", "--mount", "sh", "-c", f"{mount} && exec {shlex.join(command)}"]


@cache
def can_see() -> bool:
    """Whether this user may do so."""
    mount = "mount --bind /dev/null /etc/resolv.conf"
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", mount], capture_output=True, check=False
    )
    return os.geteuid() == 0 and done.returncode == 0
