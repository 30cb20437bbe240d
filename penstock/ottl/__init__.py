"""OTTL, the Collector's language for conditions and changes, evaluated on columns."""

from penstock.ottl.draft import Draft
from penstock.ottl.errors import StatementError
from penstock.ottl.statements import Condition, ErrorMode, Reporter, Statement, matching, run

__all__ = [
    "Condition",
    "Draft",
    "ErrorMode",
    "Reporter",
    "Statement",
    "StatementError",
    "matching",
    "run",
]
