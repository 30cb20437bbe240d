"""Where a sampler finds the randomness of items, and what it was found by."""

from __future__ import annotations

from enum import IntEnum, StrEnum, auto
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np

from penstock.processors._attributes import present
from penstock.processors._sampling import hashed, ids_of, missing_randomness, of_trace_ids

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from penstock.pipeline import Column
    from penstock.pipeline.batch import Mask
    from penstock.processors._sampling import Numbers

    Policies: TypeAlias = NDArray[np.uint8]
    """A `Policy` for each item."""


class Source(StrEnum):
    """Where randomness is from."""

    NONE = "none"
    """From nowhere: nothing is sampled."""
    HASH = "hash"
    """From a hash of the trace id or of an attribute."""
    CONSISTENT = "consistent"
    """From what the sender says, or the trace id by itself."""


class Policy(IntEnum):
    """What an item's randomness was from, or what decided instead."""

    MISSING_RANDOMNESS = 0
    """Nothing."""
    TRACE_ID_HASH = auto()
    TRACE_ID_W3C = auto()
    SAMPLING_RANDOMNESS = auto()
    ATTRIBUTE = auto()
    """The hash of an attribute, whose name stands for this in metrics."""
    SAMPLING_PRIORITY = auto()


class Randomness(NamedTuple):
    """The randomness of each item, the highest where it is missing, and its `Policy`."""

    values: Numbers
    missing: Mask
    policies: Policies


def of_ids(column: Column, source: Source, seed: int) -> Randomness:
    """The randomness of a column of trace ids."""
    w3c = np.full(len(column), Policy.TRACE_ID_W3C, dtype=np.uint8)
    if source is Source.NONE:
        items = len(column)
        return Randomness(missing_randomness(items), np.zeros(items, dtype=np.bool_), w3c)
    ids, there = ids_of(column.values)
    if source is Source.CONSISTENT:
        return settled(of_trace_ids(ids)[column.codes], ~there[column.codes], w3c)
    by_hash = np.full(len(column), Policy.TRACE_ID_HASH, dtype=np.uint8)
    return settled(hashed(ids, seed)[column.codes], ~there[column.codes], by_hash)


def told_or(told: Column, found: Randomness, faulty: Mask) -> Randomness:
    """What the sender told, else what was found; what is faulty has none."""
    by_sender = present(told)
    values = np.where(by_sender, numbers(told), found.values)
    policies = np.where(by_sender, np.uint8(Policy.SAMPLING_RANDOMNESS), found.policies)
    return settled(values, faulty | (found.missing & ~by_sender), policies)


def settled(values: Numbers, missing: Mask, policies: Policies) -> Randomness:
    """With what stands for randomness where it is missing."""
    return Randomness(
        np.where(missing, missing_randomness(len(values)), values),
        missing,
        np.where(missing, np.uint8(Policy.MISSING_RANDOMNESS), policies),
    )


def numbers(column: Column) -> Numbers:
    """A column of numbers written out, 0 where there is none."""
    return np.array([value or 0 for value in column.values], dtype=np.uint64)[column.codes]
