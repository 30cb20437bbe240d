"""Check that no two listeners want the same port: what the second would find out at the start."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

from penstock.config.problems import dotted

if TYPE_CHECKING:
    from penstock.config.problems import Path, Problems
    from penstock.config.types import HostPort
    from penstock.pipeline.component import ComponentConfig

_EVERY_4, _EVERY_6 = "0.0.0.0", "::"  # noqa: S104  (named, not listened on)
_HOSTS = {
    "": {_EVERY_4, _EVERY_6},
    _EVERY_6: {_EVERY_4, _EVERY_6},  # takes IPv4 too, unless the system says otherwise
    "localhost": {"127.0.0.1", "::1"},
}
"""What hosts stand for that are no single address."""


class Listener(NamedTuple):
    """An address that something listens on, and the option that says so."""

    path: Path
    address: HostPort


def listeners(path: Path, config: ComponentConfig) -> list[Listener]:
    """Where the component at `path` listens."""
    return [Listener((*path, *below), address) for below, address in config.listens().items()]


def check_ports(found: list[Listener], problems: Problems) -> None:
    """Note in `problems` every listener whose port another one has already."""
    ordered = sorted(found, key=lambda listener: problems.document.place(listener.path))
    for first, second in combinations(ordered, 2):
        if _collide(first.address, second.address):
            where = f"{dotted(first.path)} already listens on {first.address}"
            problems.add(second.path, f"{where}; choose another port than {second.address.port}")


def _collide(one: HostPort, other: HostPort) -> bool:
    if one.port != other.port or one.port == 0:
        return False
    hosts, others = _hosts(one.host), _hosts(other.host)
    return bool(hosts & others) or _covers(hosts, others) or _covers(others, hosts)


def _hosts(host: str) -> set[str]:
    return _HOSTS.get(host, {host})


def _covers(wide: set[str], hosts: set[str]) -> bool:
    """Whether `wide` has every address of the family of one of `hosts`; names may be either's."""
    return any((_EVERY_6 if ":" in host else _EVERY_4) in wide for host in hosts)
