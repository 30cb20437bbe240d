"""A log of faults that cannot flood."""

import logging

import pytest

from penstock.pipeline import Refused
from penstock.pipeline.faults import INTERVAL, FaultLog


class Clock:
    """A clock that a test sets."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_the_first_of_a_kind_is_written_and_the_next_ones_are_summed_up(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = Clock()
    log = FaultLog(logging.getLogger("penstock.test"), clock)
    for _ in range(5):
        log.report("Refused", 10, Refused("full"))
    clock.now += INTERVAL
    log.report("Refused", 10, "still full")
    assert caplog.messages == [
        "Refused (10 items, 1 times): full",
        "Refused (50 items, 5 times): still full",
    ]


def test_each_kind_has_its_own_line(caplog: pytest.LogCaptureFixture) -> None:
    log = FaultLog(logging.getLogger("penstock.test"))
    log.report("Refused", 1, "full")
    log.report("Rejected", 2, "too old")
    assert len(caplog.messages) == 2


def test_only_what_nobody_raised_on_purpose_has_a_traceback(
    caplog: pytest.LogCaptureFixture,
) -> None:
    log = FaultLog(logging.getLogger("penstock.test"))
    log.report("Refused", 1, Refused("full"))
    log.report("Dropped", 1, ZeroDivisionError())
    assert [bool(record.exc_info) for record in caplog.records] == [False, True]
