"""What is installed: every component, and every option of one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock.config.catalog import ALIASES, Kind, summary, types
from penstock.config.components import config_class
from penstock.pipeline.batch import Signal
from penstock.pipeline.errors import ConfigError

if TYPE_CHECKING:
    import builtins

    from penstock.pipeline.component import ComponentConfig


@dataclass(frozen=True, slots=True)
class Installed:
    """A component. Where a package that it needs is missing, `config` is none and `fault` says so.

    `aliases` are the type's other spellings.
    """

    kind: Kind
    type: str
    aliases: tuple[str, ...]
    purpose: str
    config: builtins.type[ComponentConfig] | None = None
    fault: str = ""

    @property
    def spellings(self) -> tuple[str, ...]:
        """Every name that a file may have for the type."""
        return (self.type, *self.aliases)

    @property
    def signals(self) -> tuple[str, ...]:
        """The signals it can carry; none for an extension."""
        carried = self.config.signals if self.config else ()
        return tuple(signal.value for signal in Signal if signal in carried)

    @property
    def stability(self) -> str:
        """How far its options can be relied on, in the Collector's words."""
        return self.config.stability.value if self.config else "unavailable"


def installed() -> list[Installed]:
    """Every component, by kind and type."""
    return [_component(kind, type_) for kind in Kind for type_ in types(kind)]


def _component(kind: Kind, type_: str) -> Installed:
    aliases = tuple(other for other, ours in ALIASES.get(kind, {}).items() if ours == type_)
    about = (kind, type_, aliases, summary(kind, type_))
    try:
        return Installed(*about, config=config_class(kind, type_))
    except ConfigError as error:
        return Installed(*about, fault=str(error))
