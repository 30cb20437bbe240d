"""How right quantiles are."""

from __future__ import annotations

import math


def relative_error(scale: int) -> float:
    """How far quantiles of a sketch can be from the value, by parts of it."""
    base = math.exp2(math.exp2(-scale))
    return (base - 1) / (base + 1)


def scale_for(error: float) -> int:
    """The coarsest scale of sketches whose `relative_error` is not over `error`, from 0 to 12."""
    base = (1 + error) / (1 - error)
    return min(max(math.ceil(-math.log2(math.log2(base))), 0), 12)
