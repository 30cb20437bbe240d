"""Lead items to the pipelines of the first route whose condition is true for them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, NamedTuple, Self

import numpy as np
from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, model_validator

from penstock.config.types import Section
from penstock.ottl import Condition, Draft, ErrorMode, Reporter
from penstock.ottl.contexts import CONTEXTS
from penstock.pipeline import ConnectorConfig, Routed, Router, Signal
from penstock.pipeline.faults import FaultLog

if TYPE_CHECKING:
    from penstock.pipeline import Batch, Context, Mask

_STATEMENT = re.compile(r"\s*route\s*\(\s*\)\s*(where\b|$)")


def _signal_of(pipeline: str) -> Signal:
    return Signal(pipeline.partition("/")[0])


def _pipeline(id_: str) -> str:
    try:
        _signal_of(id_)
    except ValueError:
        msg = f"expected the id of a pipeline, such as `traces/eu`, found `{id_}`"
        raise ValueError(msg) from None
    return id_


PipelineId = Annotated[str, AfterValidator(_pipeline)]


def _known(context: Any) -> Any:
    if context == "request":
        msg = "what came with requests is not kept with their items; route by a resource attribute"
        raise ValueError(msg)
    return context


def _condition_in(statement: str) -> str:
    """The condition of a statement, at the place where it stands there."""
    begin = _STATEMENT.match(statement)
    if begin is None:
        msg = "expected `route() where …`; change items with `transform` in the next pipeline"
        raise ValueError(msg)
    return " " * begin.end() + statement[begin.end() :] if begin[1] else "true"


def _readable(text: str, info: ValidationInfo) -> str:
    for signal in set(map(_signal_of, info.data.get("pipelines", ()))):
        if info.data.get("context") in CONTEXTS[signal]:
            Condition.compile(text, signal, info.data["context"])
    return text


def _readable_statement(text: str, info: ValidationInfo) -> str:
    _readable(_condition_in(text), info)
    return text


class Route(Section):
    """Pipelines, and the condition under which items go there."""

    context: Annotated[
        Literal["resource", "span", "metric", "datapoint", "log"], BeforeValidator(_known)
    ] = "resource"
    """What the condition is about."""
    pipelines: list[PipelineId] = Field(min_length=1)
    """Where matching items go; each pipeline has the connector under `receivers`."""
    condition: Annotated[str, AfterValidator(_readable)] | None = None
    """The condition; either this or `statement` is required."""
    statement: Annotated[str, AfterValidator(_readable_statement)] | None = None
    """The same as a statement: `route() where`, and the condition."""
    action: Literal["move", "copy"] = "move"
    """`copy` lets the items also go by a later route, or to the default."""

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if (self.condition is None) == (self.statement is None):
            msg = "expected either `condition` or `statement`"
            raise ValueError(msg)
        for id_ in self.pipelines:
            if self.context not in CONTEXTS[_signal_of(id_)]:
                msg = f"`{id_}` has nothing of the context `{self.context}`"
                raise ValueError(msg)
        return self

    def compiled(self, signal: Signal) -> Condition:
        """What is true for the items of a signal that go this way."""
        text = self.condition or _condition_in(self.statement or "")
        return Condition.compile(text, signal, self.context)


class Config(ConnectorConfig):
    """Options of the Collector's `routing` connector."""

    default_pipelines: list[PipelineId] = Field(default=[])
    """Where items go that no route leads away; without it they are dropped and counted."""
    error_mode: ErrorMode = ErrorMode.PROPAGATE
    """What becomes of items for which a condition fails: `propagate` refuses the batch, `ignore`
    and `silent` go on with the next route, and `ignore` logs it."""
    table: list[Route] = Field(min_length=1)
    """The routes, in the order in which they are tried."""

    not_here: ClassVar[Mapping[str, str]] = {
        "match_once": "an item goes by the first route it matches, and on after `action: copy`",
    }

    def leads_to(self) -> dict[tuple[str | int, ...], str]:
        """Every pipeline that is named, by the path of the option."""
        named: dict[tuple[str | int, ...], str] = {
            ("default_pipelines", place): id_ for place, id_ in enumerate(self.default_pipelines)
        }
        for number, route in enumerate(self.table):
            for place, id_ in enumerate(route.pipelines):
                named["table", number, "pipelines", place] = id_
        return named

    def build(self, context: Context) -> Routing:
        """The connector."""
        return Routing(self, context)

    def ways(self, signal: Signal) -> Iterator[Way]:
        """The routes that have pipelines of a signal."""
        for route in self.table:
            pipelines = _of(signal, route.pipelines)
            if pipelines:
                yield Way(route.compiled(signal), pipelines, route.action == "copy")


def _of(signal: Signal, pipelines: list[str]) -> list[str]:
    return [id_ for id_ in pipelines if _signal_of(id_) is signal]


class Way(NamedTuple):
    """A route, for one signal."""

    condition: Condition
    pipelines: list[str]
    copies: bool


class Routing(Router):
    """Tries the routes in their order, each on the items that no earlier one led away."""

    def __init__(self, config: Config, context: Context) -> None:
        self._ways = {signal: list(config.ways(signal)) for signal in Signal}
        self._default = {signal: _of(signal, config.default_pipelines) for signal in Signal}
        self._reporter = Reporter(config.error_mode, FaultLog(context.logger))

    def route(self, batch: Batch) -> Routed:
        """The parts of `batch`. Raises `Invalid` where a condition fails and is to propagate."""
        parts = Parts(batch)
        draft = Draft(batch)
        left = np.ones(len(batch), dtype=np.bool_)
        for way in self._ways[batch.signal]:
            hits = way.condition.mask(draft, self._reporter, left)
            parts.add(way.pipelines, hits)
            if not way.copies:
                left &= ~hits
            if not left.any():
                break
        parts.add(self._default[batch.signal], left)
        return parts.routed()


class Parts:
    """The items that each pipeline gets: each item once, in the order in which they came."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self._masks: dict[str, Mask] = {}

    def add(self, pipelines: list[str], mask: Mask) -> None:
        """Let pipelines also have the items where a mask is true."""
        for id_ in pipelines:
            self._masks[id_] = self._masks[id_] | mask if id_ in self._masks else mask.copy()

    def routed(self) -> Routed:
        """A batch for each pipeline that gets something."""
        taken = np.zeros(len(self._batch), dtype=np.bool_)
        kept: dict[bytes, Batch | None] = {}
        for mask in self._masks.values():
            taken |= mask
            if mask.tobytes() not in kept:
                kept[mask.tobytes()] = self._batch if mask.all() else self._batch.keep(mask)
        parts = {id_: kept[mask.tobytes()] for id_, mask in self._masks.items()}
        found = {id_: part for id_, part in parts.items() if part is not None}
        return Routed(found, len(taken) - int(taken.sum()))
