"""A required address, and text that may be secret."""

from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from penstock.config.types import parse_host_port
from penstock.pipeline import Context, Exporter, ExporterConfig


class Config(ExporterConfig):
    """Where to, and with what key."""

    endpoint: Annotated[str, AfterValidator(lambda text: str(parse_host_port(text)))]
    key: SecretStr = SecretStr("")
    keys: dict[str, SecretStr] | list[dict[str, SecretStr]] | None = None
    headers: dict[str, str] = Field(default_factory=dict)

    def build(self, context: Context) -> Exporter:
        """Settings are checked here, not built."""
        raise AssertionError(context)
