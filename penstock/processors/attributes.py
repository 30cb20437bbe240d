"""Add, change and remove attributes of spans, data points and log records."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from penstock.pipeline import Batch, Processor, ProcessorConfig
from penstock.processors._actions import Action, performs
from penstock.processors._attributes import ITEM, Attributes
from penstock.processors._match import MatchProperties, Selection, misfit

if TYPE_CHECKING:
    from penstock.pipeline import Context, Signal


class Config(ProcessorConfig):
    """Options of the Collector's `attributes` processor."""

    actions: list[Action] = Field(min_length=1)
    """What is done, in this order."""
    include: MatchProperties | None = None
    """The items that are worked on; all, if left out."""
    exclude: MatchProperties | None = None
    """The items, of those included, that are left as they are."""

    def misfit(self, signal: Signal) -> str | None:
        """Why these settings make no sense for `signal`, if so."""
        return misfit(signal, include=self.include, exclude=self.exclude)

    def build(self, context: Context) -> AttributesProcessor:
        """The processor."""
        del context
        return AttributesProcessor(self)


class AttributesProcessor(Processor):
    """Performs actions on items' attributes."""

    def __init__(self, config: Config) -> None:
        self._selection = Selection(config.include, config.exclude)
        self._actions = [performs(action) for action in config.actions]

    def process(self, batch: Batch) -> Batch:
        """The batch after all actions."""
        where = self._selection.mask(batch)
        if where is not None and not where.any():
            return batch
        attributes = Attributes(batch, f"{ITEM[batch.signal]}.attributes")
        for perform in self._actions:
            perform(attributes, where)
        return attributes.apply()
