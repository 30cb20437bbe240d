"""Every exporter sends numbers at their extremes as they are."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.conformance.exporters import check_extremes
from tests.conformance.registry import BACK_ENDS

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("name", BACK_ENDS)
def test_numbers_at_their_extremes_arrive_as_they_were(name: str, tmp_path: Path) -> None:
    asyncio.run(check_extremes(BACK_ENDS[name], tmp_path))
