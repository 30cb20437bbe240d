"""Who may send to a server of aiohttp's, and how much at a time."""

from __future__ import annotations

import hashlib
import os
import time
from typing import TYPE_CHECKING

from penstock.pipeline import Refused

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from penstock.pipeline.auth import ServerAuthenticator

MAX_TRUSTED = 10_000
"""Credentials that are kept in mind."""

OVERLOADED = "too much is waiting to be processed"


class Doorkeeper:
    """Asks an authenticator, and those that it accepted not again for as long as it says."""

    def __init__(self, authenticator: ServerAuthenticator) -> None:
        self.challenge = authenticator.challenge
        self._authenticator = authenticator
        self._key = os.urandom(32)
        self._trusted: dict[bytes, float] = {}
        self._unfollow = authenticator.follow(self._trusted.clear)

    async def admit(self, headers: Mapping[str, Sequence[str]]) -> None:
        """Raises `Unauthenticated` or `Refused` as the authenticator does."""
        mark = self._mark(headers)
        if self._trusted.get(mark, 0.0) > time.monotonic():
            return
        await self._authenticator.authenticate(headers)
        if len(self._trusted) >= MAX_TRUSTED:
            self._trusted.clear()
        trust = self._authenticator.trust
        self._trusted[mark] = time.monotonic() + (float("inf") if trust is None else trust)

    def close(self) -> None:
        """Ask no more."""
        self._unfollow()

    def _mark(self, headers: Mapping[str, Sequence[str]]) -> bytes:
        """What credentials are known by: nobody can read them out of it."""
        names = sorted(self._authenticator.credentials)
        shown = repr([(name, list(headers.get(name, ()))) for name in names])
        return hashlib.blake2b(shown.encode(), key=self._key, digest_size=32).digest()


class Room:
    """Bytes of requests that wait inside a receiver, up to a limit."""

    def __init__(self, limit: int) -> None:
        self.held = 0
        self._limit = limit

    def take(self, size: int) -> None:
        """Hold so many bytes more. Raises `Refused` where there is no room."""
        if self.held and self.held + size > self._limit:
            raise Refused(OVERLOADED)
        self.held += size

    def give_back(self, size: int) -> None:
        """Hold so many bytes less."""
        self.held -= size
