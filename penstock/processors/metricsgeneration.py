"""Make metrics of others: of two by arithmetic, of one by a factor."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from penstock.config.types import Section
from penstock.pipeline import Batch, Column, Processor, ProcessorConfig, Signal, points
from penstock.pipeline.faults import FaultLog
from penstock.processors._attributes import path_to, present
from penstock.processors._pairs import ATTRIBUTES, pairs, ranks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from numpy.typing import NDArray

    from penstock.pipeline import Context
    from penstock.pipeline.batch import Mask

    Numbers = NDArray[np.float64]


_TAKES = {"calculate": ("metric2", "scale_by"), "scale": ("scale_by", "metric2")}
"""By type, the option that it needs and the one that it makes no use of."""


class Rule(Section):
    """A metric that is made."""

    name: str = Field(min_length=1)
    """Its name."""
    unit: str = ""
    """Its unit."""
    type: Literal["calculate", "scale"]
    """Whether it is made of two metrics, or of one and a number."""
    metric1: str = Field(min_length=1)
    """The metric whose values stand on the left of the operation: a gauge or a sum."""
    metric2: str | None = Field(default=None, min_length=1)
    """`calculate`: the metric whose value stands on the right."""
    operation: Literal["add", "subtract", "multiply", "divide", "percent"]
    """What is done with both; `percent` is a hundred times the quotient."""
    scale_by: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """`scale`: the number on the right."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        needed, useless = _TAKES[self.type]
        if getattr(self, needed) is None:
            msg = f"the type {self.type} needs `{needed}`"
            raise ValueError(msg)
        if getattr(self, useless) is not None:
            msg = f"the type {self.type} makes no use of `{useless}`; remove it"
            raise ValueError(msg)
        if self.name in {self.metric1, self.metric2}:
            msg = f"`name` must be another one than those of the metrics, found {self.name!r}"
            raise ValueError(msg)
        return self


class Config(ProcessorConfig):
    """Options of the Collector's `metricsgeneration` processor."""

    signals: ClassVar[frozenset[Signal]] = frozenset({Signal.METRICS})

    rules: tuple[Rule, ...] = ()
    """The metrics that are made."""
    match_attributes: bool = False
    """Whether each point of `metric1` is put together with every point of `metric2` that has the
    same values of the attributes that both have, instead of with the first one."""

    def build(self, context: Context) -> MetricsGeneration:
        """The processor."""
        return MetricsGeneration(self, context)


class MetricsGeneration(Processor):
    """Adds metrics to the resources whose metrics they are made of."""

    def __init__(self, config: Config, context: Context) -> None:
        self._rules = config.rules
        self._match = config.match_attributes
        self._faults = FaultLog(context.logger)

    def process(self, batch: Batch) -> Batch:
        """The batch with the metrics that are made."""
        found = Operands(batch)
        made = [each for rule in self._rules for each in self._made(rule, found)]
        return Batch.concat([batch, *made])

    def _made(self, rule: Rule, found: Operands) -> Iterator[Batch]:
        left = found.named(rule.metric1)
        if rule.scale_by is not None:
            right = np.full(len(left), rule.scale_by)
            yield from found.made(rule, left, right)
        elif self._match:
            yield from self._matched(rule, found, left)
        else:
            yield from found.made(rule, left, found.first(found.named(str(rule.metric2))))

    def _matched(self, rule: Rule, found: Operands, left: Mask) -> Iterator[Batch]:
        right = found.named(str(rule.metric2))
        try:
            agreeing = pairs(found.batch, left, right, found.resources)
        except ValueError as fault:
            self._faults.report(f"Not made: {rule.name}", int(left.sum()), str(fault))
            return
        rank = ranks(np.unique(agreeing.ones, return_counts=True)[1])
        for number in range(int(rank.max(initial=-1)) + 1):
            ones, others = agreeing.ones[rank == number], agreeing.others[rank == number]
            where = np.zeros(len(left), dtype=np.bool_)
            where[ones] = True
            values = np.full(len(left), np.nan)
            values[ones] = found.values[others]
            partners = np.zeros(len(left), dtype=np.intp)
            partners[ones] = others
            yield from found.made(rule, where, values, partners)


class Operands:
    """The points of a batch that can be calculated with."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        self.resources = batch.parents("resource")
        self.values: Numbers = batch.numbers("datapoint.value")
        self._names = batch.column("metric.name")

    def named(self, name: str) -> Mask:
        """The points of a metric that have a number."""
        return (self._names == name) & ~np.isnan(self.values)

    def first(self, where: Mask) -> Numbers:
        """For every point of the batch the value of the first one in its resource."""
        values = np.full(int(self.resources.max(initial=0)) + 1, np.nan)
        resources, first = np.unique(self.resources[where], return_index=True)
        values[resources] = self.values[where][first]
        return values[self.resources]

    def made(
        self, rule: Rule, left: Mask, right: Numbers, partners: NDArray[np.intp] | None = None
    ) -> Iterator[Batch]:
        """A metric of what has a result, with the attributes of points and of their partners."""
        with np.errstate(all="ignore"):
            results = _OPERATIONS[rule.operation](self.values, right)
        where = left & ~np.isnan(results)
        copy = self.batch.keep(where)
        if copy is None:
            return
        every = np.ones(len(copy), dtype=np.bool_)
        edits = points.set_values(copy, results[where], every).edit()
        edits.set("metric.name", rule.name).set("metric.unit", rule.unit)
        edits.delete("metric.description").delete("datapoint.exemplars")
        if rule.type == "calculate":
            edits.set("metric.is_monotonic", False)  # noqa: FBT003  (a value)
        if partners is not None:
            for path, column in self._of_partners(partners[where], str(rule.metric2)):
                edits.set(path, column, present(column))
        yield edits.apply()

    def _of_partners(self, partners: NDArray[np.intp], metric: str) -> Iterator[tuple[str, Column]]:
        chosen = self.batch.keep(self.named(metric))
        for key in chosen.keys(ATTRIBUTES) if chosen else ():
            path = path_to(ATTRIBUTES, key)
            column = self.batch.column(path)
            yield path, Column(column.codes[partners], column.values)


def _quotient(left: Numbers, right: Numbers) -> Numbers:
    """Nothing divided by 0 is a number."""
    return np.where(right == 0, np.nan, left / right)


_OPERATIONS: Mapping[str, Callable[[Numbers, Numbers], Numbers]] = {
    "add": lambda left, right: left + right,
    "subtract": lambda left, right: left - right,
    "multiply": lambda left, right: left * right,
    "divide": _quotient,
    "percent": lambda left, right: 100 * _quotient(left, right),
}
