"""Certificates for tests of TLS, each a PEM file with its key beside it."""

from __future__ import annotations

import datetime as dt
import ipaddress
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

if TYPE_CHECKING:
    from pathlib import Path

HOUR = dt.timedelta(hours=1)

_SIGNS = x509.KeyUsage(
    key_cert_sign=True,
    crl_sign=True,
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    encipher_only=False,
    decipher_only=False,
)


def make_all(folder: Path) -> Path:
    """Fill a folder with an authority, `ca.pem`, and what it signed: `server.pem` for localhost and
    127.0.0.1, `client.pem`, and their `.key`. `stranger.pem` is another authority, and `locked.key`
    has a password."""
    make_authority(folder, "ca")
    make_authority(folder, "stranger")
    issue(folder, "server", by="ca")
    issue(folder, "client", by="ca")
    locked = serialization.BestAvailableEncryption(b"password")
    _write_key(folder, "locked", ec.generate_private_key(ec.SECP256R1()), locked)
    return folder


def make_authority(folder: Path, name: str) -> None:
    """Write a certificate that may sign others, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _subject(name)
    basics = x509.BasicConstraints(ca=True, path_length=0)
    builder = _builder(subject, subject, key, key).add_extension(basics, critical=True)
    _write(
        folder, name, builder.add_extension(_SIGNS, critical=True).sign(key, hashes.SHA256()), key
    )


def issue(folder: Path, name: str, *, by: str, until: dt.timedelta = HOUR) -> None:
    """Write a certificate for this machine that the authority `by` signed, and its key."""
    issuer = x509.load_pem_x509_certificate((folder / f"{by}.pem").read_bytes())
    issuer_key = serialization.load_pem_private_key((folder / f"{by}.key").read_bytes(), None)
    assert isinstance(issuer_key, ec.EllipticCurvePrivateKey)
    key = ec.generate_private_key(ec.SECP256R1())
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    builder = _builder(_subject(name), issuer.subject, key, issuer_key, until).add_extension(
        x509.SubjectAlternativeName(names), critical=False
    )
    _write(folder, name, builder.sign(issuer_key, hashes.SHA256()), key)


def _subject(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    issuer_key: ec.EllipticCurvePrivateKey,
    until: dt.timedelta = HOUR,
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    own = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    signer = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - 2 * HOUR)
        .not_valid_after(now + until)
        .add_extension(own, critical=False)
        .add_extension(signer, critical=False)  # Python asks for it from 3.13 on
    )


def _write(
    folder: Path, name: str, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey
) -> None:
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    (folder / f"{name}.pem").write_bytes(pem)
    _write_key(folder, name, key, serialization.NoEncryption())


def _write_key(
    folder: Path,
    name: str,
    key: ec.EllipticCurvePrivateKey,
    encryption: serialization.KeySerializationEncryption,
) -> None:
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    (folder / f"{name}.key").write_bytes(key.private_bytes(encoding, form, encryption))
