"""An authenticator that is never built."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.pipeline.auth import AuthenticatorConfig, Side

if TYPE_CHECKING:
    from penstock.pipeline import Context, Extension


class Config(AuthenticatorConfig):
    """Options of the lock."""

    keys: int = 0
    """How many keys to hand out; with none, it checks those of others."""

    @property
    def sides(self) -> frozenset[Side]:
        return frozenset({Side.CLIENT if self.keys else Side.SERVER})

    def build(self, context: Context) -> Extension:
        """Settings are checked here, not built."""
        raise AssertionError(context)
