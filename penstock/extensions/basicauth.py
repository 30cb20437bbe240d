"""Users and passwords by HTTP's basic authentication: checked for receivers, sent by exporters."""

from __future__ import annotations

import asyncio
import os
from base64 import b64decode, b64encode
from collections import Counter, defaultdict
from collections.abc import Mapping
from contextlib import asynccontextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, ClassVar, Self

from pydantic import BaseModel, SecretStr, field_validator, model_validator

from penstock.extensions._credentials import CredentialsFile, FromFiles
from penstock.extensions._htpasswd import Users
from penstock.pipeline import Context, Extension, Refused, Unauthenticated
from penstock.pipeline.auth import (
    AuthenticatorConfig,
    ClientAuthenticator,
    ServerAuthenticator,
    Side,
    only,
)
from penstock.pipeline.component import ComponentConfig
from penstock.redaction import keep_secret

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

MAX_WAITING = 16
"""Passwords of one user that may wait to be checked: 4 s of work at a quarter of a second each."""


class Htpasswd(BaseModel):
    """Who may send."""

    model_config = ComponentConfig.model_config

    file: str = ""
    """A file in the format of Apache's `htpasswd`, taken again when it changes."""
    inline: SecretStr = SecretStr("")
    """The same as text. Its users go before those of `file`."""

    @model_validator(mode="before")
    @classmethod
    def _has_libraries(cls, value: object) -> object:
        if find_spec("passlib") is None or find_spec("bcrypt") is None:
            msg = "htpasswd needs libraries: pip install 'penstock[basicauth]'"
            raise ValueError(msg)
        return value

    @field_validator("inline")
    @classmethod
    def _is_htpasswd(cls, inline: SecretStr) -> SecretStr:
        Users(inline.get_secret_value())
        return inline

    @model_validator(mode="after")
    def _has_users(self) -> Self:
        if not (self.file or self.inline.get_secret_value().strip()):
            msg = "expected file or inline, which say who may send"
            raise ValueError(msg)
        return self

    def users(self, file: str = "") -> Users:
        """All users, with the text of the file. Raises `ValueError` where that is no such file."""
        return Users(f"{file}\n{self.inline.get_secret_value()}")


class ClientCredentials(BaseModel):
    """As whom to send."""

    model_config = ComponentConfig.model_config
    not_here: ClassVar[Mapping[str, str]] = {
        "aws_secrets_manager": "let its agent write files, and name them in username_file and "
        "password_file"
    }

    username: str = ""
    """The user."""
    username_file: str = ""
    """A file that holds the user, taken again when it changes. It goes before `username`."""
    password: SecretStr = SecretStr("")
    """The password."""
    password_file: str = ""
    """A file that holds the password, taken again when it changes. It goes before `password`."""

    @model_validator(mode="after")
    def _has_a_user(self) -> Self:
        if not (self.username or self.username_file):
            msg = "expected username or username_file"
            raise ValueError(msg)
        _check_name(self.username)
        return self


class Config(AuthenticatorConfig):
    """Options of the Collector's `basicauth` extension."""

    htpasswd: Htpasswd | None = None
    """Who may send, for receivers."""
    client_auth: ClientCredentials | None = None
    """As whom to send, for exporters."""

    @model_validator(mode="after")
    def _one_side(self) -> Self:
        if (self.htpasswd is None) == (self.client_auth is None):
            msg = "expected either htpasswd, for receivers, or client_auth, for exporters"
            raise ValueError(msg)
        return self

    @property
    def sides(self) -> frozenset[Side]:
        """Either one."""
        return frozenset({Side.SERVER if self.htpasswd else Side.CLIENT})

    def build(self, context: Context) -> Extension:
        """The authenticator these settings describe."""
        if self.htpasswd:
            return Server(self.htpasswd, context)
        return Client(self.client_auth or ClientCredentials(), context)


class Server(FromFiles, ServerAuthenticator):
    """Checks passwords in threads: a good hash takes a quarter of a second by design."""

    trust = None
    credentials = frozenset({"authorization"})
    challenge = 'Basic realm="penstock", charset="UTF-8"'

    def __init__(self, settings: Htpasswd, context: Context) -> None:
        super().__init__()
        self._settings = settings
        if settings.file:
            self._files = [CredentialsFile(settings.file, self._use, context)]
        self._turns = _Turns()
        self._users = settings.users()

    async def authenticate(self, headers: Mapping[str, Sequence[str]]) -> None:
        """Compare with the user's password. Raises `Refused` where too many wait for that."""
        name, password = _decoded(only(headers, "authorization"))
        users = self._users
        async with self._turns.turn(name if name in users else ""):
            right = await asyncio.to_thread(users.is_right, name, password)
        if not right:
            msg = "wrong user or password"
            raise Unauthenticated(msg)

    def _use(self, text: str) -> None:
        self._users = self._settings.users(text)
        self.changed()


class _Turns:
    """Threads for checking passwords, few at a time and to each user in turn: a flood of guesses
    keeps nobody waiting but those who guess at the same user."""

    def __init__(self) -> None:
        self._threads = asyncio.Semaphore(max(1, (os.cpu_count() or 1) // 2))
        self._lanes: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._waiting: Counter[str] = Counter()

    @asynccontextmanager
    async def turn(self, user: str) -> AsyncIterator[None]:
        """Wait for a thread. Raises `Refused` where too many do for that user."""
        if self._waiting[user] >= MAX_WAITING:
            msg = "too many passwords wait to be checked"
            raise Refused(msg)
        self._waiting[user] += 1
        try:
            async with self._lanes[user], self._threads:
                yield
        finally:
            self._waiting[user] -= 1


class Client(FromFiles, ClientAuthenticator):
    """Sends one user's password with each request."""

    def __init__(self, settings: ClientCredentials, context: Context) -> None:
        self._name = settings.username
        self._password = settings.password.get_secret_value()
        sources = (
            (settings.username_file, self._set_name),
            (settings.password_file, self._set_password),
        )
        self._files = [CredentialsFile(path, use, context) for path, use in sources if path]

    @property
    def headers(self) -> Mapping[str, str]:
        """The header `authorization`."""
        pair = b64encode(f"{self._name}:{self._password}".encode())
        return {"authorization": f"Basic {pair.decode()}"}

    def _set_name(self, text: str) -> None:
        self._name = _check_name(_not_empty(text))

    def _set_password(self, text: str) -> None:
        self._password = _not_empty(text)
        keep_secret([self._password])


def _not_empty(text: str) -> str:
    if not text.strip():
        msg = "it is empty"
        raise ValueError(msg)
    return text.strip()


def _check_name(name: str) -> str:
    if ":" in name:
        msg = "the name of a user cannot have a colon, which ends it"
        raise ValueError(msg)
    return name


def _decoded(value: str) -> tuple[str, str]:
    """The user and the password of an `Authorization` header (RFC 7617, 2)."""
    scheme, _, encoded = value.partition(" ")
    try:
        name, colon, password = b64decode(encoded, validate=True).decode().partition(":")
    except ValueError:
        colon = ""
    if scheme.lower() != "basic" or not colon:
        msg = "not a user and a password in base64"
        raise Unauthenticated(msg)
    return name, password
