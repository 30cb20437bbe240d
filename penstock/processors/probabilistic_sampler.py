"""Let a part of traces or log records pass, the same part as other collectors do."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from pydantic import Field, field_validator

from penstock.pipeline import Batch, Processor, ProcessorConfig, Signal
from penstock.pipeline.tracestate import ALL, DIGITS
from penstock.processors._randomness import Policy, Source
from penstock.processors._sampled import Logs, Sampled, Spans
from penstock.processors._sampling import (
    NEVER,
    Decide,
    equalizing,
    fixed,
    hash_threshold,
    probability_threshold,
    proportional,
    thresholds,
)

if TYPE_CHECKING:
    from penstock.pipeline import Context
    from penstock.pipeline.batch import Mask
    from penstock.processors._randomness import Policies

_PERCENT = 100
_COUNTED = {Signal.TRACES: ("traces", "{trace}"), Signal.LOGS: ("logs", "{record}")}


class Config(ProcessorConfig):
    """Options of the Collector's `probabilistic_sampler` processor."""

    signals: ClassVar[frozenset[Signal]] = frozenset({Signal.TRACES, Signal.LOGS})

    sampling_percentage: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    """The percentage of traces or records that pass; 100 and more is all."""
    mode: Literal["hash_seed", "equalizing", "proportional"] = "hash_seed"
    """`hash_seed` goes by a hash. `equalizing` and `proportional` go by OpenTelemetry's consistent
    sampling: the first brings all to one rate, the second multiplies the rate so far."""
    hash_seed: int = Field(default=0, ge=0, lt=2**32)
    """Goes into the hash. Collectors behind each other that are to pass different parts need
    different seeds."""
    fail_closed: bool = True
    """Whether what has no randomness, or says contradictory things about it, is dropped."""
    sampling_precision: int = Field(default=4, ge=1, le=DIGITS)
    """Hex digits of thresholds."""
    attribute_source: Literal["traceID", "record"] = "traceID"
    """Logs, `hash_seed`: whether the trace id decides, where there is one, or only
    `from_attribute`."""
    from_attribute: str = ""
    """Logs, `hash_seed`: the attribute that decides where no trace id does."""
    sampling_priority: str = ""
    """Logs: the attribute with a percentage of a record's own."""

    @field_validator("sampling_percentage")
    @classmethod
    def _is_possible(cls, value: float) -> float:
        if 0 < value / _PERCENT < 1 / ALL:
            msg = f"expected 0, or at least 2⁻⁵⁶ of all, found {value:g}%"
            raise ValueError(msg)
        return float(np.float32(value))

    def build(self, context: Context) -> ProbabilisticSampler:
        """The processor."""
        return ProbabilisticSampler(self, context)

    def decides(self) -> tuple[Source, Decide]:
        """Where randomness is from, and what becomes of thresholds."""
        percentage = min(self.sampling_percentage, _PERCENT)
        if self.mode == "hash_seed" and percentage:
            threshold = hash_threshold(percentage)
            return (Source.NONE if threshold == NEVER else Source.HASH), fixed(threshold)
        if not percentage:
            return Source.NONE, fixed(NEVER)
        ratio = max(percentage / _PERCENT, 1 / ALL)
        if self.mode == "proportional":
            return Source.CONSISTENT, proportional(ratio, self.sampling_precision)
        threshold = probability_threshold(ratio, self.sampling_precision) or 0
        return Source.CONSISTENT, equalizing(threshold)


class ProbabilisticSampler(Processor):
    """Keeps the items whose threshold is not above their randomness."""

    def __init__(self, config: Config, context: Context) -> None:
        self._config = config
        self._source, self._decide = config.decides()
        self._counts = {
            signal: _Counts(context, config, signal) for signal in _COUNTED.keys() & context.signals
        }

    def process(self, batch: Batch) -> Batch | None:
        """The items that pass, with the decision written into them."""
        sampled = self._items_of(batch)
        decided = thresholds(sampled.items, self._decide, fail_closed=self._config.fail_closed)
        where, forced = sampled.forced()
        decided[where] = forced[where]
        passes = decided <= sampled.items.randomness
        if batch.signal is Signal.TRACES:  # of records a priority only raises the probability
            sampled.policies[where] = Policy.SAMPLING_PRIORITY
        self._counts[batch.signal].add(sampled.policies, passes)
        return sampled.keep(passes, decided)

    def _items_of(self, batch: Batch) -> Sampled:
        config = self._config
        if batch.signal is Signal.TRACES:
            return Spans(batch, self._source, config.hash_seed)
        return Logs(
            batch,
            self._source,
            config.hash_seed,
            config.from_attribute,
            config.sampling_priority,
            config.sampling_precision,
            by_trace=config.attribute_source == "traceID",
        )


class _Counts:
    """How many items of a signal were sampled and not, by what decided."""

    def __init__(self, context: Context, config: Config, signal: Signal) -> None:
        what, unit = _COUNTED[signal]
        names = [policy.name.lower() for policy in Policy]
        names[Policy.ATTRIBUTE] = config.from_attribute
        self._counters = {
            2 * policy + sampled: context.telemetry.counter(
                f"otelcol_processor_probabilistic_sampler_count_{what}_sampled",
                "Items that were sampled or not, by what decided.",
                unit,
                policy=name,
                sampled=str(bool(sampled)).lower(),
                processor=context.id,
                pipeline=context.pipeline or "",
            )
            for policy, name in enumerate(names)
            for sampled in (0, 1)
            if name
        }

    def add(self, policies: Policies, passes: Mask) -> None:
        counts = np.bincount(2 * policies + passes)
        for code in np.flatnonzero(counts).tolist():
            self._counters[code].add(int(counts[code]))
