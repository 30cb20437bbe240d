"""Put items under resources by some of their attributes, and items of one resource together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from penstock.pipeline import Batch, Column, Processor, ProcessorConfig
from penstock.processors._attributes import ITEM, combined, path_to

if TYPE_CHECKING:
    from penstock.pipeline import Context


class Config(ProcessorConfig):
    """Options of the Collector's `groupbyattrs` processor."""

    keys: tuple[str, ...] = ()
    """Attributes of items that become those of their resource. Without any, items are only put
    together."""

    def build(self, context: Context) -> GroupByAttrs:
        """The processor."""
        del context
        return GroupByAttrs(self)


class GroupByAttrs(Processor):
    """Moves attributes from items to their resources, and makes resources that are the same one."""

    def __init__(self, config: Config) -> None:
        self._keys = [key for key in dict.fromkeys(config.keys) if key]

    def process(self, batch: Batch) -> Batch:
        """The batch with its items under as few resources and scopes as possible."""
        if not self._keys:
            return batch.compact()
        own = f"{ITEM[batch.signal]}.attributes"
        columns = [batch.column(path_to(own, key)) for key in self._keys]
        groups = combined(columns, lambda values: values)
        parts = batch.partition(groups.codes)
        moved = [self._moved(part, own, groups.values[code]) for code, part in parts]
        return Batch.concat(moved).compact()

    def _moved(self, part: Batch, own: str, values: list[Any]) -> Batch:
        """A part of the batch whose items share the values of the keys."""
        edits = part.edit()
        every = np.zeros(len(part), dtype=np.uint32)
        for key, value in zip(self._keys, values, strict=True):
            if value is not None:
                edits.set(path_to("resource.attributes", key), Column(every, [value]))
                edits.delete(path_to(own, key))
        return edits.apply()
