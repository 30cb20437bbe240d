"""Penstock itself: what it takes, holds, loses and delivers."""

from deploy.grafana.dashboard import Dashboard
from deploy.grafana.limits import Limit
from deploy.grafana.panels import Graph, Number
from deploy.grafana.queries import with_total

GIVEN_UP = (
    "sum(penstock:exporter_failed_items:rate5m{$})"
    " / (sum(penstock:exporter_failed_items:rate5m{$})"
    " + sum(penstock:exporter_sent_items:rate5m{$}) > 0) or vector(0)"
)
DROPPED = {
    "{{processor}}, {{pipeline}} {{reason}}": with_total(
        "rate(penstock_processor_dropped_items{$}[$__rate_interval])",
        "processor, pipeline",
        "reason",
    ),
    "{{connector}} {{reason}}": with_total(
        "rate(penstock_connector_dropped_items{$}[$__rate_interval])", "connector", "reason"
    ),
    "{{receiver}} {{reason}}": with_total(
        "rate(penstock_receiver_dropped_items{$}[$__rate_interval])", "receiver", "reason"
    ),
}
UNREADABLE = " or ".join(
    f"sum by (receiver) (rate(penstock_receiver_{what}{{$}}[$__rate_interval]))"
    for what in (
        "faulty_items",
        "dropped_lines",
        "dropped_samples",
        "dropped_messages",
        "unread_files",
    )
)

GLANCE = [
    Number(
        "Instances", "Instances that answer.", 'sum(up{$, job="penstock"})', alert="PenstockDown"
    ),
    Number(
        "Received",
        "Spans, data points and log records that pipelines took, a second.",
        "sum(penstock:receiver_accepted_items:rate5m{$})",
        "cps",
    ),
    Number(
        "Sent",
        "Items that back ends took, a second; with several exporters each of them counts.",
        "sum(penstock:exporter_sent_items:rate5m{$})",
        "cps",
    ),
    Number(
        "Given up",
        "Share of what exporters are done with that they could not deliver.",
        GIVEN_UP,
        "percentunit",
        alert="PenstockExporterFailing",
    ),
    Number(
        "Fullest queue",
        "How full the fullest sending queue is.",
        "max(penstock:exporter_queue_fill:ratio{$})",
        "percentunit",
        alert="PenstockQueueFilling",
    ),
    Number(
        "Alerts",
        "Alerts about Penstock that fire.",
        'count(ALERTS{$, alertstate="firing", system="penstock"}) or vector(0)',
        steps=(Limit("warning", 0, worse_above=True),),
    ),
]

THROUGHPUT = [
    Graph(
        "Received",
        "Items that pipelines took, a second.",
        "sum by (receiver, data_type) (penstock:receiver_accepted_items:rate5m{$})",
        "cps",
        stacked=True,
    ),
    Graph(
        "Sent",
        "Items that back ends took, a second.",
        "sum by (exporter, data_type) (penstock:exporter_sent_items:rate5m{$})",
        "cps",
        stacked=True,
    ),
    Graph(
        "Requests",
        "Requests that reached a pipeline, a second, by what became of them.",
        "sum by (receiver, outcome) (rate(otelcol_receiver_requests{$}[$__rate_interval]))",
        "reqps",
    ),
    Graph(
        "Sent back to senders",
        "Items that pipelines did not take now, a second: senders are to send them again.",
        "sum by (receiver, data_type) (penstock:receiver_refused_items:rate5m{$})",
        "cps",
        runbook="PenstockRefusing",
    ),
    Graph(
        "Rejected for good",
        "Items that pipelines will never take, a second.",
        "sum by (receiver, data_type) (penstock:receiver_failed_items:rate5m{$})",
        "cps",
        alert="PenstockInvalidItems",
    ),
    Graph(
        "Turned away",
        "Requests that a server answered with an error by itself, a second.",
        with_total(
            "rate(penstock_receiver_turned_away_requests{$}[$__rate_interval])",
            "receiver",
            "reason",
        ),
        "reqps",
        alert="PenstockTurningAway",
    ),
]

