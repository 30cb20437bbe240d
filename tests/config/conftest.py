"""A small world of components, so that tests of settings depend on no real one."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from penstock.config.catalog import DEPRECATED, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent


@pytest.fixture
def waterworks(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The components under `components/`, in the place of Penstock's own."""
    before = set(sys.modules)
    for kind in Kind:
        package = import_module(kind.package)
        monkeypatch.setattr(package, "__path__", [str(HERE / "components" / kind)])
    monkeypatch.setattr(
        "penstock.config.catalog.ALIASES",
        {
            Kind.EXPORTERS: {"tub": "basin"},
            Kind.RECEIVERS: {"bend": "well"},
        },
    )
    monkeypatch.setitem(DEPRECATED, Kind.EXPORTERS, {"puddle": "drain"})
    yield
    packages = tuple(f"{kind.package}." for kind in Kind)
    for name in set(sys.modules) - before:
        if name.startswith(packages):
            del sys.modules[name]
