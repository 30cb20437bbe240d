"""Add, change and remove attributes of resources."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from penstock.pipeline import Batch, Processor, ProcessorConfig
from penstock.processors._actions import Action, performs
from penstock.processors._attributes import Attributes

if TYPE_CHECKING:
    from penstock.pipeline import Context


class Config(ProcessorConfig):
    """Options of the Collector's `resource` processor."""

    attributes: list[Action] = Field(min_length=1)
    """What is done to the attributes of every resource, in this order."""

    def build(self, context: Context) -> ResourceProcessor:
        """The processor."""
        del context
        return ResourceProcessor(self)


class ResourceProcessor(Processor):
    """Performs actions on resources' attributes."""

    def __init__(self, config: Config) -> None:
        self._actions = [performs(action) for action in config.attributes]

    def process(self, batch: Batch) -> Batch:
        """The batch after all actions."""
        attributes = Attributes(batch, "resource.attributes")
        for perform in self._actions:
            perform(attributes, None)
        return attributes.apply()
