"""What the tests of the OTLP server share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.receivers.serving import serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.receivers.serving import Server


@pytest.fixture
def server() -> Iterator[Server]:
    """A server that takes every signal, with messages and bodies of up to 1 MiB."""
    with serving() as server:
        yield server
