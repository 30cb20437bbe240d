"""Send to a StatsD server with a library: `statsd_clients.py LIBRARY TRANSPORT PORT_OR_PATH`."""

from __future__ import annotations

import sys


def with_statsd(transport: str, port: int) -> None:
    """By `statsd`, whose names have no tags."""
    import statsd  # type: ignore[import-not-found]

    kinds = {"udp": statsd.StatsClient, "tcp": statsd.TCPStatsClient}
    client = kinds[transport]("127.0.0.1", port, prefix="shop")
    client.incr("orders", 3)
    client.decr("orders")
    with client.pipeline() as pipeline:
        pipeline.incr("orders", 5)
        pipeline.gauge("stock", 7)
        pipeline.gauge("stock", -2, delta=True)
        pipeline.timing("took", 12.5)
    for user in ("ann", "bob", "ann"):
        client.set("users", user)
    client.close() if transport == "tcp" else None


def with_datadog(transport: str, place: str) -> None:
    """By `datadog`, which buffers, and tells of itself unless told not to."""
    from datadog.dogstatsd import DogStatsd  # type: ignore[import-not-found]

    where = (
        {"socket_path": place}
        if transport == "unixgram"
        else {"host": "127.0.0.1", "port": int(place)}
    )
    client = DogStatsd(namespace="shop", disable_telemetry=True, **where)
    tags = ["env:test", "shop:a"]
    client.increment("orders", 7, tags=tags)
    client.gauge("stock", 5, tags=tags)
    client.timing("took", 12.5, tags=tags)
    client.histogram("size", 4, tags=tags)
    client.distribution("spread", 2, tags=tags)
    for user in ("ann", "bob", "ann"):
        client.set("users", user, tags=tags)
    client.count_with_timestamp("late", 2, 1656581400, tags=tags)
    client.event("deployed", "two\nlines | bar", alert_type="warning", tags=tags)
    client.service_check("db", DogStatsd.CRITICAL, message="down", tags=tags)
    client.flush()


def main() -> None:
    library, transport, place = sys.argv[1:]
    if library == "statsd":
        with_statsd(transport, int(place))
    else:
        with_datadog(transport, place)


main()
