"""Send what is in files of OTLP/JSON, such as dead letters, by an exporter of the settings."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from penstock.config.references import extensions_of
from penstock.config.settings import PipelineSettings, TelemetrySettings
from penstock.pipeline import Batch, Invalid, MalformedPayload, Refused, Signal
from penstock.pipeline.feed import Feed, FeedConfig
from penstock.pipeline.recorded import LONGEST_LINE, signal_of
from penstock.pipeline.runner import Running

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from typing import BinaryIO

    from penstock.config.settings import Settings


@dataclass(slots=True)
class Outcome:
    """What became of files: how many items were sent, and which lines were not and why."""

    sent: int = 0
    faults: list[str] = field(default_factory=list)
    stopped: bool = False
    """Whether the back end takes nothing for now."""
    left: list[Path] = field(default_factory=list)
    """Files of lines that are still to be sent."""
    read: dict[Path, int] = field(default_factory=dict)
    """How many bytes of each file were read."""


def replay(settings: Settings, exporter: str, files: Iterable[Path]) -> Outcome:
    """Send the lines of files by that exporter; what is not sent stands in `FILE.left`.

    Ends at the first line that the back end does not take for now. Raises `StartError`, and
    `OSError` for a file that cannot be read.
    """
    return asyncio.run(_replay(settings, exporter, files))


async def _replay(settings: Settings, exporter: str, files: Iterable[Path]) -> Outcome:
    feed, outcome = Feed(), Outcome()
    async with Running(alone(settings, exporter, feed)):
        for file in files:
            await _send_all(file, feed, settings.exporters[exporter].signals, outcome)
    return outcome


async def _send_all(file: Path, feed: Feed, signals: frozenset[Signal], outcome: Outcome) -> None:
    left = file.with_name(f"{file.name}.left")
    outcome.read[file] = 0
    with file.open("rb") as lines, left.open("wb") as rest:
        for number, line in enumerate(_whole(lines), start=1):
            outcome.read[file] += len(line)
            fault = None if outcome.stopped else await _send(line, feed, signals, outcome)
            if fault:
                outcome.faults.append(f"{file}:{number}: {fault}")
                outcome.stopped = isinstance(fault, Refused)
            if fault or outcome.stopped:
                rest.write(line)
        if rest.tell():
            outcome.left.append(left)
    if not left.stat().st_size:
        left.unlink()


def _whole(lines: BinaryIO) -> Iterator[bytes]:
    """The lines that have an end: the last may just be being written."""
    while (line := lines.readline(LONGEST_LINE)).endswith(b"\n") or len(line) == LONGEST_LINE:
        yield line


async def _send(
    line: bytes, feed: Feed, signals: frozenset[Signal], outcome: Outcome
) -> Exception | None:
    """Send a line; returns why it was not taken."""
    try:
        batch = Batch.from_json(_signal(line, signals), line)
        await feed.consume(batch)
    except (Invalid, Refused, MalformedPayload) as fault:
        return fault
    outcome.sent += len(batch)
    return None


def _signal(line: bytes, signals: frozenset[Signal]) -> Signal:
    signal = signal_of(line)
    if signal not in signals:
        msg = f"the exporter does not carry {signal}"
        raise Invalid(msg)
    return signal


_FEED = "replay"


def alone(settings: Settings, exporter: str, feed: Feed) -> Settings:
    """The settings of one exporter, which is waited for and keeps no letters: they are there. Other
    extensions than its own would listen where those of a running service do."""
    config = settings.exporters[exporter].waited_for()
    needed = extensions_of(config)
    pipelines = {
        signal.value: PipelineSettings(signal.value, signal, (_FEED,), (), (exporter,))
        for signal in Signal
        if signal in config.signals
    }
    return replace(
        settings,
        receivers={_FEED: FeedConfig(feed=feed)},
        processors={},
        connectors={},
        exporters={exporter: config},
        service_extensions=tuple(id_ for id_ in settings.service_extensions if id_ in needed),
        pipelines=pipelines,
        telemetry=TelemetrySettings(page=None),
    )
