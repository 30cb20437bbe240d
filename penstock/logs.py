"""Penstock's own log: one line a record on stderr, as text for people or as JSON for machines."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime

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


def printable(text: str) -> str:
    r"""`text` with line ends and control characters written as escapes, such as `\n`.

    What comes from outside can then neither forge a line nor drive a terminal.
    """
    return text.translate(_ESCAPES)


def configure(level: str, encoding: str) -> None:
    """Send every record from `level` (debug, info, warn, error) to stderr as `console` or `json`.

    Libraries are heard from `warn` only, whatever the level.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter() if encoding == "json" else ConsoleFormatter())
    logging.basicConfig(handlers=[handler], force=True, level=max(_LEVELS[level], logging.WARNING))
    logging.getLogger("penstock").setLevel(_LEVELS[level])


class ConsoleFormatter(logging.Formatter):
    """`2026-01-31T12:00:00.000Z info exporters.otlp message`."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, whatever the record holds."""
        text = " ".join((_time(record), f"{_level(record):5}", _source(record), _message(record)))
        return printable(text)


class JsonFormatter(logging.Formatter):
    """One object a line, with the keys `ts`, `level`, `logger` and `msg`."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, whatever the record holds."""
        fields = {
            "ts": _time(record),
            "level": _level(record),
            "logger": _source(record),
            "msg": _message(record),
        }
        return printable(json.dumps(fields))


def _time(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _level(record: logging.LogRecord) -> str:
    return _WORDS.get(record.levelno, record.levelname.lower())


def _source(record: logging.LogRecord) -> str:
    return record.name.removeprefix("penstock.")


def _message(record: logging.LogRecord) -> str:
    message = record.getMessage()
    if not record.exc_info:
        return message
    return f"{message}\n{logging.Formatter().formatException(record.exc_info)}"
