"""The step of a router: every pipeline gets its part of a batch, and is counted by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.pipeline.errors import Invalid, Refused
from penstock.pipeline.graph import Kind, place
from penstock.pipeline.steps import Step, dropped

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from penstock.pipeline.batch import Batch, Signal
    from penstock.pipeline.component import Context, Routed, Router
    from penstock.pipeline.fanout import FanOut, Part


class RouterStep(Step):
    """A router in its place. An item that goes several ways is given several times."""

    def __init__(
        self,
        router: Router,
        context: Context,
        takes: Iterable[Signal],
        exits: Mapping[Signal, FanOut],
    ) -> None:
        super().__init__(context, takes, exits)
        self.inlet = self._inlet(any(exit_.may_wait for exit_ in exits.values()))
        self._router = router
        self._exits = exits
        self._unrouted = dropped(context, "unrouted")
        self.routed = {
            branch.name: context.telemetry.counter(
                "penstock_connector_routed_items",
                "Items that this pipeline took.",
                connector=context.id,
                branch=branch.name,
            )
            for exit_ in exits.values()
            for branch in exit_.branches
        }

    async def consume(self, batch: Batch) -> None:
        """Offer every pipeline its part. Raises `Refused` or `Invalid` when none takes it."""
        try:
            routed = self._router.route(batch)
            parts = self._parts(routed, batch.signal)
        except (Refused, Invalid):
            raise
        except Exception as error:  # noqa: BLE001  (a bug costs a batch, not the service)
            self._crash(batch, error)
            return
        for branch, part in await self._exits[batch.signal].offer(parts):
            self.routed[branch.name].add(len(part))
            self.outgoing[batch.signal].add(len(part))
        self.incoming[batch.signal].add(len(batch))
        self._unrouted.add(routed.dropped)

    def _parts(self, routed: Routed, signal: Signal) -> list[Part]:
        wanted = {place(Kind.PIPELINE, id_): part for id_, part in routed.parts.items()}
        branches = self._exits[signal].branches
        return [(branch, wanted[branch.name]) for branch in branches if branch.name in wanted]
