"""The credentials that an exporter's requests carry."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from penstock.pipeline import Context
    from penstock.pipeline.auth import ClientAuth, ClientAuthenticator

RENEWED = "the credentials were refused, and there are newer ones by now"
"""Why a request that was not authenticated is sent again."""


class Credentials:
    """The headers of an exporter's authenticator, if it has one."""

    def __init__(self, auth: ClientAuth | None, context: Context) -> None:
        self._auth = auth
        self._context = context
        self._authenticator: ClientAuthenticator | None = None

    def start(self, *, encrypted: bool) -> None:
        """Find the authenticator. Raises `StartError` where it does not run."""
        if self._auth:
            self._authenticator = self._auth.find(self._context)
            if not encrypted:
                self._context.logger.warning(
                    "the credentials of %s are sent in clear: use TLS unless nobody listens in",
                    self._auth.authenticator,
                )

    @property
    def headers(self) -> Mapping[str, str]:
        """What a request carries now, by names in lower case."""
        return self._authenticator.headers if self._authenticator else {}

    async def replace(self, refused: Mapping[str, str]) -> bool:
        """Whether there are other credentials by now than those that a back end `refused`."""
        if not self._authenticator:
            return False
        await self._authenticator.renew()
        return not hmac.compare_digest(_text(refused), _text(self.headers))


def _text(headers: Mapping[str, str]) -> bytes:
    return repr(sorted(headers.items())).encode()
