"""TLS towards a back end, under the names of the Collector's `configtls`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from pydantic import SecretStr, model_validator

from penstock.config.pem import client_context, load_identity, read_pem
from penstock.config.types import Section

if TYPE_CHECKING:
    import ssl


class ClientTLS(Section):
    """TLS towards a back end, under the Collector's names. PEM text or files, not both of one."""

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
