from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import pytest
from pydantic import BaseModel, Field, SecretStr

from penstock.cli.options import Option, options
from penstock.config.types import Duration, HostPort, ListenAddress
from penstock.pipeline import ExporterConfig
from penstock.pipeline.component import ComponentConfig

if TYPE_CHECKING:
    from penstock.pipeline import Context, Exporter


class Pool(BaseModel):
    """What is kept open."""

    model_config = ComponentConfig.model_config

    size: int = Field(default=4, ge=1, lt=100)
    """How many
    connections."""
    share: float | None = Field(default=None, ge=0, le=1)
    """How much of them."""


class Config(ExporterConfig):
    endpoint: str
    """Where to."""
    listen: ListenAddress = HostPort("127.0.0.1", 80)
    """Where from."""
    wait: Duration = 0.5
    """How long."""
    mode: Literal["fast", "safe"] = "safe"
    """How."""
    token: SecretStr = SecretStr("")
    """What opens the door."""
    eager: bool = False
    """Whether to begin at once."""
    pool: Pool = Pool()
    pools: list[Pool] = Field(default_factory=list)
    """More of them."""
    by_name: dict[str, Pool] = Field(default_factory=dict)
    """More of them, by name."""
    tags: dict[str, str] | None = None
    """Words."""

    def build(self, context: Context) -> Exporter:
        raise AssertionError(context)


@pytest.fixture(scope="module")
def found() -> dict[str, Option]:
    return {option.path: option for option in options(Config)}


@pytest.mark.parametrize(
    ("path", "type_", "default"),
    [
        ("endpoint", "text", "required"),
        ("listen", "address", "127.0.0.1:80"),
        ("wait", "duration or 0", "0.5s"),
        ("mode", "fast or safe", "safe"),
        ("token", "secret text", '""'),
        ("eager", "true or false", "false"),
        ("pool", "section", ""),
        ("pool.size", "whole number ≥ 1 < 100", "4"),
        ("pool.share", "number ≥ 0 ≤ 1", ""),
        ("pools", "list of sections", ""),
        ("pools[].size", "whole number ≥ 1 < 100", "4"),
        ("by_name", "mapping to section", ""),
        ("by_name.*.size", "whole number ≥ 1 < 100", "4"),
        ("tags", "mapping to text", ""),
    ],
)
def test_an_option_has_its_type_in_words_and_its_default_as_a_file_has_it(
    found: dict[str, Option], path: str, type_: str, default: str
) -> None:
    assert (found[path].type, found[path].default_text) == (type_, default)


def test_a_section_stands_before_what_is_in_it(found: dict[str, Option]) -> None:
    paths = list(found)
    assert paths.index("pool") + 1 == paths.index("pool.size")


def test_a_description_is_one_line(found: dict[str, Option]) -> None:
    assert found["pool.size"].description == "How many connections."


def test_a_section_without_a_description_has_that_of_its_model(found: dict[str, Option]) -> None:
    assert found["pool"].description == "What is kept open."
