"""Every system at a glance; requests, hosts and alerts; and the AI orchestrator hub in detail."""

from deploy.grafana.dashboard import Dashboard
from deploy.grafana.limits import Limit
from deploy.grafana.panels import Graph, Number, States, Table

FIRING = 'ALERTS{$, alertstate="firing"}'
OF_ALERT = "severity, alertname, system, service"

GLANCE = [
    Number("Services", "Services that are up.", "sum(service:up:max{$})"),
    Number(
        "Down",
        "Services that are known and not up.",
        "count(service:up:max{$} == 0) or vector(0)",
        steps=(Limit("critical", 0, worse_above=True),),
    ),
    Number(
        "Requests",
        "Requests to all services, a second.",
        "sum(service:http_requests:rate5m{$})",
        "reqps",
    ),
    Number(
        "Errors",
        "Share of requests that are answered with a status of 500 and above.",
        "sum(service:http_errors:rate5m{$}) / sum(service:http_requests:rate5m{$})",
        "percentunit",
    ),
    Number(
        "Critical alerts",
        "Alerts of severity critical that fire.",
        'count(ALERTS{$, alertstate="firing", severity="critical"}) or vector(0)',
        steps=(Limit("critical", 0, worse_above=True),),
    ),
    Number(
        "Warnings",
        "Alerts of severity warning that fire.",
        'count(ALERTS{$, alertstate="firing", severity="warning"}) or vector(0)',
        steps=(Limit("warning", 0, worse_above=True),),
    ),
]

ALERTS = [
    Table(
        "Active alerts",
        "Alerts that fire, and since when.",
        {
            "Since": f"1000 * max by ({OF_ALERT}) (ALERTS_FOR_STATE{{$}})"
            f" and max by ({OF_ALERT}) ({FIRING})"
        },
        "dateTimeFromNow",
    ),
    States(
        "Recent alerts",
        "When which alert was firing.",
        f"max by ({OF_ALERT}) ({FIRING})",
        names=("", "firing"),
        width=12,
    ),
]

SERVICES = [
    States(
        "Services",
        "Which services were up.",
        "1 - max by (system, service) (service:up:max{$})",
        names=("up", "down"),
    ),
    Graph(
        "Requests",
        "Requests a second.",
        "sum by (system, service) (service:http_requests:rate5m{$})",
        "reqps",
    ),
    Graph(
        "Errors",
        "Share of requests that are answered with a status of 500 and above.",
        "max by (system, service) (service:http_error_share:ratio_rate5m{$})",
        "percentunit",
    ),
    Graph(
        "Response time",
        "95 of 100 requests are answered sooner.",
        "max by (system, service) (service:http_duration:p95_5m{$})",
        "s",
    ),
]

HOSTS = [
    Graph(
        "CPU",
        "Share that is in use.",
        "max by (system, instance) (host:cpu_busy:ratio{$cluster})",
        "percentunit",
        alert="HighCPUUsage",
    ),
    Graph(
        "Memory",
        "Share that is in use.",
        "max by (system, instance) (host:memory_used:ratio{$cluster})",
        "percentunit",
        alert="HighMemoryUsage",
    ),
    Graph(
        "Disks",
        "Share that is free.",
        "min by (instance, mountpoint) (host:filesystem_free:ratio{$cluster})",
        "percentunit",
        alert="DiskSpaceLow",
    ),
]

HUB = [
    Number(
        "Health",
        "The hub's own score, from 0 to 1.",
        "min(ai_orchestrator_system_health_score{$cluster})",
        "percentunit",
        alert="AIOrchestratorHealthForecast",
        width=6,
        height=8,
    ),
    Graph(
        "Health",
        "The hub's own score, and what it would be in an hour at the pace of the last one.",
        {
            "now": "min(ai_orchestrator_system_health_score{$cluster})",
            "in an hour": "min(predict_linear("
            "ai_orchestrator_system_health_score{$cluster}[1h], 3600))",
        },
        "percentunit",
        alert="AIOrchestratorHealthForecast",
        width=9,
    ),
    Graph(
        "Errors in a minute",
        "Of the hub, and by agent.",
        {
            "all": "60 * sum(rate(ai_orchestrator_errors_total{$cluster}[$__rate_interval]))"
            " or 0 * sum(rate(ai_orchestrator_tasks_total{$cluster}[$__rate_interval]))",
            "{{agent}}": "60 * sum by (agent)"
            " (rate(ai_orchestrator_errors_total{$cluster}[$__rate_interval]))"
            " or 0 * sum by (agent)"
            " (rate(ai_orchestrator_tasks_total{$cluster}[$__rate_interval]))",
        },
        alert="AIOrchestratorErrors",
        width=9,
    ),
    Graph(
        "CPU",
        "Of the hub's host, and of its cores.",
        {
            "all": "max(ai_orchestrator_cpu_usage_percent{$cluster})",
            "core {{core}}": "max by (core) (ai_orchestrator_cpu_core_usage_percent{$cluster})",
        },
        "percent",
        alert="AIOrchestratorHighCPU",
    ),
    Graph(
        "Memory",
        "Share of the host's memory that is in use.",
        "max by (instance) (ai_orchestrator_memory_usage_percent{$cluster})",
        "percent",
        alert="AIOrchestratorHighMemory",
    ),
    Graph(
        "Load and connections",
        "Processes that want to run, and open connections.",
        {
            "load": "max(ai_orchestrator_load_average{$cluster})",
            "connections": "sum(ai_orchestrator_connections{$cluster})",
        },
    ),
    Graph(
        "Memory in bytes",
        "Memory that is in use.",
        "max by (instance) (ai_orchestrator_memory_usage_bytes{$cluster})",
        "bytes",
    ),
    Graph(
        "Disk",
        "Operations a second.",
        "sum by (direction)"
        " (rate(ai_orchestrator_disk_operations_total{$cluster}[$__rate_interval]))",
        "iops",
    ),
    Graph(
        "Network",
        "Bytes a second.",
        "sum by (direction)"
        " (rate(ai_orchestrator_network_bytes_total{$cluster}[$__rate_interval]))",
        "Bps",
    ),
]

