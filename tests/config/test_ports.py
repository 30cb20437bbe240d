from __future__ import annotations

import pytest

from penstock.config.document import Document, Mapping
from penstock.config.ports import Listener, check_ports
from penstock.config.problems import Place, Problems
from penstock.config.types import parse_host_port
from penstock.pipeline.errors import ConfigError


def collide(*addresses: str) -> bool:
    """Whether there is a problem with listening on all of these."""
    problems = Problems(Document(Mapping(Place(1, 1), {}), ()))
    found = [Listener((name,), parse_host_port(text)) for name, text in enumerate(addresses)]
    check_ports(found, problems)
    try:
        problems.raise_any()
    except ConfigError:
        return True
    return False


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("localhost:1", "localhost:1"),
        ("localhost:1", "127.0.0.1:1"),
        ("localhost:1", "[::1]:1"),
        (":1", "[::1]:1"),
        (":1", "10.0.0.1:1"),
        ("0.0.0.0:1", "10.0.0.1:1"),
        ("0.0.0.0:1", "localhost:1"),
        ("0.0.0.0:1", "some.host:1"),
        ("0.0.0.0:1", "[::]:1"),
        ("[::]:1", "127.0.0.1:1"),
        ("[::]:1", "[fe80::1]:1"),
        ("some.host:1", "some.host:1"),
    ],
)
def test_a_port_is_taken_by_whatever_covers_the_address(one: str, other: str) -> None:
    assert collide(one, other)
    assert collide(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("localhost:1", "localhost:2"),
        ("localhost:0", "localhost:0"),
        ("127.0.0.1:1", "[::1]:1"),
        ("127.0.0.1:1", "127.0.0.2:1"),
        ("0.0.0.0:1", "[::1]:1"),
        ("some.host:1", "other.host:1"),
    ],
)
def test_addresses_apart_may_share_a_port(one: str, other: str) -> None:
    assert not collide(one, other)
    assert not collide(other, one)
