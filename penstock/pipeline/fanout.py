"""One batch to several takers."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock.pipeline.errors import Invalid, Refused
from penstock.pipeline.faults import FaultLog

if TYPE_CHECKING:
    import logging
    from collections.abc import Collection, Sequence

    from penstock.pipeline.batch import Batch
    from penstock.pipeline.component import Consume
    from penstock.pipeline.errors import Answer
    from penstock.pipeline.telemetry.registry import Counter, Reading, Telemetry


@dataclass(frozen=True, slots=True)
class Inlet:
    """Where batches go in: a pipeline, a processor, a connector or an exporter's delivery.

    `may_wait` says whether `consume` can take longer than putting a batch aside; `taken` counts
    the items whose `consume` returned.
    """

    name: str
    consume: Consume
    may_wait: bool
    taken: Reading


Part = tuple[Inlet, "Batch"]
"""A branch, and what it is offered."""


class FanOut:
    """Offers every batch to every branch, and accepts it when at least one branch took it.

    What another branch refused is then lost there, counted and logged. Were the whole batch refused
    instead, every retry would bring the healthy branches their items again, and one dead back end
    would hold up all the others. Only when no branch took it is the batch refused.

    `consume` of a single branch is that branch's own.
    """

    def __init__(
        self,
        source: str,
        branches: Sequence[Inlet],
        telemetry: Telemetry,
        logger: logging.Logger,
    ) -> None:
        self.branches = sorted(branches, key=lambda branch: branch.may_wait)
        self.consume: Consume = branches[0].consume if len(branches) == 1 else self._offer_to_all
        self._faults = FaultLog(logger)
        self._lost = {
            branch.name: telemetry.counter(
                "penstock_fanout_lost_items",
                "Items that this branch refused while another took them.",
                source=source,
                branch=branch.name,
            )
            for branch in (branches if len(branches) > 1 else ())
        }

    @property
    def may_wait(self) -> bool:
        """Whether `consume` can take longer than putting a batch aside."""
        return any(branch.may_wait for branch in self.branches)

    @property
    def losses(self) -> Collection[Counter]:
        """What counts the items that branches refused while others took them."""
        return self._lost.values()

    def lost(self, branch: Inlet) -> int:
        """Items that `branch` refused while another took them."""
        return self._lost[branch.name].value if self._lost else 0

    async def offer(self, parts: Sequence[Part]) -> list[Part]:
        """Offer branches a batch each, in the order of `branches`; those that took theirs.

        Raises `Refused` or `Invalid` when none did.
        """
        faults = await offer(parts)
        refusals = [fault for fault in faults if fault]
        if refusals and len(refusals) == len(faults):
            raise max(refusals, key=_patience)
        if refusals:
            self._note_lost(parts, faults)
        return [part for part, fault in zip(parts, faults, strict=True) if not fault]

    async def _offer_to_all(self, batch: Batch) -> None:
        await self.offer([(branch, batch) for branch in self.branches])

    def _note_lost(self, parts: Sequence[Part], faults: list[Answer]) -> None:
        for (branch, batch), fault in zip(parts, faults, strict=True):
            if fault:
                self._lost[branch.name].add(len(batch))
                self._faults.report(f"Lost for {branch.name}, which refused", len(batch), fault)


async def offer(parts: Sequence[Part]) -> list[Answer]:
    """Offer branches a batch each, prompt ones first; what they answer."""
    split = next((n for n, (branch, _) in enumerate(parts) if branch.may_wait), len(parts))
    answers = [await _offer(*part) for part in parts[:split]]
    if split < len(parts):
        answers += await _offer_to_slow(parts[split:])
    return answers


async def _offer_to_slow(parts: Sequence[Part]) -> list[Answer]:
    # Together, or one that waits would delay another; alone, a task would be wasted.
    if len(parts) == 1:
        return [await _offer(*parts[0])]
    async with asyncio.TaskGroup() as group:
        offers = [group.create_task(_offer(*part)) for part in parts]
    return [offer.result() for offer in offers]


async def _offer(branch: Inlet, batch: Batch) -> Answer:
    try:
        await branch.consume(batch)
    except (Refused, Invalid) as fault:
        return fault
    return None


def _patience(fault: Refused | Invalid) -> float:
    return fault.retry_after if isinstance(fault, Refused) else -1.0
