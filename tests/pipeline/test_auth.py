"""The contract of authenticators: how components find theirs, and what all of them have."""

from __future__ import annotations

from typing import ClassVar

import pytest

from penstock.exporters.nop import Config as Nop
from penstock.extensions.bearertokenauth import BearerTokenAuth
from penstock.extensions.bearertokenauth import Config as Tokens
from penstock.pipeline import Context, Receiver, ReceiverConfig, StartError, Unauthenticated
from penstock.pipeline.auth import ClientAuth, ServerAuth, ServerAuthenticator, only
from tests.kit import Source, context, in_loop, service, wire

TOKENS = Tokens.model_validate({"token": "s3cr3t"})


class Asking(ReceiverConfig):
    """A receiver that finds its authenticator when it is built."""

    auth: ServerAuth
    found: ClassVar[list[ServerAuthenticator]] = []

    def build(self, context: Context) -> Receiver:
        self.found.append(self.auth.find(context))
        return Source()


@in_loop
async def test_a_component_finds_its_authenticator_in_its_context() -> None:
    asking = Asking(auth=ServerAuth(authenticator="tokens"))
    settings = wire("traces: in -> out", in_=asking, out=Nop(), tokens=TOKENS)
    async with service(settings):
        (found,) = asking.found
        await found.authenticate({"authorization": ["Bearer s3cr3t"]})


@pytest.mark.parametrize(
    ("auth", "ability"),
    [
        (ServerAuth(authenticator="tokens"), "check the credentials of senders"),
        (ClientAuth(authenticator="tokens"), "give credentials to exporters"),
    ],
)
@in_loop
async def test_what_does_not_run_stops_the_start(
    auth: ServerAuth | ClientAuth, ability: str
) -> None:
    async with context("otlp/eu") as given:
        with pytest.raises(StartError, match=f"otlp/eu: no `tokens` runs that can {ability}"):
            auth.find(given)


@in_loop
async def test_followers_hear_of_changes_until_they_leave() -> None:
    heard: list[str] = []
    async with context() as given:
        authenticator = BearerTokenAuth(TOKENS, given)
        leave = authenticator.follow(lambda: heard.append("first"))
        authenticator.follow(lambda: heard.append("second"))
        authenticator.changed()
        leave()
        authenticator.changed()
    assert heard == ["first", "second", "second"]


def test_the_one_value_of_a_header() -> None:
    assert only({"authorization": ["a"]}, "authorization") == "a"


@pytest.mark.parametrize("values", [[], ["secret", "secret"]])
def test_none_and_several_are_refused_without_being_quoted(values: list[str]) -> None:
    with pytest.raises(Unauthenticated, match=f"found {len(values)}") as raised:
        only({"authorization": values}, "authorization")
    assert "secret" not in str(raised.value)
