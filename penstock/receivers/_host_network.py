"""The scraper of the host's network: its interfaces, and its TCP connections."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import psutil

from penstock.receivers._host_scraper import HostScraper

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from penstock.receivers._host import Host
    from penstock.receivers._host_filters import Filter
    from penstock.receivers._host_metrics import Table
    from penstock.receivers._host_scraper import Point

_STATES = {
    "01": "ESTABLISHED",
    "02": "SYN_SENT",
    "03": "SYN_RECV",
    "04": "FIN_WAIT_1",
    "05": "FIN_WAIT_2",
    "06": "TIME_WAIT",
    "07": "CLOSE",
    "08": "CLOSE_WAIT",
    "09": "LAST_ACK",
    "0A": "LISTEN",
    "0B": "CLOSING",
    "0C": "SYN_RECV",
}
"""The Collector's words for what Linux writes; `0C` is a connection that is being accepted."""

_STATE = 3
"""The word of a line that has the state."""


class Network(HostScraper):
    """What interfaces receive and send, and how many connections there are."""

    def __init__(self, table: Table, host: Host, wanted: Filter) -> None:
        super().__init__(table, host)
        self._wanted = wanted

    def parts(self) -> Iterable[Callable[[], Iterable[Point]]]:
        """Interfaces, and what is enabled of the rest."""
        yield self._interfaces
        if "system.network.connections" in self.table:
            yield self._tcp_connections
        if any(name.startswith("system.network.conntrack") for name in self.table):
            yield self._tracked_connections

    def _interfaces(self) -> Iterator[Point]:
        # Without `nowrap`: it would hide that a counter began anew.
        for name, told in psutil.net_io_counters(pernic=True, nowrap=False).items():
            if self._wanted(name):
                yield from _of_interface(name, told)

    def _tcp_connections(self) -> Iterator[Point]:
        """Psutil would look into every process for the owners of connections."""
        found = Counter(dict.fromkeys([*_STATES.values(), "DELETE"], 0))
        for file in ("net/tcp", "net/tcp6"):
            if file == "net/tcp6" and not (self.host.proc / file).exists():
                continue  # a kernel without IPv6
            for line in self.host.text(file).splitlines()[1:]:
                found[_STATES[line.split(None, _STATE + 1)[_STATE]]] += 1
        for state, count in found.items():
            yield "system.network.connections", count, ("tcp", state)

    def _tracked_connections(self) -> Iterator[Point]:
        for what in ("count", "max"):
            text = self.host.text(f"sys/net/netfilter/nf_conntrack_{what}")
            yield f"system.network.conntrack.{what}", int(text), ()


def _of_interface(name: str, told: psutil._ntuples.snetio) -> Iterator[Point]:
    for way, packets, octets, errors, dropped in (
        ("transmit", told.packets_sent, told.bytes_sent, told.errout, told.dropout),
        ("receive", told.packets_recv, told.bytes_recv, told.errin, told.dropin),
    ):
        yield "system.network.packets", packets, (name, way)
        yield "system.network.io", octets, (name, way)
        yield "system.network.errors", errors, (name, way)
        yield "system.network.dropped", dropped, (name, way)
