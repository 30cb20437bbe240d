"""What a processor says to those whose telemetry comes to it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeAlias

from penstock.logs import printable

if TYPE_CHECKING:
    from collections.abc import Callable

    from penstock.config.settings import Settings
    from penstock.pipeline.batch import Signal

Source: TypeAlias = "tuple[str, Signal]"
"""A receiver's id, and what comes in there."""

LASTING = 60.0
"""Seconds that a warning stands: what sends once a minute, as SDKs do metrics, hears of it too."""

INTERVAL = 1.0
"""Seconds between two warnings: the text of each is made anew, and read by people."""


def sources_of(pipeline: str, settings: Settings) -> set[Source]:
    """Where what a pipeline takes comes in, directly or through connectors."""
    sources: set[Source] = set()
    reached = [pipeline]
    for id_ in reached:
        for receiver in settings.pipelines[id_].receivers:
            if receiver in settings.receivers:
                sources.add((receiver, settings.pipelines[id_].signal))
            else:
                reached += set(_before(receiver, id_, settings)).difference(reached)
    return sources


def _before(connector: str, pipeline: str, settings: Settings) -> list[str]:
    """The pipelines that lead through a connector into another."""
    converts = settings.connectors[connector].converts
    signal = settings.pipelines[pipeline].signal
    return [
        before.id
        for before in settings.pipelines.values()
        if connector in before.exporters and signal in converts.get(before.signal, ())
    ]


class Senders:
    """Those who send what comes to a processor. Receivers pass on what it says to them, if their
    protocol has words for that."""

    def __init__(
        self,
        tell: Callable[[str, float], None] = lambda text, seconds: None,  # noqa: ARG005
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tell = tell
        self._clock = clock
        self._quiet_until = 0.0

    def warn(self, text: Callable[[], str]) -> None:
        """Tell them, for a minute from now, what they should know about what was taken; `text` is
        asked for once a second at most."""
        now = self._clock()
        if now >= self._quiet_until:
            self._quiet_until = now + INTERVAL
            self._tell(printable(text()), LASTING)
