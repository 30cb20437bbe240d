"""Options that hold statements or conditions of OTTL, read when the settings are."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, Discriminator, Tag, ValidationInfo

from penstock.config.types import Section
from penstock.ottl import Condition, ErrorMode, Reporter, Statement
from penstock.pipeline import Signal
from penstock.pipeline.faults import FaultLog

if TYPE_CHECKING:
    from penstock.pipeline import Context


def _readable(
    kind: type[Condition | Statement],
    signal: Signal,
    context: str | None,
    text: str,
    info: ValidationInfo,
) -> str:
    """`text`, which must be a condition or a statement in its group's context."""
    kind.compile(text, signal, context or info.data.get("context"))
    return text


def conditions(signal: Signal, context: str | None = None) -> Any:
    """The type of a condition's text: of a context, of its group's, or with one in each path."""
    return AfterValidator(partial(_readable, Condition, signal, context))


def statements(signal: Signal) -> Any:
    """The type of a statement's text, of its group's context or with one in each path."""
    return AfterValidator(partial(_readable, Statement, signal, None))


SPANS, POINTS, RECORDS = (conditions(signal) for signal in Signal)
SpanCondition = Annotated[str, SPANS]
PointCondition = Annotated[str, POINTS]
RecordCondition = Annotated[str, RECORDS]
SpanStatement = Annotated[str, statements(Signal.TRACES)]
PointStatement = Annotated[str, statements(Signal.METRICS)]
RecordStatement = Annotated[str, statements(Signal.LOGS)]

SpanContext = Literal["resource", "scope", "span", "spanevent"]
PointContext = Literal["resource", "scope", "metric", "datapoint"]
RecordContext = Literal["resource", "scope", "log"]


class Group(Section):
    """What several statements or conditions share."""

    error_mode: ErrorMode | None = None
    """What becomes of items that fail here, if it is not what the processor's `error_mode` says."""


def is_group(value: Any) -> str:
    """Which of two forms an entry of a list has: a text, or a group of them."""
    return "group" if isinstance(value, dict | Group) else "text"


def one_form(entries: list[Any]) -> list[Any]:
    """`entries`, which must be all texts or all groups: else their order would not be plain."""
    if len({is_group(entry) for entry in entries}) > 1:
        msg = "expected texts or groups, found both; put the texts into a group"
        raise ValueError(msg)
    return entries


EITHER = Discriminator(is_group)
ONE_FORM = AfterValidator(one_form)
TEXT, GROUP = Tag("text"), Tag("group")


def reporter(context: Context, mode: ErrorMode) -> Reporter:
    """What is done with failures."""
    return Reporter(mode, FaultLog(context.logger))