LOSSES = [
    Graph(
        "Dropped in pipelines",
        "Items that were not passed on, a second: what a filter drops on purpose, too.",
        DROPPED,
        "cps",
        width=12,
    ),
    Graph(
        "Given up by exporters",
        "Items that could not be delivered, a second.",
        {
            f"{{{{exporter}}}} {signal} {{{{reason}}}}": with_total(
                f"rate(otelcol_exporter_send_failed_{items}{{$}}[$__rate_interval])",
                "exporter",
                "reason",
            )
            for signal, items in {
                "traces": "spans",
                "metrics": "metric_points",
                "logs": "log_records",
            }.items()
        },
        "cps",
        runbook="PenstockExporterFailing",
        width=12,
    ),
    Graph(
        "Series not shown",
        "Data points that the prometheus exporter leaves out, a second.",
        with_total(
            "rate(penstock_exporter_prometheus_dropped_points{$}[$__rate_interval])",
            "exporter",
            "reason",
        ),
        "cps",
        alert="PenstockSeriesNotShown",
    ),
    Graph(
        "Lost by a branch",
        "Items that one exporter or connector refused while another took them, a second.",
        "sum by (branch) (rate(penstock_fanout_lost_items{$}[$__rate_interval]))",
        "cps",
        runbook="PenstockDroppingItems",
    ),
    Graph(
        "Not understood",
        "Items, lines, samples, messages or files that receivers could not read, a second.",
        UNREADABLE,
        "cps",
        runbook="PenstockUnreadable",
    ),
    Graph(
        "Dead letters",
        "What could not be delivered or read and is kept in files, a second.",
        "sum by (exporter) (rate(penstock_exporter_dead_letter_items{$}[$__rate_interval]))"
        " or sum by (receiver) (rate(penstock_receiver_dead_letter_messages{$}[$__rate_interval]))",
        "cps",
        runbook="PenstockDeadLetters",
    ),
    Graph(
        "Code that fails",
        "Batches on which code of the python processor failed, a second.",
        with_total(
            "rate(penstock_processor_failed_batches{$}[$__rate_interval])",
            "processor, pipeline",
            "reason",
        ),
        "cps",
        runbook="PenstockCodeFailing",
    ),
    Graph(
        "Datagrams",
        "Datagrams that came too fast to be read, a second.",
        "sum by (receiver) (rate(penstock_receiver_dropped_datagrams{$}[$__rate_interval]))",
        "cps",
        runbook="PenstockDatagramsDropped",
    ),
]

QUEUES = [
    Graph(
        "How full",
        "How much of a sending queue is taken; what comes to a full one is refused.",
        "max by (exporter, data_type) (penstock:exporter_queue_fill:ratio{$})",
        "percentunit",
        alert="PenstockQueueFilling",
    ),
    Graph(
        "Waiting",
        "Items that wait, are being batched or are being sent.",
        "sum by (exporter, data_type) (penstock_exporter_queued_items{$})",
    ),
    Graph(
        "Age",
        "How long what waits takes at the pace of the last five minutes.",
        "max by (exporter, data_type) (penstock:exporter_queue_age:seconds{$})",
        "s",
        alert="PenstockQueueOld",
    ),
    Graph(
        "Refused by queues",
        "Items for which a sending queue had no room, a second.",
        "sum by (exporter, data_type) (penstock:exporter_enqueue_failed_items:rate5m{$})",
        "cps",
        alert="PenstockQueueRefusing",
    ),
    Graph(
        "Under way",
        "Batches that are being sent, or wait to be sent again.",
        "sum by (exporter, data_type) (otelcol_exporter_in_flight_requests{$})",
    ),
    Graph(
        "Waiting for their other side",
        "Calls of which the service graph has seen one side.",
        "sum by (connector) (penstock_connector_waiting_edges{$})",
    ),
]

AROUND = [
    Graph(
        "Behind its topics",
        "Messages in Kafka that a receiver has yet to take.",
        "sum by (receiver, data_type) (penstock_receiver_lag_messages{$})",
        alert="PenstockConsumerLag",
    ),
    Graph(
        "Gateways",
        "Endpoints that the loadbalancing exporter shares among.",
        "min by (resolver) (otelcol_loadbalancer_num_backends{$})",
        alert="PenstockNoGateways",
    ),
    Graph(
        "Attempts to send to gateways",
        "Attempts a second, by whether they succeeded.",
        "sum by (endpoint, success)"
        " (rate(otelcol_loadbalancer_backend_outcome{$}[$__rate_interval]))",
        "cps",
    ),
]

DASHBOARD = Dashboard(
    uid="penstock",
    title="Penstock",
    about="What Penstock takes, holds, loses and delivers.",
    choices={"cluster": "otelcol_process_uptime", "instance": "otelcol_process_uptime"},
    rows={
        "At a glance": GLANCE,
        "What comes and goes": THROUGHPUT,
        "What is lost": LOSSES,
        "Queues": QUEUES,
        "Kafka and gateways": AROUND,
    },
)
