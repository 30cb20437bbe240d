"""What a service manager is told, by the protocol of sd_notify(3): ready, alive, reloading,
stopping."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_logger = logging.getLogger("penstock.service")


class Supervisor:
    """Tells systemd, or whoever else `NOTIFY_SOCKET` names, how the service is; otherwise nobody.

    Once it is ready, and as `WATCHDOG_USEC` asks for it, it says again and again that the event
    loop runs: a loop that hangs says nothing, and the service is started anew.
    """

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        name = environ.get("NOTIFY_SOCKET", "")
        self._address = f"\0{name[1:]}" if name.startswith("@") else name
        mine = environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        limit = environ.get("WATCHDOG_USEC", "0")
        self._failed = False
        self._interval = int(limit) / 2e6 if mine and limit.isdigit() else 0.0
        self._watched = False

    def ready(self) -> None:
        """Everything has started, perhaps anew. Needs a running loop."""
        self._tell("READY=1\nSTATUS=Every pipeline runs.")
        if self._address and self._interval and not self._watched:
            self._watched = True
            self._alive()

    def reloading(self) -> None:
        """Other settings take the place of those that run."""
        now = time.monotonic_ns() // 1000
        self._tell(f"RELOADING=1\nMONOTONIC_USEC={now}\nSTATUS=Starting with other settings.")

    def stopping(self) -> None:
        """What is held is being delivered."""
        self._tell("STOPPING=1\nSTATUS=Delivering what is held.")

    def _alive(self) -> None:
        self._tell("WATCHDOG=1")
        asyncio.get_running_loop().call_later(self._interval, self._alive)

    def _tell(self, state: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as to:
                to.sendto(state.encode(), self._address)
        except OSError as error:
            level, self._failed = logging.DEBUG if self._failed else logging.WARNING, True
            _logger.log(level, "The service manager was not told: %s", error)
