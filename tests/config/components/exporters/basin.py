"""A required address, and text that may be secret."""

from pydantic import Field, SecretStr

from penstock.config.types import ListenAddress
from penstock.pipeline import Context, Exporter, ExporterConfig


class Config(ExporterConfig):
    """Where to, and with what key."""

    endpoint: ListenAddress
    key: SecretStr = SecretStr("")
    headers: dict[str, str] = Field(default_factory=dict)

    def build(self, context: Context) -> Exporter:
        """Settings are checked here, not built."""
        raise AssertionError(context)
