"""Recorded telemetry for tests of indicators: spans of an afternoon."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from penstock.pipeline import Signal
from penstock.testing.encode import batch_of
from penstock.testing.items import MODELS

if TYPE_CHECKING:
    from pathlib import Path

NOON = 1_769_860_800_000_000_000
"""2026-01-31T12:00:00Z."""

SECOND = 1_000_000_000
MINUTE = 60 * SECOND


def span(minute: float, **words: Any) -> dict[str, Any]:
    """A span that ended so many minutes after noon, in the words of tests."""
    return {"name": "task", "end": NOON + round(minute * MINUTE), "duration": "1s", **words}


def record(minute: float, **words: Any) -> dict[str, Any]:
    """A log record of so many minutes after noon."""
    return {"time": NOON + round(minute * MINUTE), **words}


def recorded(file: Path, *batches: list[dict[str, Any]], signal: Signal = Signal.TRACES) -> Path:
    """A file with a line for each batch."""
    model = MODELS[signal]
    made = [batch_of(signal, [model.model_validate(it) for it in items]) for items in batches]
    file.write_bytes(b"".join(batch.to_json() + b"\n" for batch in made))
    return file
