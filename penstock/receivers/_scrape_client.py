"""What every request to a target or to a service discovery needs: credentials, TLS, redirects."""

from __future__ import annotations

import asyncio
import ssl
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Literal, Self

import aiohttp
from pydantic import SecretStr, model_validator

from penstock.config.pem import client_context, load_identity, read_pem
from penstock.config.types import Section
from penstock.pipeline import StartError
from penstock.redaction import keep_secret

USER_AGENT = "Penstock"

_VERSIONS = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}


def _one(section: Section, *names: str) -> None:
    found = [name for name in names if getattr(section, name)]
    if len(found) > 1:
        msg = f"{' and '.join(found)} are both set; keep one"
        raise ValueError(msg)


class BasicAuth(Section):
    """A name and a password. Files are read for each request."""

    username: str = ""
    """The name."""
    username_file: str = ""
    """A file that holds the name."""
    password: SecretStr = SecretStr("")
    """The password."""
    password_file: str = ""
    """A file that holds the password."""

    @model_validator(mode="after")
    def _one_of_each(self) -> Self:
        _one(self, "username", "username_file")
        _one(self, "password", "password_file")
        return self

    @property
    def in_files(self) -> bool:
        """Whether files have to be read."""
        return bool(self.username_file or self.password_file)

    def header(self) -> str:
        """The value of `Authorization`. Raises `OSError` where a file cannot be read."""
        name = _read(self.username_file) or self.username
        password = _read(self.password_file) or self.password.get_secret_value()
        return f"Basic {b64encode(f'{name}:{password}'.encode()).decode()}"


class Authorization(Section):
    """Any other credentials. The file is read for each request."""

    type: str = "Bearer"
    """What they are, the first word of the header `Authorization`."""
    credentials: SecretStr = SecretStr("")
    """The credentials."""
    credentials_file: str = ""
    """A file that holds them."""

    @model_validator(mode="after")
    def _not_basic(self) -> Self:
        _one(self, "credentials", "credentials_file")
        if self.type.lower() == "basic":
            msg = "use basic_auth for a name and a password"
            raise ValueError(msg)
        return self

    @property
    def in_files(self) -> bool:
        """Whether a file has to be read."""
        return bool(self.credentials_file)

    def header(self) -> str:
        """The value of `Authorization`. Raises `OSError` where the file cannot be read."""
        return f"{self.type} {_read(self.credentials_file) or self.credentials.get_secret_value()}"


def _read(file: str) -> str:
    if not file:
        return ""
    text = Path(file).read_text(encoding="utf-8").strip()
    keep_secret([text])
    return text


class TLSConfig(Section):
    """TLS towards targets, under Prometheus' names. PEM as a file or as text, not both of one."""

    ca: str = ""
    """Authorities to trust instead of the usual ones, in PEM."""
    ca_file: str = ""
    """The same as a file."""
    cert: str = ""
    """The certificate to show, with its chain, in PEM."""
    cert_file: str = ""
    """The same as a file."""
    key: SecretStr = SecretStr("")
    """The certificate's private key, in PEM."""
    key_file: str = ""
    """The same as a file."""
    server_name: str = ""
    """The name that certificates must have, where it is not the target's address."""
    insecure_skip_verify: bool = False
    """Take any certificate: encrypted, but not protected."""
    min_version: Literal["TLS12", "TLS13"] = "TLS12"
    """The oldest version of TLS that is spoken: `TLS12` or `TLS13`."""
    max_version: Literal["TLS12", "TLS13"] = "TLS13"
    """The newest version of TLS that is spoken: `TLS12` or `TLS13`."""

    @model_validator(mode="after")
    def _one_of_each(self) -> Self:
        for name in ("ca", "cert", "key"):
            _one(self, name, f"{name}_file")
        if bool(self.cert or self.cert_file) != bool(self.key.get_secret_value() or self.key_file):
            msg = "a certificate and its key belong together: set both, or neither"
            raise ValueError(msg)
        return self

    def ssl_context(self, owner: str) -> ssl.SSLContext:
        """All of it for Python's `ssl`. Raises `StartError` for what OpenSSL cannot use."""
        verify = not self.insecure_skip_verify
        context = client_context(owner, self.ca_file, self.ca, "ca", verify=verify)
        context.minimum_version = _VERSIONS[self.min_version]
        context.maximum_version = _VERSIONS[self.max_version]
        chain = read_pem(owner, self.cert_file, self.cert)
        key = read_pem(owner, self.key_file, self.key.get_secret_value())
        if chain and key:
            load_identity(context, chain, key, owner=owner, name=self.cert_file or "cert")
        return context


class ClientSection(Section):
    """Base of options of who makes requests."""

    basic_auth: BasicAuth | None = None
    """A name and a password that requests carry."""
    authorization: Authorization | None = None
    """Other credentials that requests carry."""
    tls_config: TLSConfig = TLSConfig()
    """Encryption, with `https`."""
    follow_redirects: bool = True
    """Go where an answer leads to."""

    not_here: ClassVar[Mapping[str, str]] = {
        "bearer_token": "use authorization.credentials",
        "bearer_token_file": "use authorization.credentials_file",
        "oauth2": "let a program write the token to a file, for authorization.credentials_file",
        "proxy_url": "requests are made directly; remove it",
        "proxy_from_environment": "requests are made directly; remove it",
        "proxy_connect_header": "requests are made directly; remove it",
        "no_proxy": "requests are made directly; remove it",
        "enable_http2": "requests are made by HTTP/1.1; remove it",
        "http_headers": "use basic_auth or authorization; other headers are not supported",
    }

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.basic_auth and self.authorization:
            msg = "basic_auth and authorization are both set; keep one"
            raise ValueError(msg)
        return self

    def session(self, owner: str) -> aiohttp.ClientSession:
        """A client with this TLS. Raises `StartError`."""
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ssl=self.tls_config.ssl_context(owner)),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": USER_AGENT},
            auto_decompress=False,  # an answer may be a bomb
        )

    def credentials(self) -> dict[str, str]:
        """The headers that tell who asks. Raises `OSError` where a file cannot be read."""
        way = self.basic_auth or self.authorization
        return {"Authorization": way.header()} if way else {}

    async def credentials_now(self) -> dict[str, str]:
        """The same, without holding up the event loop where files have to be read."""
        in_files = any(way and way.in_files for way in (self.basic_auth, self.authorization))
        return await asyncio.to_thread(self.credentials) if in_files else self.credentials()

    def check(self, owner: str) -> None:
        """Raise `StartError` for files that cannot be read."""
        try:
            self.credentials()
        except (OSError, UnicodeDecodeError) as error:
            msg = f"{owner}: cannot read credentials: {error}"
            raise StartError(msg) from error
