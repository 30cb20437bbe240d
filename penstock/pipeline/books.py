"""Accounts that must balance: what came to a place has left it, was lost there, or is there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock.pipeline.telemetry.registry import read

if TYPE_CHECKING:
    from collections.abc import Mapping

    from penstock.pipeline.telemetry.registry import Reading


@dataclass(frozen=True, slots=True)
class Account:
    """Two sums of items, over named readings, that are equal whenever no batch is on its way."""

    place: str
    came: Mapping[str, Reading]
    went: Mapping[str, Reading]

    def problem(self) -> str | None:
        """How the sums differ, or `None` where they do not."""
        came = {name: read(reading) for name, reading in self.came.items()}
        went = {name: read(reading) for name, reading in self.went.items()}
        if sum(came.values()) == sum(went.values()):
            return None
        return f"{self.place}: {_sum(came)} != {_sum(went)}"


def _sum(terms: Mapping[str, float]) -> str:
    return " + ".join(f"{name} {value:.0f}" for name, value in terms.items()) or "0"


class Books:
    """Every account of a service, kept on the counters that its metrics page shows."""

    def __init__(self) -> None:
        self._accounts: list[Account] = []

    def open(self, place: str, came: Mapping[str, Reading], went: Mapping[str, Reading]) -> None:
        """Hold `place` to this: the sum of `came` is the sum of `went`."""
        self._accounts.append(Account(place, came, went))

    def problems(self) -> list[str]:
        """The accounts that do not balance, a line each; empty when every item is accounted for.

        True at any moment at which no `consume` is under way.
        """
        return [line for account in self._accounts if (line := account.problem())]
