"""The scrape configurations: what labels a target and its metrics get."""

from __future__ import annotations

from typing import Any

import pytest

from penstock.prometheus.relabel import Rule, relabelled
from tests.deploy.rules import PROMETHEUS, load

META = "__meta_kubernetes_pod_"


def rules(file: str, job: str, kind: str = "relabel_configs") -> list[Rule]:
    """The rules of a job, as Penstock's own scraper reads them."""
    (found,) = (it for it in load(PROMETHEUS / file)["scrape_configs"] if it["job_name"] == job)
    return [Rule.model_validate(rule) for rule in found[kind]]


def pod(**labels: str) -> dict[str, str]:
    """A port of a pod that is named `metrics`, and what else it has."""
    usual = {
        "phase": "Running",
        "container_name": "app",
        "container_port_name": "metrics",
        "label_app_kubernetes_io_name": "planner",
        "label_app_kubernetes_io_part_of": "agent-hive",
    }
    return {f"{META}{name}": value for name, value in (usual | labels).items()}


def plain(labels: dict[str, str] | None) -> dict[str, str] | None:
    """Without what Prometheus throws away."""
    return labels and {name: it for name, it in labels.items() if not name.startswith("__meta_")}


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (pod(), {"system": "agent-hive", "service": "planner", "job": "planner"}),
        (
            pod(container_name="penstock"),
            {"system": "penstock", "service": "penstock", "job": "penstock"},
        ),
        (
            pod(annotation_prometheus_io_path="/page", annotation_prometheus_io_scheme="https"),
            {
                "system": "agent-hive",
                "service": "planner",
                "job": "planner",
                "__metrics_path__": "/page",
                "__scheme__": "https",
            },
        ),
        (pod(container_port_name="http"), None),
        (pod(phase="Succeeded"), None),
    ],
    ids=["a pod", "a sidecar", "another path", "another port", "a pod that is done"],
)
def test_pods_have_the_labels_of_their_system(
    target: dict[str, str], expected: dict[str, str] | None
) -> None:
    assert plain(relabelled(rules("kubernetes.yml", "pods"), target)) == expected


def test_only_pods_that_ask_for_it_are_looked_at() -> None:
    for job in load(PROMETHEUS / "kubernetes.yml")["scrape_configs"]:
        (discovery,) = job["kubernetes_sd_configs"]
        assert discovery["selectors"] == [{"role": "pod", "label": "monitoring=enabled"}]


REQUESTS = "agent_hive_external_api_requests_total"


@pytest.mark.parametrize(
    ("job", "scraped", "expected"),
    [
        (
            "services",
            {"__name__": REQUESTS, "service": "agent-hive", "exported_service": "search"},
            {"__name__": REQUESTS, "service": "agent-hive", "api": "search"},
        ),
        (
            "penstock-exporter",
            {"__name__": REQUESTS, "job": "agent-hive/planner", "service": "search"},
            {
                "__name__": REQUESTS,
                "job": "agent-hive/planner",
                "system": "agent-hive",
                "service": "planner",
                "api": "search",
            },
        ),
        (
            "penstock-exporter",
            {"__name__": "workflow_duration_seconds_count", "job": "engine"},
            {"__name__": "workflow_duration_seconds_count", "job": "engine", "service": "engine"},
        ),
        ("services", {"__name__": "go_gc_duration_seconds"}, None),
        ("services", {"__name__": "up", "uid": "4711"}, {"__name__": "up"}),
    ],
)
def test_metrics_have_the_labels_that_rules_use(
    job: str, scraped: dict[str, str], expected: dict[str, str] | None
) -> None:
    assert relabelled(rules("prometheus.yml", job, "metric_relabel_configs"), scraped) == expected


def test_a_cluster_relabels_metrics_as_files_do() -> None:
    for ours, theirs in (("services", "pods"), ("penstock-exporter", "penstock-exporter")):
        kind = "metric_relabel_configs"
        assert rules("prometheus.yml", ours, kind) == rules("kubernetes.yml", theirs, kind)


def test_passwords_come_from_files() -> None:
    def settings(value: Any) -> list[str]:
        if isinstance(value, dict):
            return [*value, *(name for it in value.values() for name in settings(it))]
        return [name for it in value for name in settings(it)] if isinstance(value, list) else []

    for file in ("prometheus.yml", "kubernetes.yml", "federation.yml"):
        assert {"password", "credentials", "bearer_token"} & set(
            settings(load(PROMETHEUS / file))
        ) == set()
