"""Arithmetic of data points, of each type in the way that is right for it.

Every function takes a batch of metrics and a mask of its points; nothing is kept between batches.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from penstock import _kernel
from penstock.pipeline.batch import Batch

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from penstock.pipeline.column import Mask

Combination: TypeAlias = Literal["sum", "mean", "min", "max", "median", "count"]
"""What becomes of numbers that are combined. Histograms and summaries are always added up."""


def combine(batch: Batch, how: Combination, where: Mask) -> tuple[Batch, Mask]:
    """Make one of the points that are of one series and from one time, and for deltas from one
    start; also say which of all points there are still.

    The mean and the median are doubles. Exemplars of all are kept, and the earliest start.
    """
    native, kept = _kernel.combine_points(batch.native, _buffer(where), how)
    return Batch(native), np.frombuffer(kept, dtype=np.bool_)


def scale(batch: Batch, factor: float, where: Mask) -> Batch:
    """Multiply values by a positive factor: of histograms sums, extremes and bounds, of exemplars
    theirs. Integers stay integers if the factor is one."""
    return Batch(_kernel.scale_points(batch.native, _buffer(where), factor))


def set_values(batch: Batch, values: NDArray[np.float64], where: Mask) -> Batch:
    """Give the points of gauges and sums other values, one for each point of the batch."""
    doubles = np.ascontiguousarray(values, dtype=np.float64)
    return Batch(_kernel.set_point_values(batch.native, _buffer(where), doubles.data))


def toggle(batch: Batch, where: Mask) -> Batch:
    """Make doubles of integers, and of doubles integers without what comes after the point."""
    return Batch(_kernel.toggle_points(batch.native, _buffer(where)))


def as_gauges(batch: Batch, where: Mask) -> Batch:
    """Make gauges of the sums that have a point where the mask is true."""
    return Batch(_kernel.as_gauges(batch.native, _buffer(where)))


def _buffer(where: Mask) -> memoryview:
    return np.ascontiguousarray(where, dtype=np.bool_).view(np.uint8).data
