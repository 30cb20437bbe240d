"""Penstock's own log: one line a record, as text for people or as JSON for machines."""

from __future__ import annotations

import json
import logging
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from logging.handlers import WatchedFileHandler
from typing import TYPE_CHECKING, Any

from penstock.redaction import redacted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "error": logging.ERROR,
}
_WORDS = {number: word for word, number in _LEVELS.items()}
_ESCAPES = {
    code: f"\\u{code:04x}"
    for code in (*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029, *range(0xD800, 0xE000))
} | {ord("\t"): r"\t", ord("\n"): r"\n", ord("\r"): r"\r"}

_MAX_WORDINGS = 1_000
"""Wordings that a sampler counts in an interval; what is beyond them counts as one."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """Of one wording, `initial` lines in `tick` seconds, then one of `thereafter`; 0 is none."""

    tick: float = 10.0
    initial: int = 10
    thereafter: int = 100


@dataclass(frozen=True, slots=True)
class LogSettings:
    """How the log is written, and where: `stderr`, `stdout`, paths of files."""

    level: str = "info"
    encoding: str = "console"
    output_paths: tuple[str, ...] = ("stderr",)
    initial_fields: Mapping[str, Any] = field(default_factory=dict)
    tracebacks: bool = True
    sampling: Sampling | None = Sampling()


_LIBRARIES = Sampling(initial=1, thereafter=0)
"""What libraries log can be brought about by whoever connects: a line a wording and interval."""


WHOLE = {"whole": True}
"""The `extra` of records that are all written, since their writer sees to repetitions itself."""


def printable(text: str) -> str:
    r"""`text` with line ends and control characters written as escapes, such as `\n`.

    What comes from outside can then neither forge a line nor drive a terminal; nor can it give a
    secret away that has been told to `penstock.redaction`.
    """
    return redacted(text).translate(_ESCAPES)


def component_logger(kind: str, id_: str, **about: str) -> logging.Logger:
    """The logger of a component; its lines have its kind, its id and what else they are `about`,
    such as its `signal` or `pipeline`."""
    logger = logging.getLogger(".".join(("penstock", f"{kind}s", id_, *about.values())))
    if not logger.filters:
        logger.addFilter(_Mark(f"{kind}s.{id_}", {"kind": kind, "id": id_, **about}))
    return logger


def about(record: logging.LogRecord) -> dict[str, str]:
    """What `record` is about, under the Collector's names."""
    words: dict[str, str] = getattr(record, "about", {})
    return {_FIELDS[word]: value for word, value in words.items()}


_FIELDS = {
    "kind": "otelcol.component.kind",
    "id": "otelcol.component.id",
    "pipeline": "otelcol.pipeline.id",
    "signal": "otelcol.signal",
}


class _Mark(logging.Filter):
    """Says what the records of one logger are about."""

    def __init__(self, source: str, words: dict[str, str]) -> None:
        super().__init__()
        self._marks = {"source": source, "about": words}

    def filter(self, record: logging.LogRecord) -> bool:
        """Mark `record`; none is left out."""
        vars(record).update(self._marks)
        return True


def configure(settings: LogSettings) -> None:
    """Write every record from a level (debug, info, warn, error) on to the outputs.

    Libraries are heard from `warn` only, whatever the level. Raises `OSError` for a file that
    cannot be written.
    """
    level = _LEVELS[settings.level]
    form = (JsonFormatter if settings.encoding == "json" else ConsoleFormatter)(settings)
    outputs = [_output(path) for path in settings.output_paths]
    for output in outputs:
        output.setFormatter(form)
    handler = _Outputs(outputs)
    handler.addFilter(Sampler(settings.sampling))
    logging.basicConfig(handlers=[handler], force=True, level=max(level, logging.WARNING))
    logging.getLogger("penstock").setLevel(level)


