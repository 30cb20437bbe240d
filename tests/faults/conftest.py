"""What the attacks share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.faults.victim import standing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.victim import Stand


@pytest.fixture(scope="session")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    """One victim for all attacks: what one leaves behind, the next one meets."""
    with standing(tmp_path_factory.mktemp("victim")) as stand:
        yield stand
