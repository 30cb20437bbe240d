"""Refuse data while the process uses too much memory, so that senders keep it instead."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Self

from pydantic import Field, model_validator

from penstock.config.types import Duration
from penstock.pipeline import Batch, Processor, ProcessorConfig, Refused, Signal
from penstock.pipeline.faults import FaultLog
from penstock.pipeline.memory.limits import MIB, REASON, Limits, Pauses
from penstock.pipeline.memory.total import total_memory

if TYPE_CHECKING:
    from penstock.pipeline import Context
    from penstock.pipeline.telemetry.registry import Counter

_SPIKE = 5
"""The part of the limit that is kept for spikes where the settings do not say, as in the
Collector."""


class Config(ProcessorConfig):
    """Options of the Collector's `memory_limiter` processor."""

    first: ClassVar[bool] = True

    check_interval: Duration = Field(gt=0)
    """How often memory is measured. It is measured sooner where much comes in."""
    limit_mib: int = Field(default=0, ge=0)
    """MiB that the process is to stay below."""
    spike_limit_mib: int = Field(default=0, ge=0)
    """MiB below that from which data is refused; 0 is a fifth of `limit_mib`."""
    limit_percentage: int = Field(default=0, ge=0, le=100)
    """The same as `limit_mib` as a percentage of the memory there is, in the container if it is
    limited. `limit_mib` goes before it."""
    spike_limit_percentage: int = Field(default=0, ge=0, le=100)
    """The same as `spike_limit_mib` as a percentage of the memory there is."""
    min_gc_interval_when_soft_limited: Duration = 10.0
    """The shortest time between collections of garbage while data is refused."""
    min_gc_interval_when_hard_limited: Duration = 0.0
    """The same while the limit itself is exceeded."""
    max_gc_interval_when_soft_limited: Duration = 30.0
    """That time doubles up to this while collecting does not help; 0 leaves it."""
    max_gc_interval_when_hard_limited: Duration = 30.0
    """The same while the limit itself is exceeded."""

    @model_validator(mode="after")
    def _limited(self) -> Self:
        if not self.limit_mib and not self.limit_percentage:
            msg = "expected limit_mib or limit_percentage"
            raise ValueError(msg)
        for unit in ("mib", "percentage"):
            limit, spike = getattr(self, f"limit_{unit}"), getattr(self, f"spike_limit_{unit}")
            if limit and spike >= limit:
                msg = f"spike_limit_{unit} ({spike}) must be less than limit_{unit} ({limit})"
                raise ValueError(msg)
            if spike and not limit:
                msg = f"spike_limit_{unit} needs limit_{unit}"
                raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _intervals_fit(self) -> Self:
        soft, hard = self.min_gc_interval_when_soft_limited, self.min_gc_interval_when_hard_limited
        if soft < hard:
            msg = (
                f"min_gc_interval_when_soft_limited ({soft:g}s) must not be less than "
                f"min_gc_interval_when_hard_limited ({hard:g}s)"
            )
            raise ValueError(msg)
        for level in ("soft", "hard"):
            least = getattr(self, f"min_gc_interval_when_{level}_limited")
            most = getattr(self, f"max_gc_interval_when_{level}_limited")
            if 0 < most < least:
                msg = (
                    f"max_gc_interval_when_{level}_limited ({most:g}s) must not be less than "
                    f"min_gc_interval_when_{level}_limited ({least:g}s)"
                )
                raise ValueError(msg)
        return self

    def build(self, context: Context) -> MemoryLimiter:
        """The processor."""
        return MemoryLimiter(self, context)

    def limits(self, total: int) -> Limits:
        """In bytes, of so many bytes that there are."""
        if self.limit_mib:
            hard, spike = self.limit_mib * MIB, self.spike_limit_mib * MIB
        else:
            hard = total * self.limit_percentage // 100
            spike = total * self.spike_limit_percentage // 100
        return Limits(
            soft=hard - (spike or hard // _SPIKE),
            hard=hard,
            interval=self.check_interval,
            when_soft=Pauses(
                self.min_gc_interval_when_soft_limited, self.max_gc_interval_when_soft_limited
            ),
            when_hard=Pauses(
                self.min_gc_interval_when_hard_limited, self.max_gc_interval_when_hard_limited
            ),
        )


class MemoryLimiter(Processor):
    """Refuses every batch while the process uses too much memory."""

    def __init__(self, config: Config, context: Context) -> None:
        limits = config.limits(total_memory())
        self._limiter = context.memory.limiter(limits, context.status)
        self._retry_after = max(1.0, config.check_interval)
        self._faults = FaultLog(context.logger)
        self._accepted = _count(context, "accepted", "Items that were let pass.")
        self._refused = _count(context, "refused", "Items that were refused for want of memory.")
        context.telemetry.gauge(
            "penstock_processor_memory_limit",
            "Physical memory of the process from which on items are refused.",
            lambda: limits.soft,
            "By",
            processor=context.id,
        )

    def process(self, batch: Batch) -> Batch:
        """Let `batch` pass. Raises `Refused` while there is too little memory for it."""
        if self._limiter.refusing:
            self._refused[batch.signal].add(len(batch))
            used, soft = self._limiter.used // MIB, self._limiter.limits.soft // MIB
            self._faults.report(
                "Refused", len(batch), f"{used} MiB are in use, from {soft} on nothing is taken"
            )
            raise Refused(REASON, self._retry_after)
        self._limiter.passed(batch.nbytes)
        self._accepted[batch.signal].add(len(batch))
        return batch


def _count(context: Context, outcome: str, meaning: str) -> dict[Signal, Counter]:
    name = f"otelcol_processor_memory_limiter_{outcome}_"
    return {
        signal: context.telemetry.counter(
            name + signal.items, meaning, signal.unit, processor=context.id
        )
        for signal in context.signals
    }
