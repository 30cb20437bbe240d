"""When to try again, and when to give up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from penstock.pipeline.delivery.retry import MAX_THROTTLE, Backoff, RetryConfig


def middle(low: float, high: float) -> float:
    return (low + high) / 2


def test_waits_grow_by_the_multiplier_up_to_the_longest_interval() -> None:
    backoff = Backoff(RetryConfig(), now=0.0, jitter=middle)
    waits = [backoff.pause(now=0.0) for _ in range(7)]
    assert waits == pytest.approx([5.0, 7.5, 11.25, 16.875, 25.3125, 30.0, 30.0])


@given(st.floats(0, 1), st.floats(0, 1))
def test_jitter_stays_within_its_share_of_the_interval(share: float, luck: float) -> None:
    config = RetryConfig.model_validate({"randomization_factor": share})
    backoff = Backoff(config, now=0.0, jitter=lambda low, high: low + luck * (high - low))
    wait = backoff.pause(now=0.0)
    assert wait is not None
    assert 5.0 * (1 - share) - 1e-9 <= wait <= 5.0 * (1 + share) + 1e-9


def test_gives_up_when_the_next_attempt_would_come_too_late() -> None:
    backoff = Backoff(RetryConfig(), now=100.0, jitter=middle)
    assert backoff.pause(now=395.0) == 5.0
    assert backoff.pause(now=395.0) is None


def test_an_elapsed_time_of_zero_never_gives_up() -> None:
    config = RetryConfig.model_validate({"max_elapsed_time": "0"})
    assert Backoff(config, now=0.0).pause(now=1e9) is not None


def test_a_disabled_retry_gives_up_at_the_first_failure() -> None:
    assert Backoff(RetryConfig(enabled=False), now=0.0).pause(now=0.0) is None


def test_the_back_end_may_ask_for_a_longer_wait_within_a_bound() -> None:
    backoff = Backoff(RetryConfig(), now=0.0, jitter=middle)
    assert backoff.pause(now=0.0, throttle=20.0) == 20.0
    assert backoff.pause(now=0.0, throttle=86_400.0) == MAX_THROTTLE
    assert backoff.pause(now=0.0, throttle=0.1) == pytest.approx(11.25)


@pytest.mark.parametrize(
    "options",
    [
        {"max_elapsed_time": "1s"},
        {"randomization_factor": 1.5},
        {"multiplier": -1},
        {"initial_interval": "-1s"},
        {"interval": "1s"},
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        RetryConfig.model_validate(options)


def test_options_of_a_disabled_retry_are_not_weighed_against_each_other() -> None:
    RetryConfig.model_validate({"enabled": False, "max_elapsed_time": "1s"})
