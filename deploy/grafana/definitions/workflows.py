"""Workflows of the AI orchestrator platform: what runs, waits and fails, and for whom."""

from deploy.grafana.dashboard import Dashboard
from deploy.grafana.panels import Graph, Number

GLANCE = [
    Number(
        "Success",
        "Share of workflows that did not fail, in five minutes.",
        "1 - orchestrator_platform:workflow_failures:ratio_rate5m{$}",
        "percentunit",
    ),
    Number(
        "Executions",
        "Workflows that ended in five minutes.",
        "orchestrator_platform:executions:increase5m{$}",
        alert="ExecutionVolumeSpike",
    ),
    Number(
        "Longest queue",
        "Workflows that wait for an engine.",
        "max(orchestrator_platform:queue_length:max{$})",
        alert="QueueBacklog",
    ),
    Number(
        "Created in an hour",
        "New workflows.",
        "orchestrator_platform:workflows_created:increase1h{$}",
        alert="WorkflowCreationDrop",
    ),
    Number(
        "Logins in an hour",
        "Users that logged in.",
        "orchestrator_platform:logins:increase1h{$}",
        alert="LowUserActivity",
    ),
    Number(
        "Alerts",
        "Alerts about the platform that fire.",
        'count(ALERTS{$, alertstate="firing", system="orchestrator-platform"}) or vector(0)',
    ),
]

WORKFLOWS = [
    Graph(
        "Failures",
        "Share of workflows that fail.",
        "orchestrator_platform:workflow_failures:ratio_rate5m{$}",
        "percentunit",
        alert="WorkflowExecutionFailureRate",
    ),
    Graph(
        "Executions",
        "Workflows that end, a second.",
        "sum by (workflow, status) (rate(workflow_executions_total{$}[$__rate_interval]))",
        "cps",
        stacked=True,
    ),
    Graph(
        "Volume",
        "Workflows that ended in five minutes.",
        "orchestrator_platform:executions:increase5m{$}",
        alert="ExecutionVolumeSpike",
    ),
    Graph(
        "Duration",
        "95 of 100 workflows take less.",
        "histogram_quantile(0.95, sum by (le, workflow)"
        " (rate(workflow_duration_seconds_bucket{$}[$__rate_interval])))",
        "s",
    ),
    Graph(
        "Queues",
        "Workflows that wait for an engine.",
        "max by (queue) (orchestrator_platform:queue_length:max{$})",
        alert="QueueBacklog",
    ),
    Graph(
        "Created",
        "New workflows within an hour.",
        "orchestrator_platform:workflows_created:increase1h{$}",
        alert="WorkflowCreationDrop",
    ),
]

ENGINES = [
    Graph(
        "Calls",
        "Calls of engines, a second.",
        "sum by (engine, status) (rate(workflow_engine_calls_total{$}[$__rate_interval]))",
        "cps",
        width=12,
    ),
    Graph(
        "Duration of calls",
        "95 of 100 calls take less.",
        "histogram_quantile(0.95, sum by (le, engine)"
        " (rate(workflow_engine_call_duration_seconds_bucket{$}[$__rate_interval])))",
        "s",
        width=12,
    ),
]

USERS = [
    Graph(
        "Logins",
        "Users that logged in within an hour.",
        "orchestrator_platform:logins:increase1h{$}",
        alert="LowUserActivity",
    ),
    Graph(
        "Errors",
        "Share of requests that are answered with a status of 500 and above.",
        "max by (service) (orchestrator_platform:http_error_share:ratio{$})",
        "percentunit",
        alert="HighErrorRate",
    ),
    Graph(
        "Response time",
        "95 of 100 requests are answered sooner.",
        "max by (service) (orchestrator_platform:http_duration:p95{$})",
        "s",
        alert="HighResponseTime",
    ),
]

REVIEW = [
    Number(
        "Errors in a day",
        "Share of requests that failed in 24 hours; the goal is less than 1 %.",
        "orchestrator_platform:http_error_share:ratio_rate1d{$}",
        "percentunit",
        alert="DailyGoalMissed",
        width=8,
    ),
    Number(
        "Workflow success in a day",
        "Share of workflows that succeeded in 24 hours; the goal is more than 95 %.",
        "orchestrator_platform:workflow_success:ratio_1d{$}",
        "percentunit",
        alert="DailyGoalMissed",
        width=8,
    ),
    Number(
        "Response time in a day",
        "95 of 100 requests were answered sooner; the goal is 1 s.",
        "orchestrator_platform:http_duration:p95_1d{$}",
        "s",
        alert="DailyGoalMissed",
        width=8,
    ),
]

DASHBOARD = Dashboard(
    uid="workflows",
    title="Workflows",
    about="The AI orchestrator platform: workflows that run, wait and fail, and for whom.",
    rows={
        "At a glance": GLANCE,
        "Workflows": WORKFLOWS,
        "Engines": ENGINES,
        "Users and requests": USERS,
        "Daily review": REVIEW,
    },
)