class _Outputs(logging.Handler):
    """All outputs as one, so that a record is sampled once."""

    def __init__(self, outputs: list[logging.Handler]) -> None:
        super().__init__()
        self._outputs = outputs

    def emit(self, record: logging.LogRecord) -> None:
        for output in self._outputs:
            output.handle(record)

    def close(self) -> None:
        for output in self._outputs:
            output.close()
        super().close()


def _output(path: str) -> logging.Handler:
    if path in {"stderr", "stdout"}:
        return logging.StreamHandler(getattr(sys, path))
    # A file that was moved away, as logrotate does, is opened anew.
    return WatchedFileHandler(path.removeprefix("file://"), encoding="utf-8")


class Sampler(logging.Filter):
    """Leaves out what repeats; the next line of that wording says how many were."""

    def __init__(
        self, sampling: Sampling | None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__()
        self._own = sampling
        self._clock = clock
        self._seen: dict[tuple[str, int, str], _Wording] = {}
        self._tidied = clock()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether `record` is written."""
        sampling = self._own if record.name.startswith("penstock") else _LIBRARIES
        if sampling is None or getattr(record, "whole", False):
            return True
        now = self._clock()
        wording = self._wording(record, now)
        if not wording.passes(sampling, now):
            return False
        if wording.left_out:
            vars(record)["left_out"] = wording.left_out
            wording.left_out = 0
        return True

    def _wording(self, record: logging.LogRecord, now: float) -> _Wording:
        key = (record.name, record.levelno, str(record.msg))
        if key not in self._seen and len(self._seen) >= _MAX_WORDINGS:
            self._tidy(now)
        if key not in self._seen and len(self._seen) >= _MAX_WORDINGS:
            key = ("", record.levelno, "")
        return self._seen.setdefault(key, _Wording())

    def _tidy(self, now: float) -> None:
        if now >= self._tidied + _LIBRARIES.tick:
            self._tidied = now
            self._seen = {key: each for key, each in self._seen.items() if now < each.until}


@dataclass(slots=True)
class _Wording:
    """How often one wording came in the present interval, and what of it was left out."""

    until: float = 0.0
    times: int = 0
    left_out: int = 0

    def passes(self, sampling: Sampling, now: float) -> bool:
        if now >= self.until:
            self.until, self.times = now + sampling.tick, 0
        self.times += 1
        after = self.times - sampling.initial
        if after <= 0 or (sampling.thereafter and after % sampling.thereafter == 0):
            return True
        self.left_out += 1
        return False


class _Formatter(logging.Formatter):
    def __init__(self, settings: LogSettings) -> None:
        super().__init__()
        self._fields = dict(settings.initial_fields)
        self._tracebacks = settings.tracebacks

    def _message(self, record: logging.LogRecord) -> str:
        message = record.getMessage()
        if left_out := getattr(record, "left_out", 0):
            message += f" ({left_out} more like this were left out)"
        if not record.exc_info or not self._tracebacks:
            return message
        return f"{message}\n{self.formatException(record.exc_info)}"


class ConsoleFormatter(_Formatter):
    """`2026-01-31T12:00:00.000Z info exporters.otlp message`, then the initial fields as JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, whatever the record holds."""
        words = [_time(record), f"{_level(record):5}", _source(record), self._message(record)]
        if self._fields:
            words.append(json.dumps(self._fields, default=str))
        return printable(" ".join(words))


class JsonFormatter(_Formatter):
    """One object a line: `ts`, `level`, `logger`, `msg`, what it is about, the initial fields."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, whatever the record holds."""
        fields = {
            "ts": _time(record),
            "level": _level(record),
            "logger": _source(record),
            "msg": self._message(record),
            **about(record),
        }
        return printable(json.dumps(self._fields | fields, default=str))


def _time(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _level(record: logging.LogRecord) -> str:
    return _WORDS.get(record.levelno, record.levelname.lower())


def _source(record: logging.LogRecord) -> str:
    source: str = getattr(record, "source", record.name.removeprefix("penstock."))
    return source
