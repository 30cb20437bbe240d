"""Which items a probability lets pass: the same for a trace as in any other collector.

An item has a randomness and a threshold, both of 56 bits, and passes if the threshold is not above
the randomness (https://opentelemetry.io/docs/specs/otel/trace/tracestate-probability-sampling/).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from penstock._kernel import fnv1a_32
from penstock.pipeline.tracestate import ALL, DIGITS

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from penstock.pipeline.batch import Mask

    Numbers: TypeAlias = NDArray[np.uint64]

ALWAYS, NEVER = 0, ALL
_HIGHEST = ALL - 1
_BUCKETS_LG2 = 14
_BUCKETS = 1 << _BUCKETS_LG2
_ID_BYTES = 16
_NO_ID = bytes(_ID_BYTES)


def probability_threshold(probability: float, precision: int) -> int | None:
    """The threshold of a probability with so many significant hex digits, `None` for what is not
    between 2⁻⁵⁶ and 1."""
    if not 1 / ALL <= probability <= 1:
        return None
    if probability == 1:
        return ALWAYS
    leading = max(-math.frexp(part)[1] // 4 for part in (probability, 1 - probability))
    shift = 4 * (DIGITS - min(DIGITS, precision + leading))
    threshold = ALL - math.floor(probability * ALL + 0.5)
    return (threshold + (1 << shift >> 1)) >> shift << shift


def ids_of(values: list[str | None]) -> tuple[list[bytes], Mask]:
    """The ids in hex as bytes, and which of them are there: 16 bytes, not all zero."""
    ids = [bytes.fromhex(value) if value else b"" for value in values]
    there = [len(id_) == _ID_BYTES and id_ != _NO_ID for id_ in ids]
    return ids, np.array(there, dtype=np.bool_)


def hashed(texts: list[bytes], seed: int) -> Numbers:
    """The randomness of texts by their hash, of which 14 bits decide and the others fill up."""
    hashes = np.frombuffer(fnv1a_32(texts, seed), dtype=np.uint32).astype(np.uint64)
    bucket = hashes & np.uint64(_BUCKETS - 1)
    rest = hashes >> np.uint64(32 - _BUCKETS_LG2)
    mixed = rest ^ (rest << np.uint64(10))
    highest = np.uint64(_BUCKETS - 1) - bucket
    numbers: Numbers = highest << np.uint64(42) | mixed << np.uint64(14) | bucket
    return numbers


def of_trace_ids(ids: list[bytes]) -> Numbers:
    """The randomness that trace ids have by themselves: their last 56 bits."""
    tails = b"".join(b"\0" + id_[-7:].rjust(7, b"\0") for id_ in ids)
    numbers: Numbers = np.frombuffer(tails, dtype=">u8").astype(np.uint64)
    return numbers


@dataclass(slots=True)
class Items:
    """What is known of items before a decision, an entry an item."""

    randomness: Numbers
    missing: Mask
    """Where there is no randomness."""
    faulty: Mask
    """Where what earlier samplers said is malformed, or not for this mode."""
    threshold: Numbers
    """What an earlier sampler has let pass, 0 where there was none."""
    has_threshold: Mask
    keeps: Mask
    """Where the decision is written into the item."""


Decide: TypeAlias = "Callable[[Items], Numbers]"
"""A threshold for each item."""


def fixed(threshold: int) -> Decide:
    """The same threshold for all."""
    return lambda items: np.full(len(items.missing), threshold, dtype=np.uint64)


def equalizing(threshold: int) -> Decide:
    """At least this threshold: who was sampled before at that rate or a lower one passes."""
    return lambda items: np.maximum(items.threshold, np.uint64(threshold))


def proportional(ratio: float, precision: int) -> Decide:
    """The threshold of the probability so far, multiplied by `ratio`."""

    def decide(items: Items) -> Numbers:
        before, codes = np.unique(items.threshold, return_inverse=True)
        after = [_scaled(threshold, ratio, precision) for threshold in before.tolist()]
        return np.array(after, dtype=np.uint64)[codes]

    return decide


def _scaled(before: int, ratio: float, precision: int) -> int:
    threshold = probability_threshold((ALL - before) / ALL * ratio, precision)
    return NEVER if threshold is None else threshold


def hash_threshold(percentage: float) -> int:
    """The threshold of a percentage up to 100 in 14 bits, computed in 32 bits as it always was."""
    scaled = int(np.float32(percentage) * np.float32(_BUCKETS / 100))
    return NEVER if not scaled else (_BUCKETS - scaled) << 42


def thresholds(items: Items, decide: Decide, *, fail_closed: bool) -> Numbers:
    """The threshold of each item. Where an earlier one contradicts the randomness, it is forgotten
    and `items` is faulty there."""
    lied = items.keeps & items.has_threshold & (items.threshold > items.randomness)
    lied &= ~items.missing & ~items.faulty
    items.has_threshold = items.has_threshold & ~lied
    failed = items.faulty | items.missing | lied
    decided = decide(items)
    decided[failed] = NEVER if fail_closed else ALWAYS
    return decided


def missing_randomness(items: int) -> Numbers:
    """What stands for randomness that is missing: the highest there is."""
    return np.full(items, _HIGHEST, dtype=np.uint64)
