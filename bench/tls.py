"""TLS for a scenario: a certificate of our own, and a tunnel for a load that speaks in clear."""

from __future__ import annotations

import datetime as dt
import subprocess
import time
from typing import TYPE_CHECKING, Self

from bench.plan import BENCH, RESULTS, BenchError
from bench.process import LOAD_CORE, end, free_addresses, listens, on_core

if TYPE_CHECKING:
    from pathlib import Path

CERTIFICATE, KEY = RESULTS / "tls" / "server.pem", RESULTS / "tls" / "server.key"
"""Where `configs/forward_tls.yaml` looks for them."""

PROGRAM = RESULTS / "tunnel"
STARTS_WITHIN = 10.0
POLL = 0.02


def prepare() -> None:
    """Write the certificate and build the tunnel; raises `BenchError` where that fails."""
    _write_certificate()
    argv: list[str | Path] = ["go", "build", "-buildvcs=false", "-o", PROGRAM, "."]
    if subprocess.run(argv, cwd=BENCH / "tunnel", check=False).returncode:
        msg = "`go build` failed in bench/tunnel"
        raise BenchError(msg)


def _write_certificate() -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
    )
    certificate = builder.sign(key, hashes.SHA256())
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    CERTIFICATE.parent.mkdir(parents=True, exist_ok=True)
    CERTIFICATE.write_bytes(certificate.public_bytes(encoding))
    KEY.write_bytes(key.private_bytes(encoding, form, serialization.NoEncryption()))


class Tunnel:
    """Carries connections to a server over TLS; use it as a context manager."""

    def __init__(self, server: str) -> None:
        self.address = free_addresses(1)[0]
        argv: list[str | Path] = [PROGRAM, "-addr", self.address, "-to", server]
        with on_core(LOAD_CORE):
            self._process = subprocess.Popen([*argv, "-ca", CERTIFICATE])

    def __enter__(self) -> Self:
        deadline = time.monotonic() + STARTS_WITHIN
        while not listens(self.address):
            if time.monotonic() > deadline or self._process.poll() is not None:
                end(self._process)
                msg = f"the tunnel did not start on {self.address}"
                raise BenchError(msg)
            time.sleep(POLL)
        return self

    def __exit__(self, *_: object) -> None:
        end(self._process)
