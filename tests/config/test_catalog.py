from __future__ import annotations

import pytest

from penstock.config.catalog import Kind, module_name, summary, types

pytestmark = pytest.mark.usefixtures("waterworks")


def test_types_are_the_modules_of_the_kinds_package() -> None:
    assert types(Kind.PROCESSORS) == ["bare", "brine", "sieve"]


def test_summary_is_told_without_importing_the_component() -> None:
    assert summary(Kind.PROCESSORS, "brine") == "A component whose client library is not installed."


def test_both_spellings_of_a_type_name_one_module() -> None:
    assert module_name(Kind.EXPORTERS, "tub") == module_name(Kind.EXPORTERS, "basin")
    assert module_name(Kind.RECEIVERS, "tub") is None
