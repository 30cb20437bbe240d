"""How numbers of indicators are printed, and where they come from."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from penstock.cli.output import print_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from penstock.business.accounts import Account
    from penstock.business.dry_run import Number, Outcome
    from penstock.business.explain import Explanation

_NUMBERS = ("Indicator", "From", "To", "Of", "Value", "Items", "State")


def print_outcome(id_: str, outcome: Outcome) -> None:
    """Print the numbers of a set of indicators, and what did not count."""
    print_rows(_NUMBERS, _rows(outcome.numbers), id_)
    left_out = [row for name, it in outcome.accounts.items() for row in _left_out(name, it)]
    if left_out:
        print_rows(("Indicator", "Reason", "Items"), left_out, f"{id_}: left out")


def print_explanation(explanation: Explanation) -> None:
    """Print what an indicator is made of, and what became of that."""
    of = f", of the preset {explanation.preset}" if explanation.preset else ""
    print_rows(("Option", "Value"), _options(explanation.definition), f"{explanation.name}{of}")
    if explanation.account is None:
        return
    matched = [["matched", str(explanation.account.matched)]]
    left_out = [row[1:] for row in _left_out(explanation.name, explanation.account)]
    print_rows(("Items", "How many"), matched + left_out, "items")
    print_rows(_NUMBERS[1:], [row[1:] for row in _rows(explanation.numbers)], "numbers")


def outcome_facts(outcome: Outcome) -> dict[str, Any]:
    """The same for programs."""
    accounts = outcome.accounts.items()
    return {
        "numbers": [_number(it) for it in outcome.numbers],
        "items": {name: _account(it) for name, it in accounts},
    }


def explanation_facts(explanation: Explanation) -> dict[str, Any]:
    """The same for programs."""
    account = explanation.account
    return {
        **explanation._asdict(),
        "account": _account(account) if account else None,
        "numbers": [_number(it) for it in explanation.numbers],
    }


def _rows(numbers: Sequence[Number]) -> list[list[str]]:
    return [
        [
            it.indicator,
            _time(it.span.start),
            _time(it.span.end),
            ", ".join(f"{key}={value}" for key, value in it.attributes.items()),
            f"{it.value:.9g}",
            "" if it.items is None else str(it.items),
            it.state or "",
        ]
        for it in numbers
    ]


def _time(time: int) -> str:
    from penstock.business.dry_run import shown

    return shown(time) if time else ""


def _left_out(name: str, account: Account) -> Iterator[list[str]]:
    for reason, items in account.left_out.items():
        yield [name, reason, str(items)]
    for dimension, items in account.folded.items():
        yield [name, f"folded: {dimension}", str(items)]


def _number(number: Number) -> dict[str, Any]:
    start, end = map(_time, number.span)
    return {**number._asdict(), "span": {"start": start or None, "end": end}}


def _account(account: Account) -> dict[str, Any]:
    return {
        "matched": account.matched,
        "left_out": dict(account.left_out),
        "folded": dict(account.folded),
    }


def _options(definition: Mapping[str, Any]) -> list[list[str]]:
    found = []
    for option, value in definition.items():
        if isinstance(value, dict):
            found += [[f"{option}.{inner}", text] for inner, text in _options(value)]
        else:
            found.append([option, value if isinstance(value, str) else json.dumps(value)])
    return found
