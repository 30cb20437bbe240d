"""Agents: those of the hive, and those of the multi-agent framework."""

from deploy.grafana.dashboard import Dashboard
from deploy.grafana.panels import Graph, Number, Table

HIVE = [
    Graph(
        "Agents",
        "Agents by type and status.",
        "sum by (agent_type, status) (agent_hive_active_agents_total{$})",
        stacked=True,
    ),
    Graph(
        "Active agents",
        "Agents that have not stopped or failed.",
        "agent_hive:active_agents:sum{$}",
        alert="AgentHiveFewAgents",
    ),
    Graph(
        "Coordination",
        "95 of 100 coordinations take less.",
        "agent_hive:coordination_latency:p95_5m{$}",
        "s",
        alert="AgentHiveCoordinationSlow",
    ),
    Graph(
        "Tasks",
        "Tasks that end, a second.",
        "sum by (agent_type, status, priority)"
        " (rate(agent_hive_tasks_completed_total{$}[$__rate_interval]))",
        "cps",
        stacked=True,
    ),
    Graph(
        "Tasks that fail",
        "Share of tasks that end with an error.",
        "agent_hive:task_errors:ratio_rate5m{$}",
        "percentunit",
        alert="AgentHiveTaskErrors",
    ),
    Graph(
        "Confidence",
        "How sure agents are of their decisions, from 0 to 1, on average.",
        "agent_hive:decision_confidence:avg5m{$}",
        "percentunit",
        alert="AgentHiveLowConfidence",
    ),
]

APIS = [
    Graph(
        "Requests",
        "Requests to services outside of the hive, a second.",
        "sum by (api, method, status_code)"
        " (rate(agent_hive_external_api_requests_total{$}[$__rate_interval]))",
        "reqps",
    ),
    Graph(
        "Answers take",
        "95 of 100 requests are answered sooner.",
        "max by (api) (agent_hive:api_duration:p95_5m{$})",
        "s",
        alert="AgentHiveAPISlow",
    ),
    Graph(
        "Answers that are errors",
        "Share of answers with a status of 500 and above.",
        "max by (api) (agent_hive:api_errors:ratio_rate5m{$})",
        "percentunit",
        alert="AgentHiveAPIErrors",
    ),
]

RESOURCES = [
    Graph(
        "CPU",
        "By component of the hive.",
        "max by (component) (agent_hive_cpu_usage_percent{$})",
        "percent",
        alert="AgentHiveHighCPU",
    ),
    Graph(
        "Memory",
        "By component of the hive.",
        "sum by (component) (agent_hive_memory_usage_bytes{$})",
        "bytes",
        stacked=True,
    ),
    Graph(
        "Host",
        "How much of the hive's host is in use.",
        "max by (resource_type) (agent_hive_resource_utilization_percent{$})",
        "percent",
        alert="AgentHiveHighMemory",
    ),
    Graph(
        "Models",
        "Share of its predictions in which a model is right.",
        "min by (model_type) (agent_hive_learning_accuracy_percent{$})",
        "percent",
        alert="AgentHiveLowAccuracy",
        width=24,
    ),
]

FRAMEWORK = [
    Table(
        "Agents",
        "Tasks that each agent completed in an hour.",
        {"Tasks in an hour": "max by (agent) (last_over_time(agent_task_throughput{$}[6m]))"},
        alert="MultiAgentLowThroughput",
        width=8,
    ),
    Graph(
        "Throughput",
        "Tasks that each agent completed in an hour.",
        "max by (agent) (last_over_time(agent_task_throughput{$}[6m]))",
        alert="MultiAgentLowThroughput",
    ),
    Graph(
        "Conflicts",
        "Share of conflicts between agents that were resolved.",
        "min(last_over_time(conflict_resolution_rate_ratio{$}[6m]))",
        "percentunit",
        alert="MultiAgentConflictsUnresolved",
    ),
    Graph(
        "Collaboration",
        "Share of their time that agents work and do not wait for each other.",
        "min(last_over_time(collaboration_efficiency_ratio{$}[6m]))",
        "percentunit",
    ),
    Graph(
        "Dependencies",
        "From the request of what a task depends on to its arrival, on average.",
        "max(last_over_time(dependency_resolution_time_seconds{$}[6m]))",
        "s",
    ),
    Graph(
        "Quality",
        "How good the results of tasks are, from 0 to 1.",
        "min(last_over_time(task_quality_ratio{$}[6m]))",
        "percentunit",
    ),
]

HEALTH = [
    Number(
        "Health",
        "The score of the multi-agent framework, from 0 to 1.",
        "min(multi_agent_health_score{$})",
        "percentunit",
        width=6,
        height=8,
    ),
    Graph(
        "Components",
        "The score of each part of the framework.",
        "min by (component) (multi_agent_component_health_score{$})",
        "percentunit",
        width=9,
    ),
    Graph("Active traces", "Workflows that go on.", "sum(multi_agent_active_traces{$})", width=9),
]

DASHBOARD = Dashboard(
    uid="agents",
    title="Agents",
    about="What agents do, how well and with what: the hive's, and the multi-agent framework's.",
    rows={
        "Agent hive": HIVE,
        "Agent hive: services that it calls": APIS,
        "Agent hive: resources and models": RESOURCES,
        "Multi-agent framework": FRAMEWORK,
        "Multi-agent framework: health": HEALTH,
    },
)
