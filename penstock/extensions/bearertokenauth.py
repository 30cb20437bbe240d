"""Tokens in a header: checked for receivers, sent by exporters."""

from __future__ import annotations

import hmac
import re
from hashlib import sha256
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import AfterValidator, SecretStr, model_validator

from penstock.extensions._credentials import CredentialsFile, FromFiles
from penstock.pipeline import Context, Extension, Unauthenticated
from penstock.pipeline.auth import (
    AuthenticatorConfig,
    ClientAuthenticator,
    ServerAuthenticator,
    Side,
    only,
)
from penstock.redaction import keep_secret

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_WORD = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_TOKEN = re.compile(r"[!-~]+")


def _is_header(name: str) -> str:
    if not _WORD.fullmatch(name):
        msg = f"{name!r} is not the name of a header: expected letters, digits and -"
        raise ValueError(msg)
    if name.lower().startswith("grpc-") or name.lower().endswith("-bin"):
        msg = f"gRPC does not take the header {name}: use other names than grpc-* and *-bin"
        raise ValueError(msg)
    return name


def _is_word(scheme: str) -> str:
    if scheme and not _WORD.fullmatch(scheme):
        msg = f"expected one word such as Bearer, found {scheme!r}"
        raise ValueError(msg)
    return scheme


def _is_token(token: SecretStr) -> SecretStr:
    if not _TOKEN.fullmatch(token.get_secret_value()):
        msg = "a token must be printable ASCII without spaces, and must not be empty"
        raise ValueError(msg)
    return token


_Token = Annotated[SecretStr, AfterValidator(_is_token)]


class Config(AuthenticatorConfig):
    """Options of the Collector's `bearertokenauth` extension."""

    header: Annotated[str, AfterValidator(_is_header)] = "Authorization"
    """The header that the token is in."""
    scheme: Annotated[str, AfterValidator(_is_word)] = "Bearer"
    """The word before the token; with an empty one the token stands alone."""
    token: _Token | None = None
    """The token."""
    tokens: tuple[_Token, ...] = ()
    """Several tokens: a sender may use any of them, exporters use the first."""
    filename: str = ""
    """A file with a token a line, taken again when it changes. It goes before `token` and
    `tokens`."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if self.token and self.tokens:
            msg = "token and tokens are both set; keep one"
            raise ValueError(msg)
        if not (self.token or self.tokens or self.filename):
            msg = "expected token, tokens or filename"
            raise ValueError(msg)
        return self

    @property
    def sides(self) -> frozenset[Side]:
        """Both: a token is a token."""
        return frozenset(Side)

    def build(self, context: Context) -> Extension:
        """The authenticator these settings describe."""
        return BearerTokenAuth(self, context)


class BearerTokenAuth(FromFiles, ServerAuthenticator, ClientAuthenticator):
    """Knows some tokens, and takes them from senders or gives the first to exporters."""

    trust = None

    def __init__(self, config: Config, context: Context) -> None:
        super().__init__()
        self._config = config
        if config.filename:
            self._files = [CredentialsFile(config.filename, self._use, context)]
        given = (config.token,) if config.token else config.tokens
        self._values = [self._value(token.get_secret_value()) for token in given]
        keep_secret(self._values[:1])

    @property
    def credentials(self) -> frozenset[str]:
        """The header of the settings."""
        return frozenset({self._config.header.lower()})

    @property
    def challenge(self) -> str:
        """The scheme of the settings."""
        return f'{self._config.scheme or "Bearer"} realm="penstock"'

    @property
    def headers(self) -> Mapping[str, str]:
        """The first token in the header of the settings."""
        return {self._config.header.lower(): self._values[0]}

    async def authenticate(self, headers: Mapping[str, Sequence[str]]) -> None:
        """Compare with every token: the time says neither which one is near nor how long it is."""
        given = _digest(only(headers, self._config.header.lower()))
        equal = [hmac.compare_digest(given, _digest(value)) for value in self._values]
        if not any(equal):
            msg = "an unknown token, or another scheme before it"
            raise Unauthenticated(msg)

    def _use(self, text: str) -> None:
        lines = [line.split() for line in text.splitlines()]
        tokens = [words[0] for words in lines if words and not words[0].startswith("#")]
        if not tokens:
            msg = "it has no token"
            raise ValueError(msg)
        if not all(map(_TOKEN.fullmatch, tokens)):
            msg = "a token is not printable ASCII"
            raise ValueError(msg)
        self._values = list(map(self._value, tokens))
        keep_secret(self._values[:1])
        self.changed()

    def _value(self, token: str) -> str:
        return f"{self._config.scheme} {token}".lstrip()


def _digest(text: str) -> bytes:
    return sha256(text.encode()).digest()
