"""Quantiles, distinct values and busy time, within what is said of their errors."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from penstock.pipeline.panes import Keys, Panes, relative_error, scale_for, value_hashes
from tests.kernel.events import NOW, column

if TYPE_CHECKING:
    from collections.abc import Iterable
    from random import Random

SECOND = 1_000_000_000

NUMBERS = st.lists(
    st.one_of(st.floats(-1e12, -1e-3), st.just(0.0), st.floats(1e-3, 1e12)), min_size=1
)


def sketched(values: Iterable[float], scale: int, size: int = 100_000) -> Panes:
    panes = Panes({"sketch": {"scale": scale, "max_buckets": min(size, 65_536)}}, limit=1)
    found = np.fromiter(values, dtype=np.float64)
    panes.add(Keys(len(found), {}), now=NOW, values=found)
    return panes


def least(values: list[float], share: float) -> float:
    """The least value that such a part of all is not over."""
    return sorted(values)[max(math.ceil(len(values) * share) - 1, 0)]


@given(NUMBERS, st.floats(0, 1), st.integers(3, 9))
@example([1.0, 2.0], 0.5, 6)
def test_quantiles_are_right_to_the_relative_error(
    values: list[float], share: float, scale: int
) -> None:
    [found] = sketched(values, scale).merged().quantile(share)
    right = least(values, share)
    assert abs(found - right) <= (relative_error(scale) + 1e-9) * abs(right)


@given(NUMBERS, st.randoms())
def test_quantiles_do_not_depend_on_order_and_panes(values: list[float], random: Random) -> None:
    shape = {"sketch": {"scale": 6, "max_buckets": 20}}
    one, other = Panes(shape, limit=1), Panes(shape, limit=1)
    one.add(Keys(len(values), {}), now=NOW, values=np.array(values))
    random.shuffle(values)
    starts = np.array([random.randrange(3) for _ in values])
    other.add(Keys(len(values), {}), now=NOW, values=np.array(values), panes=starts)
    for share in (0.0, 0.1, 0.5, 0.9, 1.0):
        assert one.merged().quantile(share).tolist() == other.merged().quantile(share).tolist()


def test_the_greatest_values_keep_their_error_where_buckets_are_too_few() -> None:
    values = np.geomspace(1e-6, 1e6, 10_000)
    [found] = sketched(values, 6, 640).merged().quantile(0.99)
    assert found == pytest.approx(least(values.tolist(), 0.99), rel=relative_error(6))
    [low] = sketched(values, 6, 640).merged().quantile(0.01)
    assert low > 1e3 / 2**0.1


def test_the_coarsest_scale_for_an_error_is_right_enough() -> None:
    for error in (0.2, 0.05, 0.01, 0.005, 0.001):
        scale = scale_for(error)
        assert relative_error(scale) <= error < relative_error(scale - 1)


@pytest.mark.parametrize("precision", [4, 8, 12, 14])
def test_few_distinct_values_are_exact_and_many_within_the_error(precision: int) -> None:
    exact = 2**precision // 8
    error = 1.04 / 2 ** (precision / 2)
    panes = Panes({"distinct": {"precision": precision}}, limit=1)
    for count in (exact, 3 * exact, 20 * exact, 60 * exact):
        hashes = value_hashes(column(f"user {at}" for at in range(count)))
        panes.add(Keys(count, {}), now=NOW, hashes=hashes)
        [found] = panes.merged().distinct()
        assert found == pytest.approx(count, rel=0 if count == exact else 4 * error)


def test_hyperloglog_is_unbiased_with_the_error_that_it_is_said_to_have() -> None:
    precision, count, rounds = 10, 2500, 60
    errors = []
    for seed in range(rounds):
        hashes = np.random.default_rng(seed).integers(0, 2**64, count, dtype=np.uint64)
        panes = Panes({"distinct": {"precision": precision}}, limit=1)
        panes.add(Keys(count, {}), now=NOW, hashes=hashes)
        errors.append(int(panes.merged().distinct()[0]) / count - 1)
    said = 1.04 / 2 ** (precision / 2)
    assert abs(np.mean(errors)) < 3 * said / math.sqrt(rounds)
    assert np.std(errors) < 1.3 * said


@given(st.lists(st.lists(st.integers(0, 400), max_size=80), max_size=4), st.randoms())
def test_distinct_values_of_panes_are_those_of_all(lots: list[list[int]], random: Random) -> None:
    shape = {"distinct": {"precision": 6}}
    one, other = Panes(shape, limit=1), Panes(shape, limit=1)
    everything = [value for lot in lots for value in lot]
    random.shuffle(everything)
    one.add(Keys(len(everything), {}), now=NOW, hashes=value_hashes(column(everything)))
    for start, lot in enumerate(lots):
        other.add(Keys(len(lot), {}), now=NOW, hashes=value_hashes(column(lot)), panes=start)
    assert one.merged().distinct().tolist() == other.merged().distinct().tolist()
    if len(set(everything)) <= 8:
        assert one.merged().distinct().tolist() == [len(set(everything))] * len(one.merged())


def test_values_of_different_types_are_different() -> None:
    values = [
        1,
        1.0,
        True,
        "1",
        b"1",
        [1],
        ["1"],
        {"1": 1},
        {"1": "1"},
        [[1]],
        0,
        False,
        "",
        b"",
        [],
    ]
    assert len(set(value_hashes(column(values)).tolist())) == len(values)


INTERVALS = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 40)), min_size=1, max_size=30)


@given(INTERVALS, st.integers(1, 7), st.randoms())
def test_busy_time_is_that_of_the_union_in_each_pane(
    intervals: list[tuple[int, int]],
    size: int,
    random: Random,
) -> None:
    pane = 10
    panes = Panes({"busy": {"max_intervals": 100, "pane": pane * SECOND}}, limit=1)
    random.shuffle(intervals)
    for at in range(0, len(intervals), size):
        some = intervals[at : at + size]
        begins = np.array([begin * SECOND for begin, _ in some])
        ends = np.array([(begin + length) * SECOND for begin, length in some])
        panes.add(
            Keys(len(some), {}),
            now=NOW,
            times=begins,
            values=np.array([float(length) for _, length in some]),
            panes=ends // (pane * SECOND) * (pane * SECOND),
        )
    busy = {second for begin, length in intervals for second in range(begin, begin + length)}
    for start in range(0, 100, pane):
        found = panes.merged(start * SECOND, (start + pane) * SECOND).busy().sum()
        assert found == pytest.approx(len(busy & set(range(start, start + pane))))
    assert panes.merged().busy().sum() == pytest.approx(len(busy))


def test_of_too_many_intervals_the_nearest_become_one() -> None:
    panes = Panes({"busy": {"max_intervals": 2, "pane": 0}}, limit=1)
    begins = np.array([0, 10, 12]) * SECOND
    panes.add(Keys(3, {}), now=NOW, times=begins, values=np.ones(3))
    assert panes.merged().busy().tolist() == [1 + 3]


def test_what_was_dropped_does_not_come_back_by_long_intervals() -> None:
    panes = Panes({"busy": {"max_intervals": 9, "pane": 10 * SECOND}}, limit=1)
    panes.drop(80 * SECOND)
    begun, seconds = np.zeros(1, np.int64), np.array([95.0])
    panes.add(Keys(1, {}), now=NOW, times=begun, values=seconds, panes=90 * SECOND)
    assert panes.starts() == [80 * SECOND, 90 * SECOND]
    assert panes.merged().busy().tolist() == [15]


def test_intervals_of_negative_length_cannot_be_used() -> None:
    panes = Panes({"busy": {"max_intervals": 9, "pane": 0}}, limit=1)
    values = np.array([-1.0, math.nan, math.inf, 1e300])
    assert panes.add(Keys(4, {}), now=NOW, times=np.zeros(4, np.int64), values=values) == (0, 3)


def test_an_interval_of_ages_is_in_so_many_panes_only() -> None:
    panes = Panes({"busy": {"max_intervals": 9, "pane": 1}}, limit=1)
    begun, seconds = np.array([-(2**62)]), np.array([1e300])
    panes.add(Keys(1, {}), now=NOW, times=begun, values=seconds, panes=2**62)
    assert len(panes.starts()) == 1025
