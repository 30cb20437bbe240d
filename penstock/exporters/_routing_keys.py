"""The keys by which items are routed: a hash for each item of a batch."""

from __future__ import annotations

import random
from base64 import b64encode
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from penstock.exporters._ring import hashes, hashes_of_rows
from penstock.pipeline import Signal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from penstock.pipeline import Batch

    Hashes = NDArray[np.uint32]

RoutingKey = Literal["traceID", "service", "resource", "metric", "streamID", "attributes"]

OF_METRICS = ("metric", "streamID")
"""Keys that nothing else has."""

_ID_BYTES = 16

_PSEUDO = {
    Signal.TRACES: {"span.kind": "span.kind", "span.name": "span.name"},
    Signal.LOGS: {"log.severity": "log.severity_text", "log.body": "log.body"},
    Signal.METRICS: {},
}
"""What may be named among attributes and is none."""

_KINDS = ("Unspecified", "Internal", "Server", "Client", "Producer", "Consumer")
"""The Collector's words for the kinds of spans."""


def hasher(
    key: RoutingKey | None, attributes: Sequence[str], signal: Signal
) -> Callable[[Batch], Hashes]:
    """What hashes the keys of items: by default their trace, and the service of data points."""
    if key is None:
        key = "service" if signal is Signal.METRICS else "traceID"
    ways: dict[RoutingKey, Callable[[Batch], Hashes]] = {
        "traceID": _of_traces,
        "service": partial(_of_texts, path='resource.attributes["service.name"]'),
        "resource": _of_resources,
        "metric": partial(_of_texts, path="metric.name"),
        "streamID": _of_series,
        "attributes": partial(_of_attributes, names=attributes),
    }
    return ways[key]


def _of_traces(batch: Batch) -> Hashes:
    """Records without a trace go together to anybody: all to the same would be a burden."""
    column = batch.column(f"{batch.signal.context}.trace_id")
    ids = [value or "" for value in column.values]
    whole = np.fromiter((len(value) == 2 * _ID_BYTES for value in ids), np.bool_, len(ids))
    found = np.full(len(ids), random.getrandbits(32), dtype=np.uint32)
    rows = bytes.fromhex("".join(value for value, fits in zip(ids, whole, strict=True) if fits))
    found[whole] = hashes_of_rows(np.frombuffer(rows, np.uint8).reshape(-1, _ID_BYTES))
    return found[column.codes]


def _of_texts(batch: Batch, path: str) -> Hashes:
    column = batch.column(path)
    texts = [value if isinstance(value, str) else "" for value in column.values]
    return hashes([text.encode() for text in texts])[column.codes]


def _of_resources(batch: Batch) -> Hashes:
    column = batch.column("resource.attributes")
    return hashes([_text(value).encode() for value in column.values])[column.codes]


def _of_series(batch: Batch) -> Hashes:
    return batch.series_ids()["id"].astype(np.uint32)


def _of_attributes(batch: Batch, names: Sequence[str]) -> Hashes:
    """`name=value|` for each of the names, as the Collector writes it."""
    found = [_attribute(batch, name) for name in names]
    codes = np.stack([codes for codes, _ in found], axis=1)
    combined, inverse = np.unique(codes, axis=0, return_inverse=True)
    keys = [
        "".join(
            f"{name}={texts[code]}|"
            for name, (_, texts), code in zip(names, found, row, strict=True)
        ).encode()
        for row in combined.tolist()
    ]
    return hashes(keys)[inverse.reshape(-1)]


def _attribute(batch: Batch, name: str) -> tuple[NDArray[np.uint32], list[str]]:
    """A code for each item and the text of each code: of the resource, the scope or the item."""
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    paths = [f'{of}.attributes["{quoted}"]' for of in ("resource", "scope", batch.signal.context)]
    if name in (pseudo := _PSEUDO[batch.signal]):
        paths[2] = pseudo[name]
    codes, texts = np.zeros(len(batch), dtype=np.uint32), [""]
    for path in reversed(paths):
        column = batch.column(path)
        there = np.fromiter((v is not None for v in column.values), np.bool_, len(column.values))
        codes = np.where(there[column.codes], column.codes + np.uint32(len(texts)), codes)
        texts += [_KINDS[v] if path == "span.kind" else _text(v) for v in column.values]
    return codes, texts


def _text(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case bytes():
            return b64encode(value).decode()
        case dict():
            return "{" + ",".join(f"{key}:{_text(value[key])}" for key in sorted(value)) + "}"
        case list():
            return "[" + ",".join(map(_text, value)) + "]"
    return str(value)
