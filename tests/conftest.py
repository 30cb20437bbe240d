"""What holds for every test."""

from __future__ import annotations

import gc
import logging
import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from tests.certificates import make_all

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# A busy machine is not a fault. `HYPOTHESIS_PROFILE=thorough` looks longer than a developer waits.
settings.register_profile("quick", deadline=None, max_examples=15)
settings.register_profile("thorough", deadline=None, max_examples=100)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))


def pytest_collection_finish() -> None:
    """Let no collection of garbage look through what stays to the end: it is done often."""
    gc.freeze()


@pytest.fixture(scope="module", autouse=True)
def _authorities(request: pytest.FixtureRequest) -> Iterator[None]:
    """Trust nobody but whom a test says: to read the system's authorities takes 30 ms a client.

    What the other tests work with may have to be fetched first.
    """
    with pytest.MonkeyPatch.context() as patch:
        if not {"integration", "faults"} & {*request.path.parts}:
            patch.setenv("SSL_CERT_FILE", os.devnull)
        yield


@pytest.fixture
def logging_as_before() -> Iterator[None]:
    """Leave the log as it was, for tests that set it up."""
    root, own = logging.getLogger(), logging.getLogger("penstock")
    before = root.handlers[:], root.level, own.level
    yield
    for handler in root.handlers:
        if handler not in before[0]:
            handler.close()
    root.handlers = before[0]
    root.setLevel(before[1])
    own.setLevel(before[2])


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of certificates, which stay as they are; see `make_all`."""
    return make_all(tmp_path_factory.mktemp("certificates"))
