"""The contract of authenticators: extensions that check senders' credentials, or hold ours.

A receiver names one under `auth:` and asks it about every request before it reads the body; an
exporter names one, and its requests carry the headers that the authenticator gives.

One more kind of credentials is one more extension. Its `Config` derives from `AuthenticatorConfig`
and says which `sides` its settings are for; what it builds derives from `ServerAuthenticator`, from
`ClientAuthenticator` or from both. Then every `auth:` can name it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

from pydantic import BaseModel

from penstock.pipeline.component import ComponentConfig, Extension, ExtensionConfig
from penstock.pipeline.errors import StartError, Unauthenticated

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from penstock.pipeline.component import Context


class Side(StrEnum):
    """What an authenticator does, in the words of error messages."""

    SERVER = "check the credentials of senders"
    CLIENT = "give credentials to exporters"


class AuthenticatorConfig(ExtensionConfig, ABC):
    """Settings of an authenticator."""

    @property
    @abstractmethod
    def sides(self) -> frozenset[Side]:
        """What an authenticator of these settings does."""


class ServerAuthenticator(Extension):
    """Says whose requests are taken."""

    trust: ClassVar[float | None] = 60.0
    """Seconds for which accepted credentials are not asked about again; `None` is until `changed`
    is called. What `changed` tells of applies at once, to open connections too."""

    def __init__(self) -> None:
        super().__init__()
        self._followers: list[Callable[[], None]] = []

    @property
    @abstractmethod
    def credentials(self) -> frozenset[str]:
        """The headers that credentials come in, in lower case. Who sends none of them is refused
        without being asked about."""

    @property
    @abstractmethod
    def challenge(self) -> str:
        """How to ask for admission: the value of `WWW-Authenticate` (RFC 9110, 11.6.1)."""

    @abstractmethod
    async def authenticate(self, headers: Mapping[str, Sequence[str]]) -> None:
        """Return if these headers, by their names in lower case, hold credentials that are right.

        Raises `Unauthenticated` if not, and `Refused` when there is no telling for now. Compares
        secrets in constant time (`hmac.compare_digest`), and never shows them.
        """

    def follow(self, changed: Callable[[], None]) -> Callable[[], None]:
        """Call `changed` whenever credentials change, until what this returns is called."""
        self._followers.append(changed)
        return lambda: self._followers.remove(changed)

    def changed(self) -> None:
        """What was accepted may no longer be, and the other way round."""
        for follower in self._followers:
            follower()


class ClientAuthenticator(Extension):
    """Holds the credentials that requests to a back end carry."""

    @property
    @abstractmethod
    def headers(self) -> Mapping[str, str]:
        """What each request carries; names are in lower case."""

    @abstractmethod
    async def renew(self) -> None:
        """Look for newer credentials, since a back end has refused these."""


def only(headers: Mapping[str, Sequence[str]], name: str) -> str:
    """The one value of a header. Raises `Unauthenticated` for none, and for several: whoever is in
    front of us may have checked another one."""
    values = headers.get(name, ())
    if len(values) != 1:
        msg = f"expected one header {name}, found {len(values)}"
        raise Unauthenticated(msg)
    return values[0]


class Auth(BaseModel):
    """The section `auth` of a component: which authenticator it uses."""

    model_config = ComponentConfig.model_config

    side: ClassVar[Side]
    """What the authenticator must be able to do."""

    authenticator: str
    """The id of an extension."""

    def missing(self, context: Context) -> StartError:
        """What to raise where no such extension runs."""
        return StartError(f"{context.id}: no `{self.authenticator}` runs that can {self.side}")


class ServerAuth(Auth):
    """Whose requests are taken."""

    side: ClassVar[Side] = Side.SERVER
    not_here: ClassVar[Mapping[str, str]] = {
        "request_params": "what is in a URL ends in the logs of all on the way; use a header"
    }

    def find(self, context: Context) -> ServerAuthenticator:
        """The authenticator. Raises `StartError` where there is none of that id."""
        found = context.extensions.get(self.authenticator)
        if not isinstance(found, ServerAuthenticator):
            raise self.missing(context)
        return found


class ClientAuth(Auth):
    """Whose credentials requests carry."""

    side: ClassVar[Side] = Side.CLIENT

    def find(self, context: Context) -> ClientAuthenticator:
        """The authenticator. Raises `StartError` where there is none of that id."""
        found = context.extensions.get(self.authenticator)
        if not isinstance(found, ClientAuthenticator):
            raise self.missing(context)
        return found
