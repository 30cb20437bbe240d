"""The kinds of indicator by name, and what is calculated of others."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from penstock.business import formula
from penstock.business.kinds_of_numbers import (
    Average,
    Count,
    Distinct,
    Extreme,
    Histogram,
    Quantile,
    Rate,
    Sum,
)
from penstock.business.kinds_of_shares import (
    Apdex,
    DurationBetween,
    Ratio,
    Slo,
    Utilisation,
)
from penstock.business.options import Indicator, Judged
from penstock.ottl.errors import hint

__all__ = [
    "KINDS",
    "AnyIndicator",
    "Apdex",
    "Average",
    "Count",
    "Distinct",
    "DurationBetween",
    "Extreme",
    "Formula",
    "Histogram",
    "Quantile",
    "Rate",
    "Ratio",
    "Slo",
    "Sum",
    "Utilisation",
]


class Formula(Judged):
    """What is calculated of other indicators."""

    kind: Literal["formula"]
    """The kind."""
    expression: Annotated[str, Field(min_length=1), AfterValidator(formula.checked)]
    """`+`, `-`, `*`, `/` and brackets over numbers and names of indicators."""


KINDS: dict[str, type[Indicator]] = {
    "count": Count,
    "sum": Sum,
    "rate": Rate,
    "average": Average,
    "min": Extreme,
    "max": Extreme,
    "last": Extreme,
    "quantile": Quantile,
    "histogram": Histogram,
    "distinct": Distinct,
    "ratio": Ratio,
    "duration_between": DurationBetween,
    "utilisation": Utilisation,
    "apdex": Apdex,
    "slo": Slo,
    "formula": Formula,
}
"""The options of each kind."""


def _known(given: Any) -> Any:
    """What was given, unless its kind or an option of another kind makes no sense."""
    if not isinstance(given, dict):
        return given
    kind = given.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        found = f"found {kind!r}{hint(str(kind), KINDS)}" if kind else "found none"
        msg = f"`kind` must be one of {', '.join(KINDS)}; {found}"
        raise ValueError(msg)
    fields = {field.alias or name for name, field in KINDS[kind].model_fields.items()}
    others = {name for it in KINDS.values() for name in it.model_fields}
    for option in given:
        if option not in fields and option in others:
            msg = f"the kind {kind} makes no use of `{option}`; remove it"
            raise ValueError(msg)
    return given


AnyIndicator = Annotated[
    Annotated[
        Count
        | Sum
        | Rate
        | Average
        | Extreme
        | Quantile
        | Histogram
        | Distinct
        | Ratio
        | DurationBetween
        | Utilisation
        | Apdex
        | Slo
        | Formula,
        Field(discriminator="kind"),
    ],
    BeforeValidator(_known),
]
"""An indicator, by its `kind`."""
