"""Print what passes: a line a batch, a line an item, or every field."""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self, TextIO

import orjson
from pydantic import Field, model_validator

from penstock.logs import WHOLE, printable
from penstock.pipeline import Exporter, ExporterConfig, Permanent, Signal, StartError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from penstock.pipeline import Batch, Context

_NOUNS = {Signal.TRACES: "spans", Signal.METRICS: "data points", Signal.LOGS: "log records"}


_STREAMS = {"stdout", "stderr"}


class Config(ExporterConfig):
    """Options of the Collector's `debug` exporter."""

    not_here: ClassVar[dict[str, str]] = {
        "sending_queue": "what passes is printed at once; remove it",
    }

    verbosity: Literal["basic", "normal", "detailed"] = "basic"
    """`basic` prints a line for each batch, `normal` also one for each item, `detailed` also every
    field."""
    sampling_initial: int = Field(default=2, ge=0)
    """Batches of a signal printed each second before sampling begins."""
    sampling_thereafter: int = Field(default=1, ge=0)
    """Of the batches after those, every how manieth is printed; 1 prints all, 0 none."""
    use_internal_logger: bool = True
    """Whether to print into Penstock's own log, by its level and encoding."""
    output_paths: list[Annotated[str, Field(pattern=r"^[^\x00]+$")]] | None = None
    """Where to print instead: `stdout`, `stderr` and files, which are added to."""

    @model_validator(mode="after")
    def _prints_somewhere(self) -> Self:
        if self.use_internal_logger and self.output_paths is not None:
            msg = "output_paths needs use_internal_logger: false"
            raise ValueError(msg)
        if self.output_paths == []:
            msg = "output_paths names nothing; remove it to print on stdout"
            raise ValueError(msg)
        return self

    def build(self, context: Context) -> Debug:
        """The exporter."""
        return Debug(self, context)


class Debug(Exporter):
    """Prints batches, each whole and in one go."""

    def __init__(
        self, config: Config, context: Context, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._config = config
        self._context = context
        self._clock = clock
        self._lines = {"basic": _no_lines, "normal": _line_per_item, "detailed": _line_per_field}[
            config.verbosity
        ]
        self._samplers = {
            signal: Sampler(config.sampling_initial, config.sampling_thereafter)
            for signal in Signal
        }
        self._files: dict[str, TextIO] = {}

    async def start(self) -> None:
        """Open the files to print to. Raises `StartError`."""
        for path in self._config.output_paths or ():
            if path not in _STREAMS:
                self._files[path] = self._opened(path)

    async def send(self, batch: Batch) -> None:
        """Print `batch`, if it is sampled. Raises `Permanent` where nothing can be printed."""
        if not self._samplers[batch.signal].takes(self._clock()):
            return
        counts = {_NOUNS[batch.signal]: len(batch), "bytes": batch.nbytes}
        head = f"{batch.signal.capitalize()} {orjson.dumps(counts).decode()}"
        lines = (head, *map(printable, self._lines(batch)))
        if self._config.use_internal_logger:
            for line in lines:
                self._context.logger.info("%s", line, extra=WHOLE)
        else:
            self._print(lines)

    async def stop(self) -> None:
        """Close the files."""
        for path in list(self._files):
            with suppress(OSError):  # `send` has told what could not be printed
                self._files.pop(path).close()

    def _print(self, lines: Iterable[str]) -> None:
        moment = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        text = f"{moment}\t" + "".join(f"{line}\n" for line in lines)
        for path in self._config.output_paths or ["stdout"]:
            output = getattr(sys, path) if path in _STREAMS else self._files[path]
            try:
                output.write(text)
                output.flush()
            except OSError as error:
                msg = f"cannot print to {path}: {error.strerror}"
                raise Permanent(msg) from error

    def _opened(self, path: str) -> TextIO:
        try:
            return open(path, "a", encoding="utf-8", opener=_private)
        except OSError as error:
            msg = f"{self._context.id}: cannot print to {path}: {error.strerror}"
            raise StartError(msg) from error


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


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
