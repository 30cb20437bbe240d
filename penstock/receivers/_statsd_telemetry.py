"""What the `statsd` receiver counts in the kernel, shown as metrics."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from penstock._kernel import Statsd
    from penstock.pipeline import Context


def observe(kernel: Statsd, context: Context) -> None:
    """Show it from now on."""
    counter = partial(context.telemetry.observe, receiver=context.id)
    stat = partial(_reading, kernel.stats)
    counter("penstock_receiver_lines", "Lines of StatsD that were taken.", stat("lines"), "{line}")
    for reason in kernel.faults():
        counter(
            "penstock_receiver_dropped_lines",
            "Lines of StatsD that were dropped, by reason.",
            _reading(kernel.faults, reason),
            "{line}",
            reason=reason,
        )
    counter(
        "penstock_receiver_folded_lines",
        "Lines of StatsD of series that are too many, which are told of together.",
        stat("folded"),
        "{line}",
    )
    counter(
        "penstock_receiver_datagrams",
        "Datagrams that were received.",
        stat("datagrams"),
        "{datagram}",
    )
    counter(
        "penstock_receiver_dropped_datagrams",
        "Datagrams that the system dropped, since nobody read them in time.",
        stat("overflowed"),
        "{datagram}",
    )
    counter(
        "penstock_receiver_connections",
        "Connections that the server accepted.",
        stat("connections"),
        "{connection}",
    )
    for reason in ("accept_failed", "connection_limit"):
        counter(
            "penstock_receiver_delayed_connections",
            "Times that the server could not accept connections for a while, by reason.",
            stat(reason),
            "{time}",
            reason=reason,
        )
    counter(
        "penstock_receiver_ended_connections",
        "Connections that the server ended by itself, by reason.",
        stat("idle"),
        "{connection}",
        reason="idle",
    )
    context.telemetry.gauge(
        "penstock_receiver_series",
        "Series that a receiver keeps account of.",
        stat("series"),
        "{series}",
        receiver=context.id,
    )


def _reading(counts: Callable[[], dict[str, int]], name: str) -> Callable[[], float]:
    return lambda: counts()[name]
