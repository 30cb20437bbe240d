"""Files of logs that appear beside a running server: lines of JSON, some 200 bytes each."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from bench.plan import RESULTS

if TYPE_CHECKING:
    from pathlib import Path

FOLDER = RESULTS / "files"
"""Where `configs/filelog.yaml` looks for files."""

LEVELS = ("debug", "info", "warn", "error")


def clear() -> None:
    """Leave no file of a run before."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for file in FOLDER.iterdir():
        file.unlink()


def appear(name: str, lines: int) -> None:
    """Have a file of so many lines, all of it at once."""
    written = _write(FOLDER / f"{name}.part", name, lines)
    written.rename(FOLDER / f"{name}.log")


def _write(path: Path, name: str, lines: int) -> Path:
    with path.open("w") as file:
        for number in range(lines):
            file.write(json.dumps(_line(name, number)) + "\n")
    return path


def _line(name: str, number: int) -> dict[str, object]:
    return {
        "time": f"2024-03-30T08:31:{number % 60:02}.{number % 1000:03}Z",
        "level": LEVELS[number % len(LEVELS)],
        "msg": f"request {name} {number} handled in time",
        "method": "GET",
        "path": f"/api/v1/orders/{number % 1000}",
        "status": 200,
        "duration_ms": number % 997 / 10,
        "user": f"u{number % 99_999:05}",
    }
