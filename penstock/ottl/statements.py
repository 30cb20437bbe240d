"""Statements and conditions, compiled: what components use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from penstock.ottl import syntax
from penstock.ottl.compile import Compiler
from penstock.ottl.contexts import Scope
from penstock.ottl.draft import Draft
from penstock.ottl.editing import Edit, failure_of
from penstock.ottl.errors import StatementError, hint
from penstock.ottl.evaluate import known_numbers
from penstock.ottl.functions.editors import CHECKS
from penstock.ottl.functions.editors import EDITORS as BASIC
from penstock.ottl.functions.metrics import EDITORS as METRICS
from penstock.ottl.functions.metrics import NOT_HERE
from penstock.ottl.functions.replacing import EDITORS as REPLACING
from penstock.ottl.grammar import parse_condition, parse_statement
from penstock.ottl.paths import Target
from penstock.ottl.signature import Kind, parameters
from penstock.ottl.values import Fault, amount
from penstock.pipeline import Invalid, Signal

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from penstock.ottl.conditions import Condition as Evaluated
    from penstock.ottl.evaluate import Expression
    from penstock.pipeline.batch import Column, Mask
    from penstock.pipeline.faults import FaultLog

EDITORS = BASIC | REPLACING | METRICS


class ErrorMode(StrEnum):
    """What becomes of an item for which a statement or a condition fails."""

    IGNORE = "ignore"
    SILENT = "silent"
    PROPAGATE = "propagate"


class Reporter:
    """Does with failures what an error mode says: logs, keeps still, or refuses the batch."""

    def __init__(self, mode: ErrorMode, log: FaultLog) -> None:
        self._mode = mode
        self._log = log

    def report(self, text: str, failed: Mask, reason: str) -> None:
        """Note that a statement failed for some items. Raises `Invalid` where that refuses them."""
        if self._mode is ErrorMode.PROPAGATE:
            msg = f"{text}: {reason}"
            raise Invalid(msg)
        if self._mode is ErrorMode.IGNORE:
            self._log.report(f"Failed: {text}", int(failed.sum()), reason)


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition on items of a signal."""

    text: str
    of_events: bool
    """Whether it is about span events."""
    _condition: Evaluated

    @classmethod
    def compile(cls, text: str, signal: Signal, context: str | None = None) -> Condition:
        """Read a condition. With a context, paths need not begin with it.

        Raises `StatementError`, which has the place of the fault.
        """
        compiler = Compiler(Scope(signal, context))
        condition = compiler.condition(parse_condition(text))
        return cls(text, compiler.of_events, condition)

    def mask(self, draft: Draft, reporter: Reporter, where: Mask | None = None) -> Mask:
        """The items for which it is true, of those where a mask is; false where it fails."""
        found = self._condition.truth(draft, where)
        if found.failed is not None and found.failed.any():
            reporter.report(self.text, found.failed, found.reason)
        return found.hits


@dataclass(frozen=True, slots=True)
class Value:
    """An expression of items of a signal."""

    text: str
    _expression: Expression

    @classmethod
    def compile(cls, text: str, signal: Signal, context: str | None = None) -> Value:
        """Read an expression. With a context, paths need not begin with it.

        Raises `StatementError`, which has the place of the fault.
        """
        return cls(text, Compiler(Scope(signal, context)).value(parse_condition(text)))

    def column(self, draft: Draft) -> Column:
        """Its value for every item; a `Failure` where there is none to tell."""
        return self._expression.column(draft)

    def numbers(self, draft: Draft) -> NDArray[np.float64]:
        """Its number for every item, as `amount` has it: NaN where it is none."""
        known = known_numbers(self._expression, draft)
        if known is not None:
            return np.broadcast_to(known.astype(np.float64), len(draft))
        column = self.column(draft)
        amounts = map(amount, column.values)
        return np.fromiter(amounts, np.float64, len(column.values))[column.codes]


