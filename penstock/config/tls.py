"""TLS of what listens, under the names of the Collector's `configtls`: settings, and their files.

The kernel's server takes an `Identity`; pages that aiohttp serves take an `ssl.SSLContext`.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, NamedTuple, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    model_validator,
)

from penstock.config.pem import blaming, load_identity, read_pem
from penstock.config.types import Duration
from penstock.pipeline.errors import StartError

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable

WATCH_INTERVAL = 1.0
"""Seconds between two looks at a file whose changes are waited for."""

RETRY_INTERVAL = 10.0
"""Seconds, at most, until files are looked at again that could not be used: one may have been
written and the other not yet."""

CIPHER_SUITES = {
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256": "ECDHE-ECDSA-AES128-GCM-SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384": "ECDHE-ECDSA-AES256-GCM-SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-ECDSA-CHACHA20-POLY1305",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256": "ECDHE-RSA-AES128-GCM-SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384": "ECDHE-RSA-AES256-GCM-SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-RSA-CHACHA20-POLY1305",
}
"""The suites of TLS 1.2 that can be chosen, and what OpenSSL calls them."""

TLS13_CIPHER_SUITES = (
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
)
"""The suites of TLS 1.3, which are always on, as in the Collector."""

CURVES = {"X25519": "X25519", "P256": "prime256v1", "P384": "secp384r1"}
"""The curves that can be chosen, and what OpenSSL calls them."""


def _version(value: Any) -> Any:
    """YAML reads `1.2` as a number."""
    text = str(value) if isinstance(value, float) else value
    if text in ("1.0", "1.1"):
        msg = f"TLS {text} is not safe (RFC 8996); expected 1.2 or 1.3"
        raise ValueError(msg)
    return text


def _known(what: str, names: list[str], known: list[str]) -> list[str]:
    for name in names:
        if name not in known:
            msg = f"the {what} {name!r} is not supported; expected some of {', '.join(known)}"
            raise ValueError(msg)
    return names


def _known_suites(names: list[str]) -> list[str]:
    return _known("cipher suite", names, [*CIPHER_SUITES, *TLS13_CIPHER_SUITES])


def _known_curves(names: list[str]) -> list[str]:
    return _known("curve", names, list(CURVES))


Version = Annotated[
    Literal["1.2", "1.3"],
    BeforeValidator(_version, json_schema_input_type=Literal["1.2", "1.3"] | float),
]
"""A version of TLS that is safe to use."""


class Identity(NamedTuple):
    """What a server shows to its clients and asks of them, as PEM."""

    certificate: bytes
    """The certificate, with its chain."""
    key: bytes
    client_authorities: bytes | None
    """Who has signed the certificates of clients; `None` where they need none."""


class ServerTLS(BaseModel):
    """TLS of a listening address. PEM as a file or as text, not both of one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    not_here: ClassVar[Mapping[str, str]] = {
        "ca_file": "it verifies servers; set `client_ca_file` to verify clients",
        "ca_pem": "it verifies servers; set `client_ca_file` to verify clients",
        "include_insecure_cipher_suites": "no insecure cipher suite is supported; remove it",
        "tpm": "keep the key in a file, and name it in `key_file`",
    }

    cert_file: str = ""
    """The certificate to show to clients, with its chain: a PEM file."""
    cert_pem: str = ""
    """The same as text."""
    key_file: str = ""
    """The certificate's private key, without a password: a PEM file."""
    key_pem: SecretStr = SecretStr("")
    """The same as text."""
    client_ca_file: str = ""
    """Authorities of clients: a PEM file. Who shows no certificate of theirs is refused."""
    client_ca_file_reload: bool = False
    """Read `client_ca_file` again when it changes."""
    include_system_ca_certs_pool: bool = False
    """Trust the system's authorities too, besides those of `client_ca_file`."""
    min_version: Version = "1.2"
    """The oldest version of TLS that is spoken: 1.2 or 1.3."""
    max_version: Version = "1.3"
    """The newest version of TLS that is spoken: 1.2 or 1.3."""
    cipher_suites: Annotated[list[str], AfterValidator(_known_suites)] = Field(default=[])
    """Suites of TLS 1.2 that may be used, by their IANA names; all that are safe if empty."""
    curve_preferences: Annotated[list[str], AfterValidator(_known_curves)] = Field(default=[])
    """Curves of the key exchange, the preferred first: X25519, P256, P384; all of them if empty."""
    reload_interval: Duration = 0.0
    """How often the certificate's files are looked at for changes; 0 is never."""

    @model_validator(mode="after")
    def _one_of_each(self) -> Self:
        key = self.key_pem.get_secret_value()
        for what, file, pem in (
            ("cert", self.cert_file, self.cert_pem),
            ("key", self.key_file, key),
        ):
            if bool(file) == bool(pem):
                msg = (
                    f"expected one of {what}_file and {what}_pem, found {'both' if pem else 'none'}"
                )
                raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _nothing_without_effect(self) -> Self:
        for name in ("client_ca_file_reload", "include_system_ca_certs_pool"):
            if getattr(self, name) and not self.client_ca_file:
                msg = f"{name} needs client_ca_file, the authorities of clients"
                raise ValueError(msg)
        if self.reload_interval and not (self.cert_file or self.key_file):
            msg = "reload_interval needs cert_file and key_file: text does not change"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _some_common_ground(self) -> Self:
        if self.min_version > self.max_version:
            msg = f"min_version {self.min_version} is newer than max_version {self.max_version}"
            raise ValueError(msg)
        if self.cipher_suites and not self._suites and self.min_version == "1.2":
            msg = "cipher_suites has none of TLS 1.2; add one, or set min_version to 1.3"
            raise ValueError(msg)
        return self

    @property
    def _suites(self) -> list[str]:
        return [name for name in self.cipher_suites if name in CIPHER_SUITES]

    def read(self, owner: str) -> Identity:
        """What the files say now. `owner` is the component's id.

        Raises `StartError` where one cannot be read.
        """
        return Identity(
            read_pem(owner, self.cert_file, self.cert_pem),
            read_pem(owner, self.key_file, self.key_pem.get_secret_value()),
            read_pem(owner, self.client_ca_file, "") if self.client_ca_file else None,
        )

    def ssl_context(self, owner: str) -> ssl.SSLContext:
        """All of it for Python's `ssl`. Raises `StartError` for what OpenSSL cannot use."""
        return self._context(owner, self.read(owner))

    def renew(self, owner: str, context: ssl.SSLContext, identity: Identity) -> None:
        """Let new connections of `context` have another identity; those that are open stay.

        Raises `StartError` for what OpenSSL cannot use.
        """
        renewed = self._context(owner, identity)

        def switch(socket: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
            socket.context = renewed

        # OpenSSL can only add authorities to a context, so a handshake is handed a new one.
        context.sni_callback = switch

    def _context(self, owner: str, identity: Identity) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = _VERSIONS[self.min_version]
        context.maximum_version = _VERSIONS[self.max_version]
        context.set_ciphers(":".join(CIPHER_SUITES[name] for name in self._suites or CIPHER_SUITES))
        self._set_curve(owner, context)
        name = self.cert_file or "cert_pem"
        load_identity(context, identity.certificate, identity.key, owner=owner, name=name)
        if identity.client_authorities:
            with blaming(owner, self.client_ca_file):
                context.load_verify_locations(cadata=identity.client_authorities.decode())
            context.verify_mode = ssl.CERT_REQUIRED
        if self.include_system_ca_certs_pool:
            context.load_default_certs(ssl.Purpose.CLIENT_AUTH)
        return context

    def _set_curve(self, owner: str, context: ssl.SSLContext) -> None:
        if len(self.curve_preferences) > 1:
            msg = f"{owner}: tls.curve_preferences: a page takes one curve; keep the preferred one"
            raise StartError(msg)
        for name in self.curve_preferences:
            context.set_ecdh_curve(CURVES[name])

    @property
    def reloads(self) -> bool:
        """Whether `watch` has anything to do."""
        return bool(self.reload_interval or self.client_ca_file_reload)

    async def watch(
        self, owner: str, logger: logging.Logger, known: Identity, use: Callable[[Identity], None]
    ) -> None:
        """Hand what the files say to `use` whenever it is not what is `known` from before.

        What cannot be read, or what `use` refuses by `StartError`, is logged once, and what was in
        use stays so.
        """
        usual = WATCH_INTERVAL if self.client_ca_file_reload else self.reload_interval
        complaint = ""
        while True:
            await asyncio.sleep(min(usual, RETRY_INTERVAL) if complaint else usual)
            try:
                found = await asyncio.to_thread(self._read_again, owner, known)
                if found != known:
                    use(found)
                    logger.info("tls: what has changed in its files is in use")
                known, complaint = found, ""
            except StartError as error:
                if str(error) != complaint:
                    logger.error("%s; what was in use stays in use", error)  # noqa: TRY400
                complaint = str(error)

    def _read_again(self, owner: str, known: Identity) -> Identity:
        found = self.read(owner)
        if not self.client_ca_file_reload:
            found = found._replace(client_authorities=known.client_authorities)
        if not self.reload_interval:
            found = found._replace(certificate=known.certificate, key=known.key)
        return found


_VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
