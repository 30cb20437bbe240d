"""Print what passes on standard output: a line a batch, a line an item, or every field."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, TextIO

import orjson
from pydantic import Field

from penstock.logs import printable
from penstock.pipeline import Exporter, ExporterConfig, Signal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.pipeline import Batch, Context

_NOUNS = {Signal.TRACES: "spans", Signal.METRICS: "data points", Signal.LOGS: "log records"}


class Config(ExporterConfig):
    """Options of the Collector's `debug` exporter."""

    verbosity: Literal["basic", "normal", "detailed"] = "basic"
    """`basic` prints a line for each batch, `normal` also one for each item, `detailed` also every
    field."""
    sampling_initial: int = Field(default=2, ge=0)
    """Batches printed each second before sampling begins."""
    sampling_thereafter: int = Field(default=1, ge=0)
    """Of the batches after those, every how manieth is printed; 1 prints all, 0 none."""

    def build(self, context: Context) -> Debug:  # noqa: ARG002  (it needs nothing else)
        """The exporter."""
        return Debug(self)


class Debug(Exporter):
    """Prints to `output`, which is standard output unless a test says otherwise."""

    def __init__(self, config: Config, output: TextIO | None = None) -> None:
        self._lines = {"basic": _no_lines, "normal": _line_per_item, "detailed": _line_per_field}[
            config.verbosity
        ]
        self._sampler = Sampler(config.sampling_initial, config.sampling_thereafter)
        self._output = output

    async def send(self, batch: Batch) -> None:
        """Print `batch`, if it is sampled."""
        if not self._sampler.takes(time.monotonic()):
            return
        counts = {_NOUNS[batch.signal]: len(batch), "bytes": batch.nbytes}
        moment = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        head = f"{moment}\t{batch.signal.capitalize()}\t{orjson.dumps(counts).decode()}"
        output = self._output or sys.stdout
        lines = (head, *map(printable, self._lines(batch)))
        output.write("".join(f"{line}\n" for line in lines))
        output.flush()


class Sampler:
    """Of what comes within a second, takes the first few and then every so many."""

    def __init__(self, initial: int, thereafter: int) -> None:
        self._initial = initial
        self._thereafter = thereafter
        self._second = -1
        self._seen = 0

    def takes(self, now: float) -> bool:
        """Whether to take what comes at `now`, in seconds."""
        if int(now) != self._second:
            self._second, self._seen = int(now), 0
        self._seen += 1
        late = self._seen - self._initial
        return late <= 0 or (self._thereafter > 0 and late % self._thereafter == 0)


def _no_lines(_: Batch) -> Iterator[str]:
    yield from ()


def _line_per_item(batch: Batch) -> Iterator[str]:
    return map(summary, batch.rows())


def _line_per_field(batch: Batch) -> Iterator[str]:
    for number, row in enumerate(batch.rows()):
        yield f"#{number}"
        yield from details(row)


def summary(row: dict[str, Any]) -> str:
    """An item in a line: its name or body, its ids, its value, its attributes."""
    metric = row.get("metric") or {}
    totals = {key: row[key] for key in ("count", "sum") if key in row}
    attributes = totals | (row.get("attributes") or {})
    parts = [
        row.get("name") or metric.get("name") or row.get("body"),
        *(row.get(key) for key in ("trace_id", "span_id", "as_int", "as_double")),
        *(f"{key}={value}" for key, value in attributes.items()),
    ]
    return " ".join(str(part) for part in parts if part not in (None, ""))


def details(value: Any, depth: int = 1) -> Iterator[str]:
    """Everything in `value`, a line for each field, indented by `depth`."""
    fields = value.items() if isinstance(value, dict) else enumerate(value)
    for key, field in fields:
        if isinstance(field, dict | list) and field:
            yield f"{'    ' * depth}{key}:"
            yield from details(field, depth + 1)
        else:
            yield f"{'    ' * depth}{key}: {field}"