@dataclass(frozen=True, slots=True)
class Statement:
    """An editor with its arguments, and the condition under which it does its work."""

    text: str
    of_events: bool
    """Whether it is about span events."""
    _edit: Callable[..., None]
    _columns: dict[str, Expression]
    _condition: Condition | None

    @classmethod
    def compile(cls, text: str, signal: Signal, context: str | None = None) -> Statement:
        """Read a statement. With a context, paths need not begin with it.

        Raises `StatementError`, which has the place of the fault.
        """
        tree = parse_statement(text)
        compiler = Compiler(Scope(signal, context))
        edit, columns = _editor(compiler, tree.editor)
        condition = None
        if tree.condition is not None:
            condition = Condition(text, False, compiler.condition(tree.condition))  # noqa: FBT003
        if tree.editor.name in METRICS:
            _check_metrics_only(tree.editor, compiler.contexts, signal)
        return cls(text, compiler.of_events, edit, columns, condition)

    def run(self, draft: Draft, reporter: Reporter, where: Mask | None = None) -> None:
        """Do the work for the items where a mask is true; those that fail stay as they are."""
        if self._condition is not None:
            where = self._condition.mask(draft, reporter, where)
            if not where.any():
                return
            where = None if where.all() else where
        edit = Edit(draft, where)
        columns = {name: one.column(draft, where) for name, one in self._columns.items()}
        self._edit(edit, **columns)
        failed = failure_of(edit.failed)
        if failed is not None and failed.failed is not None:
            reporter.report(self.text, failed.failed, failed.reason)


def _editor(
    compiler: Compiler, call: syntax.Call
) -> tuple[Callable[..., None], dict[str, Expression]]:
    """The editor with what is known of its arguments, and the columns that it is given."""
    if call.name in NOT_HERE:
        raise StatementError(call.at, f"`{call.name}` is not supported: {NOT_HERE[call.name]}")
    if call.name not in EDITORS:
        raise StatementError(call.at, f"there is no editor `{call.name}`{hint(call.name, EDITORS)}")
    function = EDITORS[call.name]
    known: dict[str, Any] = {}
    columns: dict[str, Expression] = {}
    for parameter, node in compiler.bind(call, parameters(function)[1:]):
        if node is None:
            continue
        if parameter.kind is Target:
            known[parameter.name] = _target(compiler, node)
        elif isinstance(parameter.kind, Kind):
            known[parameter.name] = compiler.literal(node, parameter.kind)
        else:
            columns[parameter.name] = compiler.value(node)
    try:
        CHECKS.get(call.name, dict)(known)
    except Fault as error:
        raise StatementError(call.at, f"`{call.name}`: {error}") from None
    return partial(function, **known), columns


def _check_metrics_only(call: syntax.Call, contexts: set[str], signal: Signal) -> None:
    if signal is not Signal.METRICS or not contexts <= {"resource", "scope", "metric"}:
        problem = f"`{call.name}` is for whole metrics, in the context metric"
        raise StatementError(call.at, problem)


def _target(compiler: Compiler, node: syntax.Node) -> Target:
    if not isinstance(node, syntax.Path):
        raise StatementError(node.at, "expected a path that can be set")
    target = compiler.target(node)
    if not target.writable:
        raise StatementError(node.at, f"`{target.text}` cannot be set")
    return target


def matching(conditions: Iterable[Condition], draft: Draft, reporter: Reporter) -> Mask | None:
    """The items for which any of the conditions is true; `None` where there are none."""
    found: Mask | None = None
    for condition in conditions:
        hits = condition.mask(draft, reporter, None if found is None else ~found)
        found = hits if found is None else found | hits
    return found


class Program:
    """Statements that run one after the other, on items for which any of the conditions is true."""

    def __init__(
        self, statements: Sequence[Statement], conditions: Sequence[Condition], reporter: Reporter
    ) -> None:
        self._statements = statements
        self._conditions = conditions
        self._reporter = reporter
        of_events = [one.of_events for one in statements]
        self._of_events = any(of_events + [one.of_events for one in conditions])

    def run(self, draft: Draft) -> None:
        """Do the work. Raises `Invalid` where an error mode refuses the batch."""
        items = draft.events if self._of_events else draft
        if not len(items):
            return
        replaced, where = draft.replaced, matching(self._conditions, items, self._reporter)
        for statement in self._statements:
            if draft.replaced != replaced:
                replaced, where = draft.replaced, matching(self._conditions, items, self._reporter)
            if where is None or where.any():
                statement.run(items, self._reporter, where)
