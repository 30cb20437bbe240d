"""Certificates and keys as PEM: read, given to OpenSSL, and named where one is of no use."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING

from penstock.pipeline.errors import StartError

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator


def read_pem(owner: str, file: str, text: str) -> bytes:
    """What `file` holds, or `text` where there is none; `owner` is the component's id.

    Raises `StartError` where the file cannot be read.
    """
    if not file:
        return text.encode()
    with blaming(owner, file):
        return Path(file).read_bytes()


def load_identity(context: ssl.SSLContext, chain: bytes, key: bytes) -> None:
    """Let `context` show a certificate. Raises `OSError` or `ValueError` where OpenSSL does."""
    with NamedTemporaryFile(prefix="penstock-") as file:  # OpenSSL's call takes no text
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
