"""What an indicator took, and what it did not."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from penstock.pipeline import Mask

    Report = Callable[[str, str, int], None]


class Account:
    """Items of an indicator: how many matched, how many of these were left out for which reason,
    and how many were put under `other`, by dimension.

    Reasons: `condition` (it failed, which is before matching), `future`, `late`,
    `missing_dimension`, `not_a_number`, `negative`, `no_value`, `no_key`, `timeout`; what goes by
    `overflow` and `folded` is counted, but not under its own key.
    """

    def __init__(self, name: str, report: Report) -> None:
        """`report` is told the indicator, the reason and the number of items."""
        self._name = name
        self._report = report
        self.matched = 0
        self.left_out: Counter[str] = Counter()
        self.folded: Counter[str] = Counter()

    def leave_out(self, reason: str, items: int) -> None:
        """So many items do not count, or not under their own key."""
        if items:
            self.left_out[reason] += items
            self._report(self._name, reason, items)

    def fold(self, dimension: str, items: int) -> None:
        """So many items were put under `other`."""
        self.folded[dimension] += items
        self._report(self._name, "folded", items)

    def without(self, where: Mask, wrong: Mask | None, reason: str) -> Mask:
        """The items that are left when wrong ones are left out."""
        if wrong is None:
            return where
        self.leave_out(reason, int(np.count_nonzero(where & wrong)))
        return where & ~wrong
