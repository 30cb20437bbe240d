"""The metrics that calls between services add up to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from penstock.connectors._flushed import COUNT, Tally
from penstock.pipeline.panes import Metric, Panes

if TYPE_CHECKING:
    from collections.abc import Sequence


class GraphMetrics(NamedTuple):
    """Totals since the start, by the two sides of calls."""

    requests: Tally
    failures: Tally
    server: Tally
    client: Tally

    @classmethod
    def of(cls, bounds: Sequence[float], max_size: int, limit: int) -> GraphMetrics:
        """Those of at most `limit` kinds of calls; a `max_size` that is not 0 makes histograms
        exponential."""
        durations: dict[str, Any] = {"histogram": list(bounds)}
        if max_size:
            durations = {"exponential": {"max_size": max_size}}
        return cls(
            _tally("total", "Calls between two services.", COUNT, limit),
            _tally("failed_total", "Calls that failed.", COUNT, limit),
            _tally("server", "How long servers took.", durations, limit, "s"),
            _tally("client", "How long calls took for clients.", durations, limit, "s"),
        )


def _tally(name: str, description: str, shape: dict[str, Any], limit: int, unit: str = "") -> Tally:
    metric = Metric(
        name=f"traces_service_graph_request_{name}",
        description=description,
        unit=unit,
        scope="traces_service_graph",
        cumulative=True,
    )
    return Tally(metric, Panes(shape, limit=limit))
