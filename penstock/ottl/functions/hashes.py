"""Converters that hash, encode and make ids."""

from __future__ import annotations

import base64
import binascii
import codecs
import hashlib
import ipaddress
import os
import struct
import time
import uuid
from typing import Annotated, Any

from penstock.ottl.signature import Anything, Functions, Kind, Text, one_of
from penstock.ottl.values import Fault, kind_of, wrapped

_FNV_OFFSET, _FNV_PRIME = 0xCBF29CE484222325, 0x100000001B3


def fnv(value: Text) -> int:
    """The 64-bit FNV-1a hash."""
    found = _FNV_OFFSET
    for byte in value.encode():
        found = (found ^ byte) * _FNV_PRIME % 2**64
    return wrapped(found)


def md5(value: Text) -> str:
    """The MD5 digest in hex."""
    return hashlib.md5(value.encode(), usedforsecurity=False).hexdigest()


def sha1(value: Text) -> str:
    """The SHA-1 digest in hex."""
    return hashlib.sha1(value.encode(), usedforsecurity=False).hexdigest()


def sha256(value: Text) -> str:
    """The SHA-256 digest in hex."""
    return hashlib.sha256(value.encode()).hexdigest()


def sha512(value: Text) -> str:
    """The SHA-512 digest in hex."""
    return hashlib.sha512(value.encode()).hexdigest()


def as_hex(value: Anything) -> str | None:
    """The bytes of a value in hex; numbers have eight, the highest first."""
    match value:
        case bool():
            return "01" if value else "00"
        case int():
            return struct.pack(">q", value).hex()
        case float():
            return struct.pack(">d", value).hex()
        case str():
            return value.encode().hex()
        case bytes():
            return value.hex()
    return None


def _identity(value: Anything, size: int) -> bytes:
    if type(value) is str:
        value = bytes.fromhex(value) if len(value) == 2 * size else b""
    if type(value) is not bytes or len(value) != size:
        raise Fault(f"expected {size} bytes or {2 * size} hex digits")
    return value


def trace_id(value: Anything) -> bytes:
    """A trace id of 16 bytes, or 32 hex digits."""
    return _identity(value, 16)


def span_id(value: Anything) -> bytes:
    """A span id of 8 bytes, or 16 hex digits."""
    return _identity(value, 8)


_BASE64 = {
    "base64": (False, True),
    "base64-raw": (False, False),
    "base64-url": (True, True),
    "base64-raw-url": (True, False),
}
"""For each variant, whether it is safe in URLs and whether it is padded."""

Variant = Annotated[str, one_of(*_BASE64)]


def base64_encode(value: Text, variant: Variant = "base64") -> str:
    """Text in base64."""
    url, padded = _BASE64[variant]
    found = (base64.urlsafe_b64encode if url else base64.b64encode)(value.encode()).decode()
    return found if padded else found.rstrip("=")


def _encoding(value: Any) -> Any:
    try:
        if value in _BASE64 or codecs.lookup(str(value))._is_text_encoding:  # noqa: SLF001  (else it is one like zip)
            return value
    except LookupError:
        pass
    raise Fault(f"there is no encoding {value!r}")


Encoding = Annotated[str, Kind("an encoding", literal=True, convert=_encoding)]


def decode(value: Anything, encoding: Encoding) -> str:
    """The text that was encoded, in base64 or as bytes of an encoding such as `utf-16`."""
    if type(value) not in {str, bytes}:
        raise Fault(f"expected a string or bytes, found {kind_of(value)}")
    data = value.encode() if type(value) is str else value
    if encoding in _BASE64:
        url, padded = _BASE64[encoding]
        data = data if padded else data + b"=" * (-len(data) % 4)
        altchars = b"-_" if url else None
        return _utf8(base64.b64decode(data, altchars=altchars, validate=True))
    return data.decode(encoding, errors="replace")


def base64_decode(value: Text) -> str:
    """The text that was encoded in base64."""
    return decode(value, "base64")


def _utf8(data: bytes) -> str:
    try:
        return data.decode()
    except (UnicodeDecodeError, binascii.Error):
        raise Fault("what was encoded is no UTF-8 text") from None


def _networks(value: Any) -> Any:
    if type(value) is not list:
        raise Fault('expected a list of networks such as ["10.0.0.0/8"]')
    return [ipaddress.ip_network(network, strict=False) for network in value]


Networks = Annotated[list[Any], Kind("networks", literal=True, convert=_networks)]


def is_in_cidr(target: Text, networks: Networks) -> bool:
    """Whether a text is an address in one of the networks."""
    try:
        address = ipaddress.ip_address(target)
    except ValueError:
        return False
    return any(address in network for network in networks)


_DIGITS = frozenset("0123456789")


def is_valid_luhn(value: Anything) -> bool:
    """Whether the last digit checks the others, as of card numbers."""
    digits = str(value) if type(value) is int else value
    if type(digits) is not str or not digits or not set(digits) <= _DIGITS:
        raise Fault("expected an int or a string of digits")
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (sum(map(int, digits[::-2])) + sum(doubled)) % 10 == 0


def new_uuid() -> str:
    """A new random UUID, version 4."""
    return str(uuid.uuid4())


def new_uuid7() -> str:
    """A new UUID, version 7: the time first, then what is random (RFC 9562)."""
    milliseconds = time.time_ns() // 1_000_000
    number = int.from_bytes(milliseconds.to_bytes(6, "big") + os.urandom(10), "big")
    number = number & ~(0xF << 76) | 7 << 76
    return str(uuid.UUID(int=number & ~(0b11 << 62) | 0b10 << 62))


CONVERTERS: Functions = {
    "Base64Decode": base64_decode,
    "Base64Encode": base64_encode,
    "Decode": decode,
    "FNV": fnv,
    "Hex": as_hex,
    "IsInCIDR": is_in_cidr,
    "IsValidLuhn": is_valid_luhn,
    "MD5": md5,
    "SHA1": sha1,
    "SHA256": sha256,
    "SHA512": sha512,
    "SpanID": span_id,
    "TraceID": trace_id,
}
FOR_ITEMS: Functions = {"UUID": new_uuid, "UUIDv7": new_uuid7}
"""Functions that give every item something else."""
