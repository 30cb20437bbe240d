"""What operators have in common."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, Literal

from pydantic import Field

from penstock.config.types import Section
from penstock.receivers._operators_expr import Expression


class Operator(Section):
    """What every operator has."""

    id: str = ""
    """Its name, for `output` of others and for metrics; its type, if it is empty."""
    output: str = ""
    """The operator that follows, if it is not the next one of the list."""
    on_error: Literal["send", "drop", "send_quiet", "drop_quiet"] = "send"
    """What becomes of an entry that the operator can make nothing of."""
    condition: Expression = Field(default="", alias="if")
    """Only entries for which this is true are changed."""


class Step(Operator):
    """An operator that does something with entries."""

    @abstractmethod
    def action(self) -> Any:
        """What it does, for the kernel."""
