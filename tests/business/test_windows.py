"""How time is divided."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.business.windows import Calendar, Sliding, Span, Tumbling, Unit

SECOND = 1_000_000_000
ZONES = ["Europe/Berlin", "America/Sao_Paulo", "Pacific/Apia", "Asia/Kathmandu", "Africa/Cairo"]
"""Zones with daylight saving at 2:00 and at midnight, a day that never was, and odd offsets."""

TIMES = st.integers(1_000_000_000, 2_000_000_000)


def local(time: int, zone: str) -> datetime:
    return datetime.fromtimestamp(time // SECOND, UTC).astimezone(ZoneInfo(zone))


def period(moment: datetime, unit: Unit) -> object:
    """What is the same for two moments that are in one day, week or month."""
    day = moment.date()
    return {
        "day": day,
        "week": day - timedelta(days=day.weekday()),
        "month": (day.year, day.month),
    }[unit]


@given(time=TIMES, zone=st.sampled_from(ZONES), unit=st.sampled_from(["day", "week", "month"]))
def test_calendar_windows_begin_and_end_where_the_local_date_changes(
    time: int, zone: str, unit: Unit
) -> None:
    window = Calendar(unit, ZoneInfo(zone))
    start = window.floor(time * SECOND)
    end = window.after(start)
    inside = period(local(time * SECOND, zone), unit)

    assert start <= time * SECOND < end
    assert period(local(start, zone), unit) == inside == period(local(end - SECOND, zone), unit)
    assert period(local(start - SECOND, zone), unit) != inside
    assert period(local(end, zone), unit) != inside
    assert window.ending(end) == Span(start, end)


@given(times=st.lists(TIMES, min_size=1, max_size=8), zone=st.sampled_from(ZONES))
def test_panes_of_many_times_are_those_of_each(times: list[int], zone: str) -> None:
    window = Calendar("day", ZoneInfo(zone))
    starts = window.starts(np.array(times) * SECOND)
    assert starts.tolist() == [Calendar("day", ZoneInfo(zone)).floor(t * SECOND) for t in times]


@pytest.mark.parametrize(("month", "hours"), [(3, 31 * 24 - 1), (10, 31 * 24 + 1), (2, 28 * 24)])
def test_a_month_is_as_long_as_its_clocks_say(month: int, hours: int) -> None:
    zone = ZoneInfo("Europe/Berlin")
    window = Calendar("month", zone)
    start = round(datetime(2026, month, 1, tzinfo=zone).timestamp()) * SECOND
    assert window.floor(start) == start
    assert window.after(start) - start == hours * 3600 * SECOND


def test_sliding_windows_are_told_at_every_step() -> None:
    window = Sliding(3, 1)
    assert window.closing([10], 0, 100) == [Span(8, 11), Span(9, 12), Span(10, 13)]
    assert window.closing([10], 11, 12) == [Span(9, 12)]
    assert window.needed_from(12) == 10


def test_tumbling_windows_are_told_once() -> None:
    window = Tumbling(5)
    assert window.closing([0, 10], 0, 15) == [Span(0, 5), Span(10, 15)]
    assert window.closing([0, 10], 5, 14) == []
    assert window.every(0, 17) == [Span(0, 5), Span(5, 10), Span(10, 15)]


def test_after_a_long_sleep_only_the_last_empty_windows_are_told() -> None:
    assert len(Tumbling(1).every(0, 10**6)) == 1000


@given(
    panes=st.sets(st.integers(0, 20)),
    after=st.integers(-3, 25),
    until=st.integers(0, 40),
    steps=st.integers(1, 6),
)
def test_the_sliding_windows_that_close_are_those_with_something_in_them(
    panes: set[int], after: int, until: int, steps: int
) -> None:
    told = Sliding(steps, 1).closing(panes, after, until)
    assert told == [
        Span(end - steps, end)
        for end in range(after + 1, until + 1)
        if panes & set(range(end - steps, end))
    ]
