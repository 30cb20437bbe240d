"""How telemetry is written into values of messages: all items together, or each apart."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from penstock._kernel import jaeger_messages, log_bodies, zipkin_message

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from penstock.pipeline import Batch


class Written(NamedTuple):
    """A value, and the places of the items that are not in it, since they cannot be."""

    value: bytes
    unfit: Sequence[int] = ()


Keyed = tuple[bytes | None, bytes]
"""A key, if the encoding gives one, and a value."""


def _zipkin(encoding: str, batch: Batch) -> Written:
    return Written(*zipkin_message(batch.native, encoding))


def _jaeger(encoding: str, batch: Batch) -> Sequence[Keyed]:
    return jaeger_messages(batch.native, encoding)


def _raw(batch: Batch) -> list[Keyed | None]:
    return [None if body is None else (None, body) for body in log_bodies(batch.native)]


TOGETHER: dict[str, Callable[[Batch], Written]] = {
    "otlp_proto": lambda batch: Written(batch.to_otlp()),
    "otlp_json": lambda batch: Written(batch.to_json()),
    "zipkin_json": partial(_zipkin, "zipkin_json"),
    "zipkin_proto": partial(_zipkin, "zipkin_proto"),
}
"""Encodings of which a value holds many items."""

APART: dict[str, Callable[[Batch], Sequence[Keyed | None]]] = {
    "jaeger_json": partial(_jaeger, "jaeger_json"),
    "jaeger_proto": partial(_jaeger, "jaeger_proto"),
    "raw": _raw,
}
"""Encodings of which every item has a value of its own, or none where it cannot."""

UNFIT = {
    "raw": "a log record without body is no raw message",
    "zipkin_json": "Zipkin has no spans without trace and span id",
    "zipkin_proto": "Zipkin has no spans without trace and span id",
}
"""Why an item cannot be written."""
