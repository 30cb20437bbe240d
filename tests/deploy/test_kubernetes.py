"""The manifests for Kubernetes, as far as files tell: what they say of Penstock is true."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import Any

import pytest
import yaml

from penstock.pipeline.shutdown import SHUTDOWN_TIMEOUT
from tests.deploy.manifests import (
    AT_REST,
    BASE,
    KUBERNETES,
    LEFT,
    LOAD,
    PLACES,
    Place,
    containers,
    environment,
    room,
)
from tests.deploy.rules import DEPLOY, ROOT, load

every_place = pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)


@every_place
def test_the_settings_are_valid_with_the_variables_of_the_pod(place: Place) -> None:
    path = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    command = [sys.executable, "-m", "penstock", "validate", "--config"]
    done = subprocess.run(
        [*command, KUBERNETES / place.settings],
        capture_output=True,
        cwd=ROOT,
        env=path | environment(place.container),
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


@every_place
def test_there_is_time_for_the_whole_stop(place: Place) -> None:
    before = place.container.get("lifecycle", {}).get("preStop", {}).get("sleep", {})
    time = place.pod["terminationGracePeriodSeconds"] - before.get("seconds", 30)
    assert time > SHUTDOWN_TIMEOUT


def test_a_sidecar_starts_before_its_program_and_stops_after_it() -> None:
    pod = PLACES["sidecar"].pod
    assert "containers" not in pod
    (sidecar,) = pod["initContainers"]
    assert sidecar["restartPolicy"] == "Always"
    assert "startupProbe" in sidecar
    assert "lifecycle" not in sidecar


@every_place
def test_memory_is_refused_before_the_system_kills(place: Place) -> None:
    refusing, left = room(place.container, place.config)
    assert refusing > AT_REST + LOAD
    assert left >= LEFT
    for pipeline in place.config["service"]["pipelines"].values():
        assert pipeline["processors"][0] == "memory_limiter"


@every_place
def test_containers_may_do_nothing_but_their_work(place: Place) -> None:
    for container in containers(place.pod):
        security = place.pod.get("securityContext", {}) | container["securityContext"]
        assert security["capabilities"] == {"drop": ["ALL"]}
        assert security["allowPrivilegeEscalation"] is False
        assert security["readOnlyRootFilesystem"] is True
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}
        if container["name"] == "penstock":
            assert security["runAsNonRoot"] is True
            assert security["runAsUser"] > 0


def listening(value: Any) -> set[int]:
    """The ports that settings open to others than the pod itself."""
    if isinstance(value, dict):
        open_page = {value["port"]} if value.get("host") == "0.0.0.0" else set()
        return open_page.union(*map(listening, value.values()))
    if isinstance(value, list):
        return set().union(*map(listening, value))
    found = re.fullmatch(r"0\.0\.0\.0:(\d+)", value) if isinstance(value, str) else None
    return {int(found[1])} if found else set()


@every_place
def test_what_listens_to_others_is_a_port_and_the_file_says_why(place: Place) -> None:
    ports = {it["containerPort"] for it in place.container["ports"]}
    assert listening(place.config) == ports
    lines = (KUBERNETES / place.settings).read_text().splitlines()
    for number, line in enumerate(lines):
        if "0.0.0.0" in line:
            assert any("#" in before for before in lines[number - 2 : number])


@every_place
def test_probes_ask_health_check(place: Place) -> None:
    ports = {it["name"]: it["containerPort"] for it in place.container["ports"]}
    endpoint = place.config["extensions"]["health_check"]["endpoint"]
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        asked = place.container[probe]["httpGet"]
        assert (asked["path"], f"0.0.0.0:{ports[asked['port']]}") == ("/", endpoint)


def test_an_agent_may_do_what_its_components_ask_the_api_for_and_no_more() -> None:
    reading = ["get", "list", "watch"]
    pods = {"apiGroups": [""], "resources": ["pods"], "verbs": reading}
    slices = {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": reading}
    assert load(BASE / "agent" / "cluster-role.yaml")["rules"] == [pods]
    assert load(BASE / "agent" / "role.yaml")["rules"] == [slices]
    assert len(list(KUBERNETES.rglob("*role.yaml"))) == 2


def test_a_gateway_asks_the_api_for_nothing() -> None:
    assert PLACES["gateway"].pod["automountServiceAccountToken"] is False


def test_gateways_are_scaled_by_metrics_that_there_are() -> None:
    names = re.findall(
        r"^\| `(\w+)` \|", (ROOT / "docs" / "telemetry.md").read_text(), re.MULTILINE
    )
    asked = [
        it["pods"]["metric"]["name"]
        for it in load(BASE / "gateway" / "autoscaler.yaml")["spec"]["metrics"]
        if it["type"] == "Pods"
    ]
    adapter = load(KUBERNETES / "prometheus-adapter.yaml")["rules"]["custom"]
    assert [rule["seriesQuery"].partition("{")[0] for rule in adapter] == asked
    assert set(asked) <= set(names)


def test_the_settings_of_gateways_are_asked_of_the_names_that_they_have() -> None:
    service = load(BASE / "gateway" / "service.yaml")
    assert service["spec"]["clusterIP"] == "None"
    for place, resolver in (("agent", "k8s"), ("sidecar", "dns")):
        for exporter in PLACES[place].config["exporters"].values():
            assert resolver in exporter["resolver"]
            tls = exporter["protocol"]["otlp"]["tls"]
            assert tls["server_name_override"] == service["metadata"]["name"]


def test_prometheus_finds_every_pod_by_its_label_and_knows_it_for_penstock() -> None:
    for place in PLACES.values():
        template = load(KUBERNETES / place.manifest)["spec"]["template"]
        assert template["metadata"]["labels"]["monitoring"] == "enabled"
        assert {"name": "metrics", "containerPort": 8888} in place.container["ports"]

    monitor = load(KUBERNETES / "monitoring" / "service-monitor.yaml")
    (endpoint,) = monitor["spec"]["endpoints"]
    given = {it["targetLabel"]: it.get("replacement") for it in endpoint["relabelings"]}
    (job, _) = load(DEPLOY / "prometheus" / "kubernetes.yml")["scrape_configs"]
    theirs = {
        it["target_label"]: it["replacement"]
        for it in job["relabel_configs"]
        if it.get("regex") == "penstock"
    }
    assert theirs.items() <= given.items()


def test_nothing_secret_is_in_a_manifest() -> None:
    for file in KUBERNETES.rglob("*.yaml"):
        for document in yaml.safe_load_all(file.read_text()):
            assert document.get("kind") != "Secret"
