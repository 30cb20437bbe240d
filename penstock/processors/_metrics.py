"""Which metrics are meant: by their names, and by the labels of their points."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from penstock._kernel import Pattern
from penstock.config.regexps import compiled
from penstock.config.types import Section
from penstock.pipeline import Column
from penstock.processors._attributes import path_to

if TYPE_CHECKING:
    from penstock.pipeline import Batch
    from penstock.pipeline.batch import Mask


class Metrics(Section):
    """Metrics, and points of them."""

    include: str = Field(min_length=1)
    """The metrics: their name, or a regular expression that is found in it."""
    match_type: Literal["strict", "regexp"] = "strict"
    """Whether `include` and `experimental_match_labels` are texts or regular expressions."""
    experimental_match_labels: Mapping[str, str] = Field(default={})
    """The values that labels of a point must have; one that it lacks counts as empty."""

    @model_validator(mode="after")
    def _readable(self) -> Self:
        texts = [self.include, *self.experimental_match_labels.values()]
        for text in texts if self.match_type == "regexp" else ():
            compiled(text)
        return self


class Names:
    """Finds metrics, and names them anew by `template`."""

    def __init__(self, metrics: Metrics, template: str = "") -> None:
        self._include = metrics.include
        self._labels = metrics.experimental_match_labels
        self._template = template
        self._pattern: Pattern | None = None
        if metrics.match_type == "regexp":
            self._pattern = Pattern(metrics.include)
            # It takes in all around the first match: what is left is the template.
            self._whole = Pattern(f"^(?s:.*?)(?:{metrics.include})(?s:.*)$")
            self._patterns = {key: Pattern(text) for key, text in self._labels.items()}

    def points(self, batch: Batch) -> Mask:
        """The points that are meant."""
        named = self._named(batch)
        return named & self.labelled(batch) if self._labels and named.any() else named

    def metrics(self, batch: Batch) -> tuple[Mask, Mask]:
        """The points of all metrics that have a point that is meant, and of those all whose points
        are."""
        if not self._labels:
            named = self._named(batch)
            return named, named
        named, meant = self._named(batch), self.points(batch)
        metrics = batch.parents("metric")
        has, lacks = np.zeros((2, int(metrics.max(initial=0)) + 1), dtype=np.bool_)
        has[metrics[meant]] = True
        lacks[metrics[named & ~meant]] = True
        return has[metrics], has[metrics] & ~lacks[metrics]

    def labelled(self, batch: Batch) -> Mask:
        """The points whose labels match, whatever their metric is."""
        mask = np.ones(len(batch), dtype=np.bool_)
        for key in self._labels:
            column = batch.column(path_to("datapoint.attributes", key)).map(_text)
            mask &= self._matching(key, column)
        return mask

    def renamed(self, name: str | None) -> str:
        """The new name of a metric."""
        if self._pattern is None:
            return self._template
        return self._whole.replaced([name or ""], self._template)[0] or self._template

    def groups(self, names: Column, case: str | None) -> dict[str, Column]:
        """What each group of the regular expression has found in names, by the group's name; groups
        without one have names such as `$1`."""
        if self._pattern is None:
            return {}
        texts = [_text(name) for name in names.values]
        found = [groups or {} for groups in self._pattern.groups(texts)]
        keys = dict.fromkeys(key for groups in found for key in groups if key != "0")
        cased = {"lower": str.lower, "upper": str.upper}.get(case or "", str)
        return {
            f"${key}" if key.isdigit() else key: Column(
                names.codes, [cased(groups.get(key) or "") for groups in found]
            )
            for key in keys
        }

    def _named(self, batch: Batch) -> Mask:
        names = batch.column("metric.name").map(_text)
        if self._pattern is None:
            return names == self._include
        found = np.array(self._pattern.found(names.values), dtype=np.bool_)
        return found[names.codes]

    def _matching(self, key: str, column: Column) -> Mask:
        if self._pattern is None:
            return column == self._labels[key]
        found = np.array(self._patterns[key].found(column.values), dtype=np.bool_)
        return found[column.codes]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
