from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

import penstock.processors
from penstock.cli.inventory import Installed, installed
from penstock.config.catalog import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SALT = '''\
"""Take the salt out."""

from penstock.pipeline import ProcessorConfig, Signal
from penstock.pipeline.component import Stability


class Config(ProcessorConfig):
    signals = frozenset({Signal.LOGS, Signal.TRACES})
    stability = Stability.DEVELOPMENT

    def build(self, context):
        raise NotImplementedError
'''


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where a processor `salt` can be put."""
    path = [*penstock.processors.__path__, str(tmp_path)]
    monkeypatch.setattr(penstock.processors, "__path__", path)
    yield tmp_path
    sys.modules.pop("penstock.processors.salt", None)


def find(type_: str) -> Installed:
    return next(component for component in installed() if component.type == type_)


def test_every_component_is_there_with_what_it_is_for() -> None:
    found = installed()

    assert {component.kind for component in found} == {*Kind}
    assert [component.type for component in found if not component.purpose] == []
    assert [component.type for component in found if not component.stability] == []


def test_a_type_is_known_under_both_of_the_collectors_spellings() -> None:
    assert find("otlphttp").spellings == ("otlphttp", "otlp_http")


def test_signals_and_stability_are_those_of_its_settings(folder: Path) -> None:
    (folder / "salt.py").write_text(SALT)

    assert find("salt").signals == ("traces", "logs")
    assert find("salt").stability == "development"


def test_a_component_whose_library_is_missing_is_there_with_the_remedy(folder: Path) -> None:
    (folder / "salt.py").write_text(SALT.replace("\n\n", "\n\nimport desalination\n", 1))

    salt = find("salt")

    assert salt.config is None
    assert salt.stability == "unavailable"
    assert salt.signals == ()
    assert "desalination" in salt.fault
    assert "pip install 'penstock[salt]'" in salt.fault
