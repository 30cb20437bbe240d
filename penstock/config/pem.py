"""Certificates and keys as PEM: read, given to OpenSSL, and named where one is of no use."""

from __future__ import annotations

import ssl
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING

from penstock.pipeline.errors import StartError

if TYPE_CHECKING:
    from collections.abc import Iterator


def read_pem(owner: str, file: str, text: str) -> bytes:
    """What `file` holds, or `text` where there is none; `owner` is the component's id.

    Raises `StartError` where the file cannot be read.
    """
    if not file:
        return text.encode()
    with blaming(owner, file):
        return Path(file).read_bytes()


def client_context(
    owner: str, ca_file: str, ca: str, option: str, *, verify: bool
) -> ssl.SSLContext:
    """Trust the authorities in a file, or those in the text of an option, or else the usual ones.

    `owner` is the component's id. Raises `StartError` for what OpenSSL cannot use.
    """
    with blaming(owner, ca_file or option):
        context = ssl.create_default_context(cafile=ca_file or None, cadata=ca or None)
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def load_identity(
    context: ssl.SSLContext, chain: bytes, key: bytes, *, owner: str, name: str
) -> None:
    """Let `context` show the certificate of that name. Raises as `client_context` does."""
    with (
        blaming(owner, f"{name} with its key"),
        NamedTemporaryFile(prefix="penstock-") as file,  # OpenSSL's call takes no text
    ):
        file.write(b"\n".join((key, chain)))
        file.flush()
        context.load_cert_chain(file.name, password="")


@contextmanager
def blaming(owner: str, what: str) -> Iterator[None]:
    """Raise `StartError` that names `what` for whatever reading it or OpenSSL raises within."""
    try:
        yield
    except (OSError, ValueError, TypeError) as error:  # TypeError for text that is not ASCII
        cause = isinstance(error, OSError) and error.strerror
        msg = f"{owner}: tls: cannot use {what}: {cause or error}"
        raise StartError(msg) from error
