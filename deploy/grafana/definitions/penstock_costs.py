"""What Penstock costs: time, CPU, memory and series; and who makes the most of these."""

from deploy.grafana.dashboard import Dashboard
from deploy.grafana.panels import Graph, Table
from deploy.grafana.queries import with_total

SERIES = {
    "{{processor}}, {{pipeline}}": "max by (processor, pipeline) (penstock_processor_series{$})",
    "{{connector}}": "max by (connector) (penstock_connector_series{$})",
    "{{receiver}}": "max by (receiver) (penstock_receiver_series{$})",
    "{{exporter}}": "max by (exporter) (penstock_exporter_prometheus_series{$})",
}
LATENCY = [
    Graph(
        "Time in processors",
        "95 of 100 batches take less; shown with `level: detailed` of own metrics.",
        "histogram_quantile(0.95, sum by (le, processor, pipeline)"
        " (rate(otelcol_processor_internal_duration_bucket{$}[$__rate_interval])))",
        "s",
    ),
    Graph(
        "Items in a batch",
        "How many items the batch processor sends at once, on average.",
        "sum by (processor, pipeline)"
        " (rate(otelcol_processor_batch_batch_send_size_sum{$}[$__rate_interval]))"
        " / sum by (processor, pipeline)"
        " (rate(otelcol_processor_batch_batch_send_size_count{$}[$__rate_interval]))",
    ),
    Graph(
        "Answer of its own page",
        "The loop that moves batches answers it: who waits for the page waits for the loop.",
        'max by (instance) (scrape_duration_seconds{$, job="penstock"})',
        "s",
        alert="PenstockLoopStalled",
    ),
]

COST = [
    Graph(
        "CPU",
        "Cores in use; the loop can have one.",
        "max by (instance) (penstock:cpu_cores:rate5m{$})",
        alert="PenstockSaturated",
    ),
    Graph(
        "CPU an item",
        "CPU time for each item that was received.",
        "sum by (instance) (penstock:cpu_cores:rate5m{$})"
        " / sum by (instance) (penstock:receiver_accepted_items:rate5m{$})",
        "s",
    ),
    Graph(
        "Memory",
        "Physical memory, and from how much on memory_limiter refuses.",
        {
            "{{instance}}": "max by (instance) (otelcol_process_memory_rss{$})",
            "limit of {{instance}}": "min by (instance) (penstock_processor_memory_limit{$})",
        },
        "bytes",
    ),
    Graph(
        "Memory against its limit",
        "Physical memory as a share of what memory_limiter allows.",
        "max by (instance) (penstock:memory_fill:ratio{$})",
        "percentunit",
        alert="PenstockMemoryNearLimit",
    ),
    Graph(
        "Refused for want of memory",
        "Items that memory_limiter refuses, a second.",
        "sum by (instance, data_type) (penstock:memory_refused_items:rate5m{$})",
        "cps",
        alert="PenstockMemoryRefusing",
    ),
    Graph(
        "Running for",
        "Time since the start.",
        "max by (instance) (otelcol_process_uptime{$})",
        "s",
        "{{instance}}",
    ),
]

CARDINALITY = [
    Graph("Series", "Series that a component keeps account of.", SERIES, "short"),
    Graph(
        "Beyond a budget",
        "Data points of series that are too many, a second, by the rule that says so.",
        with_total(
            "rate(penstock_processor_limited_points{$}[$__rate_interval])",
            "processor, pipeline",
            "rule",
        ),
        "cps",
        alert="PenstockCardinalityLimited",
    ),
    Table(
        "Most series",
        "Metrics with the most series of those that Penstock shows to Prometheus.",
        {"Series": 'topk(15, count by (__name__) ({$cluster, job="penstock-exporter"}))'},
        width=8,
    ),
]

ROUND_ABOUT = [
    Graph(
        "Scrapes",
        "Scrapes by receivers, a second, by what became of them.",
        "sum by (receiver, outcome) (rate(penstock_receiver_scrapes{$}[$__rate_interval]))",
        "cps",
    ),
    Graph(
        "Scrapes that fail",
        "Share of scrapes that give nothing.",
        "1 - sum by (receiver)"
        ' (rate(penstock_receiver_scrapes{$, outcome="success"}[$__rate_interval]))'
        " / sum by (receiver) (rate(penstock_receiver_scrapes{$}[$__rate_interval]))",
        "percentunit",
        alert="PenstockScrapesFailing",
    ),
    Graph(
        "Left out of indicators",
        "Items that do not count for an indicator, a second.",
        "sum by (reason) (rate(penstock_business_left_out_items{$}[$__rate_interval]))",
        "cps",
    ),
]

DASHBOARD = Dashboard(
    uid="penstock-costs",
    title="Penstock: what it costs",
    about="How long Penstock takes for batches, what CPU and memory it needs, and whose series.",
    choices={"cluster": "otelcol_process_uptime", "instance": "otelcol_process_uptime"},
    rows={
        "Latency": LATENCY,
        "CPU and memory": COST,
        "Cardinality": CARDINALITY,
        "Scrapes and indicators": ROUND_ABOUT,
    },
)
