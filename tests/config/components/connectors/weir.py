"""Leads to the pipelines that it is told."""

from penstock.pipeline import ConnectorConfig, Context, Router


class Config(ConnectorConfig):
    """Where it leads to."""

    to: tuple[str, ...] = ()
    """Pipelines."""

    def leads_to(self) -> dict[tuple[str | int, ...], str]:
        """All of them."""
        return {("to", place): id_ for place, id_ in enumerate(self.to)}

    def build(self, context: Context) -> Router:
        """Settings are checked here, not built."""
        raise AssertionError(context)
