"""Real clients and back ends around a real Penstock."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.jaeger import Jaeger
from tests.integration.kafka import Kafka
from tests.integration.peers import Peers
from tests.integration.recorder import Recorder

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def peers() -> Peers:
    """The scripts of the peers."""
    return Peers()


@pytest.fixture(scope="session")
def jaeger(peers: Peers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jaeger]:
    """One Jaeger for all tests, which tell their spans apart by service."""
    with Jaeger(peers, tmp_path_factory.mktemp("jaeger")) as jaeger:
        yield jaeger


@pytest.fixture(scope="module")
def kafka(peers: Peers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """One broker for all tests of a file, which have topics of their own."""
    with Kafka(peers, tmp_path_factory.mktemp("kafka")) as kafka:
        yield kafka


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    """A back end that listens."""
    with Recorder() as recorder:
        yield recorder
