"""The healing guard: its goals, and how pipelines fail and are repaired."""

from deploy.grafana.dashboard import Dashboard
from deploy.grafana.panels import Graph, Number

SERVICE = [
    Number(
        "Response time",
        "95 of 100 requests are answered sooner.",
        "healing_guard:response_time:p95_5m{$}",
        "s",
        alert="HealingGuardSlow",
    ),
    Number(
        "Requests a minute",
        "Requests that are answered.",
        "60 * healing_guard:request_rate_5m{$}",
        alert="HealingGuardFewRequests",
    ),
    Number(
        "Errors",
        "Share of requests that are answered with a status of 500 and above.",
        "healing_guard:error_rate_5m{$}",
        "percentunit",
        alert="HealingGuardErrors",
    ),
    Number(
        "Availability",
        "Share of 24 hours in which the guard was up.",
        "healing_guard:availability:ratio_1d{$}",
        "percentunit",
        alert="HealingGuardUnavailable",
    ),
    Number(
        "CPU",
        "Of its fullest host.",
        'max(host:cpu_busy:ratio{$, system="healing-guard"})',
        "percentunit",
        alert="HealingGuardHighCPU",
    ),
    Number(
        "Memory",
        "Of its fullest host.",
        'max(host:memory_used:ratio{$, system="healing-guard"})',
        "percentunit",
        alert="HealingGuardHighMemory",
    ),
]

HEALING = [
    Number(
        "Healing success",
        "Share of attempts to repair that worked, in an hour.",
        "healing_guard:healing_success:ratio_1h{$}",
        "percentunit",
        alert="HealingGuardHealingFails",
        width=6,
    ),
    Number(
        "Time to recovery",
        "From the failure of a pipeline to its recovery, on average.",
        "healing_guard:recovery_time:avg1h{$}",
        "s",
        alert="HealingGuardSlowRecovery",
        width=6,
    ),
    Number(
        "Detection accuracy",
        "Share of reviewed failures that the guard judged rightly.",
        "min(healing_detection_accuracy_ratio{$})",
        "percentunit",
        alert="HealingGuardInaccurate",
        width=6,
    ),
    Number(
        "False positives",
        "Share of reported failures that were none.",
        "max(healing_false_positive_rate_ratio{$})",
        "percentunit",
        alert="HealingGuardFalsePositives",
        width=6,
    ),
    Graph(
        "Failures",
        "Failures of pipelines that the guard detected, a second.",
        "sum(rate(pipeline_failures_detected_total{$}[$__rate_interval]))",
        "cps",
        width=6,
    ),
    Graph(
        "Attempts to repair",
        "Attempts that ended, a second.",
        "sum by (pipeline_type, status) (rate(healing_attempts_total{$}[$__rate_interval]))",
        "cps",
        width=6,
    ),
    Graph(
        "Duration of repairs",
        "95 of 100 attempts take less.",
        "histogram_quantile(0.95, sum by (le)"
        " (rate(healing_duration_seconds_bucket{$}[$__rate_interval])))",
        "s",
        width=6,
    ),
    Graph(
        "Active pipelines",
        "Pipelines that run.",
        "sum by (pipeline_type) (active_pipelines{$})",
        stacked=True,
        width=6,
    ),
]

TRENDS = [
    Graph(
        "Response time",
        "95 of 100 requests are answered sooner.",
        "healing_guard:response_time:p95_5m{$}",
        "s",
        alert="HealingGuardSlow",
    ),
    Graph(
        "Errors",
        "Share of requests that are answered with a status of 500 and above.",
        "healing_guard:error_rate_5m{$}",
        "percentunit",
        alert="HealingGuardErrors",
    ),
    Graph(
        "Error budget",
        "What is left of the errors that 30 days allow; negative where it is overdrawn.",
        "min(healing_guard_availability_error_budget_remaining_ratio{$})",
        "percentunit",
    ),
]

DASHBOARD = Dashboard(
    uid="healing-guard",
    title="Healing guard",
    about="Pipelines that repair themselves: the guard's goals, failures and repairs.",
    rows={"Service": SERVICE, "Healing": HEALING, "Trends": TRENDS},
)
