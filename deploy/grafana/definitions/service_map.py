"""Who calls whom, how often, how fast and how well: from spans, by two connectors of Penstock."""

from deploy.grafana.dashboard import Dashboard
from deploy.grafana.panels import Graph, Nodes, Table

CALLS = "sum by (client, server) (rate(traces_service_graph_request_total{$}[$__rate_interval]))"
FAILED = (
    "sum by (client, server) (rate(traces_service_graph_request_failed_total{$}[$__rate_interval]))"
)


def named(query: str, **labels: str) -> str:
    """A query with labels of other names: those that the graph is drawn by."""
    for name, label in labels.items():
        query = f'label_replace({query}, "{name}", "$1", "{label}", "(.*)")'
    return query


def took(side: str) -> str:
    """Seconds in which 95 of 100 calls end, as a side of them sees it."""
    buckets = f"traces_service_graph_request_{side}_seconds_bucket"
    rate = f"sum by (le, client, server) (rate({buckets}{{$}}[$__rate_interval]))"
    return f"histogram_quantile(0.95, {rate})"


CALLED = [
    Nodes(
        "Services",
        "Calls a second: on a line those of one service to another, in a circle all to a service.",
        f"label_join({named(CALLS, source='client', target='server')},"
        ' "id", " to ", "source", "target")',
        "reqps",
    ),
    Table(
        "Calls",
        "Who calls whom.",
        {
            "Calls a second": CALLS,
            "Failed": f"({FAILED} or 0 * {CALLS}) / ({CALLS} > 0)",
            "p95, client": took("client"),
            "p95, server": took("server"),
        },
        "reqps",
        units={"Failed": "percentunit", "p95, client": "s", "p95, server": "s"},
        width=24,
        height=12,
    ),
]

SPANS = "traces_span_metrics_calls_total{$}[$__rate_interval]"
ERRORS = 'traces_span_metrics_calls_total{$, status_code="STATUS_CODE_ERROR"}[$__rate_interval]'
ASKED = '{$, span_kind=~"SPAN_KIND_(SERVER|CONSUMER)"}'


def ended(labels: str, chosen: str = "{$}") -> str:
    """Seconds in which 95 of 100 spans end; the connector counts in milliseconds or in seconds."""
    seconds, milliseconds = (
        f"histogram_quantile(0.95, sum by (le, {labels})"
        f" (rate(traces_span_metrics_duration_{unit}_bucket{chosen}[$__rate_interval])))"
        for unit in ("seconds", "milliseconds")
    )
    return f"{seconds} or {milliseconds} / 1000"


SERVICES = [
    Graph(
        "Spans",
        "What each service does, a second.",
        f"sum by (service_name) (rate({SPANS}))",
        "cps",
    ),
    Graph(
        "Errors",
        "Share of spans that failed.",
        f"(sum by (service_name) (rate({ERRORS})) or 0 * sum by (service_name) (rate({SPANS})))"
        f" / sum by (service_name) (rate({SPANS}))",
        "percentunit",
    ),
    Graph(
        "Duration",
        "95 of 100 spans of a service take less; dots are spans, which lead to their traces.",
        ended("service_name"),
        "s",
        exemplars=True,
    ),
    Table(
        "Slowest operations",
        "What services are asked for, by the time in which 95 of 100 end.",
        {"p95": f"topk(20, {ended('service_name, span_name', ASKED)})"},
        "s",
        width=24,
        height=10,
    ),
]

DASHBOARD = Dashboard(
    uid="service-map",
    title="Service map",
    about="Who calls whom, how often, how fast and how well.",
    rows={"Calls between services": CALLED, "Services": SERVICES},
)
