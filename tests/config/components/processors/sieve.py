"""One option of each type that YAML can get wrong."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from penstock.config.types import Duration
from penstock.pipeline import Context, Processor, ProcessorConfig


class Frame(BaseModel):
    """A mapping inside a mapping."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    width: float = 1.0
    material: Literal["wood", "brass", "steel"] = "wood"


class Config(ProcessorConfig):
    """Options with ranges, choices, lists and mappings."""

    mesh: int = Field(default=10, ge=1, le=100)
    fine: bool = False
    label: str = "sieve"
    shake: Duration = 1.0
    frame: Frame = Frame()
    spares: list[Frame] = Field(default_factory=list)
    sizes: dict[str, int] = Field(default_factory=dict)
    stop: int | Literal["never"] = "never"

    def build(self, context: Context) -> Processor:
        """Settings are checked here, not built."""
        raise AssertionError(context)
