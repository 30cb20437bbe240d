"""Where spans and log records have what samplers go by, and where they keep what was decided."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np

from penstock.pipeline import Batch, Column
from penstock.pipeline.tracestate import TraceState, randomness, rv, th, threshold
from penstock.processors._attributes import path_to, present
from penstock.processors._randomness import (
    Policy,
    Randomness,
    Source,
    numbers,
    of_ids,
    settled,
    told_or,
)
from penstock.processors._sampling import (
    ALWAYS,
    NEVER,
    Items,
    hashed,
    probability_threshold,
)
from penstock.processors._values import as_string, to_float

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from penstock.pipeline.batch import Mask
    from penstock.processors._randomness import Policies
    from penstock.processors._sampling import Numbers

_PRIORITY = 'span.attributes["sampling.priority"]'
_RANDOMNESS = 'log.attributes["sampling.randomness"]'
_THRESHOLD = 'log.attributes["sampling.threshold"]'


class Sampled(ABC):
    """The items of a batch as a sampler sees them."""

    items: Items
    """What decides."""
    policies: Policies
    """The `Policy` of each."""

    @abstractmethod
    def forced(self) -> tuple[Mask, Numbers]:
        """Where a priority decides instead, and the thresholds that it gives there."""

    @abstractmethod
    def keep(self, mask: Mask, thresholds: Numbers) -> Batch | None:
        """The batch with the items of the mask only, in which the decision is written."""

    def _raised(self, thresholds: Numbers) -> Numbers:
        """`thresholds`, `NEVER` where the item has a higher one, which stays."""
        higher = self.items.has_threshold & (self.items.threshold > thresholds)
        return np.where(higher, np.uint64(NEVER), thresholds)


class Spans(Sampled):
    """Spans: what was decided is in the trace state."""

    def __init__(self, batch: Batch, source: Source, seed: int) -> None:
        self._batch = batch
        self._hashes = source is Source.HASH
        self._column = batch.column("span.trace_state")
        self._states = [TraceState.parse(text or "") for text in self._column.values]
        found = of_ids(batch.column("span.trace_id"), source, seed)
        faulty = self._where(lambda state: state.faulty)
        if source is Source.HASH:
            faulty |= self._where(lambda state: bool(state.rv or state.th))
        if source is Source.CONSISTENT:
            told = [randomness(state.rv) for state in self._states]
            found = told_or(Column(self._column.codes, told), found, faulty)
        self.policies = found.policies
        self.items = Items(
            randomness=found.values,
            missing=found.missing,
            faulty=faulty,
            threshold=numbers(Column(self._column.codes, [threshold(s.th) for s in self._states])),
            has_threshold=self._where(lambda state: bool(state.th)),
            keeps=~faulty | (source is Source.NONE),
        )

    def forced(self) -> tuple[Mask, Numbers]:
        """A `sampling.priority` of 0 drops, one above 0 keeps."""
        column = self._batch.column(_PRIORITY).map(_priority)
        return present(column), numbers(column)

    def keep(self, mask: Mask, thresholds: Numbers) -> Batch | None:
        """The spans of the mask, with `th` and perhaps `rv` in their trace states."""
        kept = self._batch.keep(mask)
        if kept is None:
            return None
        raised, ths = _distinct(self._raised(thresholds)[mask])
        random, rvs = _distinct(self.items.randomness[mask] if self._hashes else raised)
        shape = (len(self._states), len(ths), len(rvs))
        flat = np.ravel_multi_index((self._column.codes[mask], raised, random), shape)
        codes, combinations = _distinct(flat)
        written = [
            self._written(int(state), ths[raised], rvs[random])
            for state, raised, random in zip(*np.unravel_index(combinations, shape), strict=True)
        ]
        return kept.set("span.trace_state", Column(codes, written), self.items.keeps[mask])

    def _written(self, state: int, raised: int, random: int) -> str:
        was = self._states[state]
        threshold_text = was.th if raised == NEVER else th(raised)
        return was.written(rv(random) if self._hashes else was.rv, threshold_text)

    def _where(self, test: Callable[[TraceState], bool]) -> Mask:
        return np.array([test(state) for state in self._states], dtype=np.bool_)[self._column.codes]


class Logs(Sampled):
    """Log records: what was decided is in the attributes `sampling.randomness` and
    `sampling.threshold`. Priorities are percentages."""

    def __init__(  # noqa: PLR0913, PLR0917  (what the options say)
        self,
        batch: Batch,
        source: Source,
        seed: int,
        attribute: str,
        priority: str,
        precision: int,
        *,
        by_trace: bool,
    ) -> None:
        self._batch = batch
        self._hashes = source is Source.HASH
        self._priority, self._precision = priority, precision
        randoms, thresholds = (batch.column(path).map(_text) for path in (_RANDOMNESS, _THRESHOLD))
        read_randoms, read = randoms.map(randomness), thresholds.map(threshold)
        faulty = (randoms.where(bool) & ~present(read_randoms)) | (
            thresholds.where(bool) & ~present(read)
        )
        if source is Source.HASH:
            found = self._hashed(seed, attribute, by_trace=by_trace)
            faulty |= randoms.where(bool) | thresholds.where(bool)
        else:
            found = of_ids(batch.column("log.trace_id"), source, seed)
        if source is Source.CONSISTENT:
            found = told_or(read_randoms, found, faulty)
        self.policies = found.policies
        self.items = Items(
            randomness=found.values,
            missing=found.missing,
            faulty=faulty,
            threshold=numbers(read),
            has_threshold=present(read),
            keeps=~faulty | (source is Source.NONE),
        )

    def forced(self) -> tuple[Mask, Numbers]:
        """The threshold of the percentage in the attribute of priorities."""
        if not self._priority:
            return np.zeros(len(self._batch), dtype=np.bool_), self.items.threshold
        column = self._batch.column(path_to("log.attributes", self._priority))
        forced = column.map(self._of_percentage)
        return present(forced), numbers(forced)

    def keep(self, mask: Mask, thresholds: Numbers) -> Batch | None:
        """The records of the mask, with the attributes that say how they were sampled."""
        kept = self._batch.keep(mask)
        if kept is None:
            return None
        edits, keeps = kept.edit(), self.items.keeps[mask]
        raised, ths = _distinct(self._raised(thresholds)[mask])
        texts = ["" if value == NEVER else th(value) for value in ths]
        codes = Column(raised, texts)
        edits.set(_THRESHOLD, codes, keeps & codes.where(bool))
        if self._hashes:
            random, rvs = _distinct(self.items.randomness[mask])
            has = keeps & ~self.items.missing[mask]
            edits.set(_RANDOMNESS, Column(random, [rv(value) for value in rvs]), has)
        return edits.apply()

    def _hashed(self, seed: int, attribute: str, *, by_trace: bool) -> Randomness:
        """By the trace id where that may decide and is there, else by the attribute."""
        found = of_ids(self._batch.column("log.trace_id"), Source.HASH, seed)
        if not by_trace:
            found = found._replace(missing=np.ones(len(self._batch), dtype=np.bool_))
        if not attribute or not found.missing.any():
            return settled(found.values, found.missing, found.policies)
        column = self._batch.column(path_to("log.attributes", attribute))
        texts = [
            found if isinstance(found, bytes) else as_string(found).encode()
            for found in column.values
        ]
        there = np.array([bool(text) for text in texts], dtype=np.bool_)[column.codes]
        values = np.where(found.missing, hashed(texts, seed)[column.codes], found.values)
        policies = np.where(found.missing, np.uint8(Policy.ATTRIBUTE), found.policies)
        return settled(values, found.missing & ~there, policies)

    def _of_percentage(self, value: Any) -> int | None:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        return probability_threshold(value / 100, self._precision)


def _distinct(values: NDArray[Any]) -> tuple[NDArray[np.uint32], list[int]]:
    """Codes, and the value of each."""
    distinct, codes = np.unique(values, return_inverse=True)
    return codes.astype(np.uint32), distinct.tolist()


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _priority(value: Any) -> int | None:
    number = value if isinstance(value, bool) else to_float(value)
    if not isinstance(number, float) or not number >= 0:
        return None
    return ALWAYS if number > 0 else NEVER