AGENTS = [
    Table(
        "Agents",
        "How each agent does, and what it needs.",
        {
            "Health": "min by (agent) (ai_orchestrator_agent_health_score{$cluster})",
            "Utilisation": "max by (agent) (ai_orchestrator_agent_utilization_percent{$cluster})",
            "Error rate": "max by (agent) (ai_orchestrator_agent_error_rate{$cluster})",
            "p95": "histogram_quantile(0.95, sum by (le, agent) (rate("
            "ai_orchestrator_agent_response_time_seconds_bucket{$cluster}[$__rate_interval])))",
            "Done in an hour": "sum by (agent)"
            ' (increase(ai_orchestrator_tasks_total{$cluster, status="success"}[1h]))',
            "Failed in an hour": "sum by (agent)"
            ' (increase(ai_orchestrator_tasks_total{$cluster, status="failure"}[1h]))'
            " or 0 * sum by (agent) (increase(ai_orchestrator_tasks_total{$cluster}[1h]))",
            "CPU": "max by (agent) (ai_orchestrator_agent_cpu_usage_percent{$cluster})",
            "Memory": "max by (agent) (ai_orchestrator_agent_memory_usage_bytes{$cluster})",
            "Network": "sum by (agent)"
            " (rate(ai_orchestrator_agent_network_bytes_total{$cluster}[$__rate_interval]))",
        },
        units={
            "Health": "percentunit",
            "Utilisation": "percent",
            "Error rate": "percentunit",
            "p95": "s",
            "CPU": "percent",
            "Memory": "bytes",
            "Network": "Bps",
        },
        width=24,
    ),
    Graph(
        "Utilisation",
        "How much of their time agents work, on average.",
        "ai_orchestrator:agent_utilisation:ratio{$cluster}",
        "percentunit",
        alert="AIOrchestratorUtilisationBelowTarget",
        width=12,
    ),
    Graph(
        "Comings and goings",
        "Agents that were created, started and stopped, a second.",
        "sum by (event) (rate(ai_orchestrator_agents_lifecycle_total{$cluster}[$__rate_interval]))",
        "cps",
        width=12,
    ),
]

TASKS = [
    Graph(
        "Tasks",
        "Tasks that end, a second.",
        "sum by (status) (rate(ai_orchestrator_tasks_total{$cluster}[$__rate_interval]))",
        "cps",
        stacked=True,
    ),
    Graph(
        "Tasks that fail",
        "Share of tasks.",
        "ai_orchestrator:task_failures:ratio_rate5m{$cluster}",
        "percentunit",
        alert="AIOrchestratorTaskFailures",
    ),
    Graph(
        "Processing time",
        "95 of 100 tasks take less.",
        "histogram_quantile(0.95, sum by (le) (rate("
        "ai_orchestrator_task_processing_time_seconds_bucket{$cluster}[$__rate_interval])))",
        "s",
    ),
    Graph(
        "Queue",
        "Tasks that wait.",
        "max by (instance) (ai_orchestrator_task_queue_length{$cluster})",
        width=12,
    ),
    Graph(
        "Alerts of the hub itself",
        "Alerts that the hub raised, a second.",
        "sum by (severity) (rate(ai_orchestrator_alerts_total{$cluster}[$__rate_interval]))",
        "cps",
        width=12,
    ),
]

DASHBOARD = Dashboard(
    uid="system-overview",
    title="System overview",
    about="Services, requests, hosts and alerts of every system, and the AI orchestrator hub.",
    choices=dict.fromkeys(("cluster", "system", "service"), "service:up:max"),
    refresh="15s",
    rows={
        "At a glance": GLANCE,
        "Alerts": ALERTS,
        "Services": SERVICES,
        "Hosts": HOSTS,
        "AI orchestrator hub": HUB,
        "AI orchestrator hub: agents": AGENTS,
        "AI orchestrator hub: tasks": TASKS,
    },
)
