"""Keep the spans that took much longer than usual for their name, and those that failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pydantic import BaseModel

if TYPE_CHECKING:
    from penstock.pipeline import Batch

ERROR = 2
"""OTLP's status code of what failed."""

MAX_NAMES = 10_000
"""Names whose average is kept. They come from outside, and somebody may send new ones for ever."""


class Config(BaseModel):
    """Settings, under `config` of the processor."""

    factor: float = 2.0
    """How many times the usual duration is unusual."""
    weight: float = 0.1
    """How far a batch moves the average: 1 forgets what was before."""


class Processor:
    """Keeps a moving average of the duration, by name. It is never called twice at once."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._usual: dict[str, float] = {}

    def process(self, batch: Batch) -> Batch | None:
        """Compare all durations at once; only the distinct names are looped over."""
        names = batch.column("span.name")
        durations = batch.numbers("span.duration")
        usual = self._moved(names.values, _means(names.codes, durations, len(names.values)))
        unusual = durations > self._config.factor * usual[names.codes]
        return batch.keep(unusual | (batch.column("span.status.code") == ERROR))

    def _moved(self, names: list[str], means: np.ndarray) -> np.ndarray:
        """What was usual before this batch, whose means move it."""
        before = np.array([self._usual.get(*pair) for pair in zip(names, means, strict=True)])
        after = before + self._config.weight * (means - before)
        for name, average in zip(names, after.tolist(), strict=True):
            if name in self._usual or len(self._usual) < MAX_NAMES:
                self._usual[name] = average
        return before


def _means(codes: np.ndarray, values: np.ndarray, count: int) -> np.ndarray:
    sums = np.bincount(codes, weights=values, minlength=count)
    return sums / np.bincount(codes, minlength=count)
