"""What the clients of back ends share: settings of headers and TLS, and text fit for a log line."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, SecretStr, model_validator

from penstock.config.pem import client_context, load_identity, read_pem
from penstock.logs import printable
from penstock.pipeline.component import ComponentConfig

if TYPE_CHECKING:
    import ssl

USER_AGENT = "Penstock"
"""How Penstock names itself to back ends."""

MAX_ANSWER_BYTES = 4 * 1024 * 1024
"""The longest answer that is read: OTLP 1.11 allows no more, and a back end may be hostile."""

_MAX_QUOTE = 300  # characters: some back ends answer with a page of HTML
_MAX_LOOK = 16_384  # characters that are looked at for it
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_RESERVED = {"content-encoding", "content-length", "content-type", "te", "transfer-encoding"}


def quote(text: str) -> str:
    """Words of a back end, fit for a line of a log: printable and short."""
    text = printable(text[:_MAX_LOOK].strip())  # cut later, or half a secret could be left over
    return text if len(text) <= _MAX_QUOTE else f"{text[:_MAX_QUOTE]}…"


def _as_mapping(headers: object) -> object:
    """The Collector's other notation: a list of `name` and `value`."""
    if isinstance(headers, list) and all(
        isinstance(item, dict) and item.keys() == {"name", "value"} for item in headers
    ):
        return {item["name"]: item["value"] for item in headers}
    return headers


def _usable(headers: dict[str, SecretStr]) -> dict[str, SecretStr]:
    for name, value in headers.items():
        if not _NAME.fullmatch(name):
            msg = f"{name!r} is not the name of a header: expected letters, digits and -"
            raise ValueError(msg)
        if name.lower() in _RESERVED:
            msg = f"the header {name} says how the payload is encoded; the exporter sets it"
            raise ValueError(msg)
        text = value.get_secret_value()
        if not (text.isascii() and text.isprintable()):
            msg = f"the value of the header {name} must be printable ASCII, without line breaks"
            raise ValueError(msg)
    return headers


class HeaderItem(BaseModel):
    """A header in the Collector's other notation, a list."""

    model_config = ComponentConfig.model_config

    name: str
    """The header's name."""
    value: SecretStr
    """Its value."""


Headers = Annotated[
    dict[str, SecretStr],
    BeforeValidator(_as_mapping, json_schema_input_type=dict[str, SecretStr] | list[HeaderItem]),
    AfterValidator(_usable),
]
"""Headers of every request. Their values are secrets: no message and no dump shows them."""


class ClientTLS(BaseModel):
    """TLS towards a back end, under the Collector's names. PEM text or files, not both of one."""

    model_config = ComponentConfig.model_config

    insecure: bool = False
    """Send in clear, without TLS."""
    insecure_skip_verify: bool = False
    """Take any certificate for the back end's: encrypted, but not protected."""
    ca_file: str = ""
    """Authorities to trust instead of the usual ones: a file of PEM certificates."""
    ca_pem: str = ""
    """The same as text."""
    cert_file: str = ""
    """The certificate to show to the back end, with its chain: a PEM file."""
    cert_pem: str = ""
    """The same as text."""
    key_file: str = ""
    """The certificate's private key, without a password: a PEM file."""
    key_pem: SecretStr = SecretStr("")
    """The same as text."""
    server_name_override: str = ""
    """The name that the back end's certificate must have, where it is not the endpoint's."""

    @property
    def customised(self) -> bool:
        """Whether anything is set that only matters to an encrypted connection."""
        return self.model_copy(update={"insecure": False}) != ClientTLS()

    @model_validator(mode="after")
    def _one_of_each(self) -> Self:
        key = self.key_pem.get_secret_value()
        for what, file, pem in (
            ("ca", self.ca_file, self.ca_pem),
            ("cert", self.cert_file, self.cert_pem),
            ("key", self.key_file, key),
        ):
            if file and pem:
                msg = f"{what}_file and {what}_pem are both set; keep one"
                raise ValueError(msg)
        if bool(self.cert_file or self.cert_pem) != bool(self.key_file or key):
            msg = (
                "a certificate and its key belong together: set cert_file and key_file, or neither"
            )
            raise ValueError(msg)
        return self

    def check_scheme(self, *, clear: bool, encrypted: bool) -> None:
        """Raise `ValueError` where these settings contradict the endpoint: `clear` and `encrypted`
        tell whether its scheme says so; without a scheme neither does."""
        if encrypted and self.insecure:
            msg = "tls.insecure contradicts an endpoint of https://; remove one of them"
            raise ValueError(msg)
        if (clear or self.insecure) and self.customised:
            msg = "tls has options of an encrypted connection, but the endpoint is sent to in clear"
            raise ValueError(msg)

    def authorities(self, owner: str) -> bytes | None:
        """PEM certificates of the authorities to trust; `None` for the usual ones.

        `owner` is the component's id. Raises `StartError` where the file cannot be read.
        """
        return read_pem(owner, self.ca_file, self.ca_pem) or None

    def identity(self, owner: str) -> tuple[bytes, bytes] | None:
        """The certificate chain to show and its key, in PEM. Raises as `authorities` does."""
        chain = read_pem(owner, self.cert_file, self.cert_pem)
        key = read_pem(owner, self.key_file, self.key_pem.get_secret_value())
        return (chain, key) if chain and key else None

    def ssl_context(self, owner: str) -> ssl.SSLContext:
        """All of it for Python's `ssl`. Raises `StartError` for what OpenSSL cannot use."""
        verify = not self.insecure_skip_verify
        context = client_context(owner, self.ca_file, self.ca_pem, "ca_pem", verify=verify)
        identity = self.identity(owner)
        if identity:
            load_identity(context, *identity, owner=owner, name=self.cert_file or "cert_pem")
        return context
