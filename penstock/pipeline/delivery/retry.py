"""When to try again, and when to give up."""

from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING, Self

from pydantic import BaseModel, Field, model_validator

from penstock.config.types import Duration
from penstock.pipeline.component import ComponentConfig

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_THROTTLE = 60.0
"""Seconds that a back end may ask for between two attempts; one that asks for more, by mistake or
by malice, is asked again after this, or it could hold a queue for ever."""


class RetryConfig(BaseModel):
    """Exponential back-off with jitter, from the first failure of a batch."""

    model_config = ComponentConfig.model_config

    enabled: bool = True
    """Whether a batch that could not be sent is sent again."""
    initial_interval: Duration = 5.0
    """The wait before the second attempt."""
    randomization_factor: float = Field(default=0.5, ge=0, le=1)
    """How far a wait may be from its interval, as a share of it, so that many senders that failed
    together do not come back together."""
    multiplier: float = Field(default=1.5, ge=0)
    """What the interval is multiplied by after each attempt."""
    max_interval: Duration = 30.0
    """The longest interval."""
    max_elapsed_time: Duration = 300.0
    """How long a batch is tried before it is given up; 0 is for ever."""

    @model_validator(mode="after")
    def _elapsed_time_holds_an_interval(self) -> Self:
        longest = max(self.initial_interval, self.max_interval)
        if self.enabled and 0 < self.max_elapsed_time < longest:
            msg = (
                f"max_elapsed_time ({self.max_elapsed_time:g}s) must not be less than "
                f"initial_interval and max_interval ({longest:g}s)"
            )
            raise ValueError(msg)
        return self


class Backoff:
    """The waits between the attempts at one batch. Times are in seconds, on any one clock."""

    def __init__(
        self,
        config: RetryConfig,
        now: float,
        jitter: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._config = config
        self._interval = config.initial_interval
        self._end = now + (config.max_elapsed_time or math.inf) if config.enabled else -math.inf
        self._jitter = jitter

    def pause(self, now: float, throttle: float | None = None) -> float | None:
        """The wait before the next attempt, or `None` when that would come too late.

        `throttle` is the wait that the back end asked for.
        """
        spread = self._interval * self._config.randomization_factor
        wait = self._jitter(self._interval - spread, self._interval + spread)
        self._interval = min(self._interval * self._config.multiplier, self._config.max_interval)
        wait = max(wait, min(throttle or 0.0, MAX_THROTTLE))
        return wait if now + wait <= self._end else None
