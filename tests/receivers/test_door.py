"""Who is admitted to a server of aiohttp's, and how much fits into it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from penstock.pipeline import Refused
from penstock.pipeline.auth import ServerAuthenticator, only
from penstock.pipeline.errors import Unauthenticated
from penstock.receivers import _door
from penstock.receivers._door import Doorkeeper, Room
from tests.kit import in_loop

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Authenticator(ServerAuthenticator):
    """Accepts one password, and counts how often it is asked."""

    credentials = frozenset({"authorization"})
    challenge = "Basic"

    def __init__(self, password: str = "right") -> None:
        super().__init__()
        self._password = password
        self.asked = 0

    async def authenticate(self, headers: Mapping[str, Sequence[str]]) -> None:
        self.asked += 1
        if only(headers, "authorization") != self._password:
            raise Unauthenticated("wrong")


RIGHT = {"authorization": ["right"], "accept": ["*"]}


@in_loop
async def test_who_was_accepted_is_not_asked_about_again() -> None:
    authenticator = Authenticator()
    door = Doorkeeper(authenticator)
    for accept in ("a", "b"):
        await door.admit({**RIGHT, "accept": [accept]})
    assert authenticator.asked == 1


@in_loop
async def test_who_was_refused_is_asked_about_each_time() -> None:
    authenticator = Authenticator()
    door = Doorkeeper(authenticator)
    await door.admit(RIGHT)
    for wrong in ({"authorization": ["wrong"]}, {}, {"authorization": ["right", "right"]}):
        with pytest.raises(Unauthenticated):
            await door.admit(wrong)
    assert authenticator.asked == 4


@in_loop
async def test_when_credentials_change_everybody_is_asked_about_again() -> None:
    authenticator = Authenticator()
    door = Doorkeeper(authenticator)
    await door.admit(RIGHT)
    authenticator.changed()
    await door.admit(RIGHT)
    assert authenticator.asked == 2
    door.close()
    authenticator.changed()


@in_loop
async def test_no_more_credentials_are_kept_in_mind_than_a_bound(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_door, "MAX_TRUSTED", 1)
    authenticator = Authenticator()
    authenticator.credentials = frozenset({"authorization", "x-tenant"})
    door = Doorkeeper(authenticator)
    for tenant in ("a", "b", "a"):
        await door.admit({**RIGHT, "x-tenant": [tenant]})
    assert authenticator.asked == 3


def test_room_is_refused_when_there_is_none() -> None:
    room = Room(10)
    room.take(6)
    with pytest.raises(Refused):
        room.take(5)
    room.give_back(6)
    room.take(11)
    assert room.held == 11
