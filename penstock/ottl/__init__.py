"""OTTL, the Collector's language for conditions and changes, evaluated on columns."""

from penstock.ottl.draft import Draft
from penstock.ottl.errors import StatementError
from penstock.ottl.statements import (
    Condition,
    ErrorMode,
    Program,
    Reporter,
    Statement,
    Value,
    matching,
)

__all__ = [
    "Condition",
    "Draft",
    "ErrorMode",
    "Program",
    "Reporter",
    "Statement",
    "StatementError",
    "Value",
    "matching",
]
