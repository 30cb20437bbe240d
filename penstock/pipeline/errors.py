"""Every exception that crosses a layer.

PenstockError
├── ConfigError         the settings cannot be used; lists every problem with its place
├── StartError          a component could not start: a port in use, a file that cannot be read
├── Refused             the next stage cannot take the batch now; the sender may try again
├── Invalid             the next stage will never take this batch; the sender must not try again
├── Unauthenticated     the sender's credentials are missing or wrong; nothing of it is read
├── Retryable           one attempt to send failed in a way that another attempt may mend
└── Permanent           one attempt to send failed in a way that no other attempt will mend

ValueError
└── MalformedPayload    bytes that are not what they claim to be, with the offset of the fault
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock._kernel import MalformedPayload

if TYPE_CHECKING:
    from penstock.config.problems import Fault
    from penstock.pipeline.batch import Batch
    from penstock.pipeline.component import Rejected

__all__ = [
    "Answer",
    "ConfigError",
    "Invalid",
    "MalformedPayload",
    "PenstockError",
    "Permanent",
    "Refused",
    "Retryable",
    "StartError",
    "Unauthenticated",
]


class PenstockError(Exception):
    """The root: whatever Penstock raises on purpose across a layer, bad bytes excepted."""


class ConfigError(PenstockError):
    """The settings cannot be used. `str()` is the whole report, `faults` are its problems."""

    def __init__(self, report: str, faults: tuple[Fault, ...] = ()) -> None:
        super().__init__(report)
        self.faults = faults


class StartError(PenstockError):
    """A component could not start; the message names the component, the cause and the remedy."""


class Refused(PenstockError):
    """Not now: the sender keeps the batch and may offer it again.

    `retry_after` is in seconds; a receiver passes it on in its protocol's own words.
    """

    def __init__(self, reason: str, retry_after: float = 1.0) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


class Invalid(PenstockError):
    """Never: offering the same batch again will fail again."""


class Unauthenticated(PenstockError):
    """The sender's credentials are missing or wrong. The message never holds them."""


Answer = Refused | Invalid | None
"""What whoever waits for a batch's end is told: `None` that it was taken."""


class Retryable(PenstockError):
    """An attempt failed and another may succeed.

    `after` is the wait in seconds that the back end asked for, if it did. `remaining` is what is
    still to be sent, where the back end took a part, but for what it `rejected`; without it the
    whole batch is.
    """

    def __init__(
        self,
        reason: str,
        *,
        after: float | None = None,
        remaining: Batch | None = None,
        rejected: Rejected | None = None,
    ) -> None:
        super().__init__(reason)
        self.after = after
        self.remaining = remaining
        self.rejected = rejected


class Permanent(PenstockError):
    """An attempt failed and no other will succeed; the batch is dropped, counted and logged."""
