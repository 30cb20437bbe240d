"""Operators as the kernel runs them: in their order, with what leads elsewhere resolved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from penstock.ottl.errors import hint
from penstock.receivers._operators_expr import compile_expression
from penstock.receivers._operators_options import Router

if TYPE_CHECKING:
    from collections.abc import Sequence

    from penstock.receivers._operators_base import Step
    from penstock.receivers._operators_options import AnyOperator


def names(operators: Sequence[AnyOperator]) -> list[str]:
    """What each operator is called: its id, or its type, with a number where that is taken.

    Raises `ValueError` for ids that are given twice.
    """
    given = [operator.id for operator in operators if operator.id]
    if twice := [id_ for id_ in given if given.count(id_) > 1]:
        msg = f"the id {twice[0]!r} is given twice"
        raise ValueError(msg)
    found: list[str] = []
    for operator in operators:
        name, number = operator.id or operator.type, 0
        while not operator.id and name in {*found, *given}:
            number += 1
            name = f"{operator.type}{number}"
        found.append(name)
    return found


def program(operators: Sequence[AnyOperator]) -> list[dict[str, Any]]:
    """What the kernel does, step by step. Raises `ValueError` for an output that leads nowhere."""
    known = names(operators)
    return [_step(operator, place, known) for place, operator in enumerate(operators)]


def _step(operator: Step | Router, place: int, known: list[str]) -> dict[str, Any]:
    following = place + 1 if place + 1 < len(known) else None
    return {
        "condition": compile_expression(operator.condition) if operator.condition else None,
        "drop_on_error": operator.on_error.startswith("drop"),
        "next": _place(operator.output, place, known) if operator.output else following,
        "action": _routes(operator, place, known)
        if isinstance(operator, Router)
        else operator.action(),
    }


def _routes(router: Router, place: int, known: list[str]) -> Any:
    def way(output: str) -> Any:
        return {"step": _place(output, place, known)} if output else "drop"

    routes = [
        {
            "expr": compile_expression(route.expr),
            "way": way(route.output),
            "attributes": route.attributes,
        }
        for route in router.routes
    ]
    return {"router": {"routes": routes, "default": way(router.default)}}


def _place(output: str, place: int, known: list[str]) -> int:
    """The number of the operator that an output names, which must come later."""
    if output not in known:
        msg = f"operators[{place}]: no operator has the id {output!r}{hint(output, known)}"
        raise ValueError(msg)
    found = known.index(output)
    if found <= place:
        msg = f"operators[{place}]: {output!r} comes before it; list it after {known[place]!r}"
        raise ValueError(msg)
    return found
