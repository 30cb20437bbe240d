"""Files of recorded telemetry: lines of OTLP/JSON, such as the `file` exporter and dead letters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.pipeline.batch import Batch, Signal
from penstock.pipeline.errors import Invalid, MalformedPayload

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LONGEST_LINE = 256 * 1024 * 1024
"""Bytes of a line: dead letters have lines of a few megabytes, unless one item is larger."""

_KEYS = {
    b"resourceSpans": Signal.TRACES,
    b"resourceMetrics": Signal.METRICS,
    b"resourceLogs": Signal.LOGS,
}


def signal_of(line: bytes) -> Signal:
    """The signal of a line of OTLP/JSON: by the key that comes first. Raises `Invalid`."""
    found = [(line.find(b'"%s"' % key), signal) for key, signal in _KEYS.items()]
    _, signal = min((place for place in found if place[0] >= 0), default=(0, None))
    if signal is None:
        msg = f"expected a line of OTLP/JSON with one of {b', '.join(_KEYS).decode()}"
        raise Invalid(msg)
    return signal


def batches(file: Path) -> Iterator[Batch]:
    """What a file holds: a batch a line, or one document over many.

    Raises `Invalid` with the place of what is no OTLP/JSON, and `OSError`.
    """
    with file.open("rb") as lines:
        number, line = 0, lines.readline(LONGEST_LINE)
        if line.strip() == b"{":
            line += lines.read(LONGEST_LINE)
        while line:
            number += 1
            if line.strip():
                yield _batch(line, f"{file}:{number}")
            line = lines.readline(LONGEST_LINE)


def _batch(line: bytes, place: str) -> Batch:
    try:
        return Batch.from_json(signal_of(line), line)
    except (Invalid, MalformedPayload) as fault:
        msg = f"{place}: {fault}"
        raise Invalid(msg) from None
