"""Keys of messages: the same as other producers give them."""

from __future__ import annotations

import struct
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from penstock._kernel import xxh64

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

NO_ATTRIBUTES = bytes(16)
"""The key of a resource that has none."""


def of_trace(trace_id: str | None) -> bytes | None:
    """The key of a trace: its id in hex; none without id."""
    return trace_id.encode() if trace_id else None


def of_attributes(attributes: Mapping[str, Any] | None) -> bytes:
    """The key of a resource: the Collector's hash of its attributes (`pdatautil.MapHash`)."""
    if not attributes:
        return NO_ATTRIBUTES
    text = _map(attributes)
    return struct.pack("<QQ", xxh64(text), xxh64(text + b"\xf3"))


def _map(attributes: Mapping[str, Any]) -> bytes:
    pairs = sorted(((key.encode(), value) for key, value in attributes.items()), key=itemgetter(0))
    return b"".join(b"\xf4" + key + _value(value) for key, value in pairs)


def _value(value: Any) -> bytes:
    return _WRITERS[type(value)](value)


_WRITERS: dict[type, Callable[[Any], bytes]] = {
    type(None): lambda _: b"\xf5",
    bytes: lambda value: b"\xf6" + value,
    str: lambda value: b"\xf7" + value.encode(),
    bool: lambda value: b"\xf8" if value else b"\xf9",
    int: lambda value: b"\xfa" + struct.pack("<q", value),
    float: lambda value: b"\xfb" + struct.pack("<d", value),
    dict: lambda value: b"\xfc" + _map(value) + b"\xfd",
    list: lambda value: b"\xfe" + b"".join(map(_value, value)) + b"\xff",
}
