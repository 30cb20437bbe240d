"""The base of options that have options of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic import BaseModel, ConfigDict


class Part(BaseModel):
    """Unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    not_here: ClassVar[Mapping[str, str]] = {}
    """Options of the Collector's that are refused, and what to do instead."""
