"""The tools that read the manifests for Kubernetes.

Schemas come with packages of Python, in an environment of their own. Helm and kustomize, for which
kubectl does as well, are taken from the path or from where an earlier run built them. To build them
takes minutes of CPU, so it is done where `PENSTOCK_BUILD_TOOLS` is set; elsewhere tests that need
them are skipped.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import venv
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from tests.deploy.manifests import documents
from tests.integration.peers import CACHE
from tests.integration.program import complete

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

HOME = CACHE / "kubernetes"
KUSTOMIZE = "sigs.k8s.io/kustomize/kustomize/v5@v5.8.0"
HELM = "helm.sh/helm/v3/cmd/helm@v3.19.0"
SCHEMAS = ("kubernetes-validate==1.37.0", "cloudcoil-models-prometheus-operator==0.80.1.0")
HASHED = re.compile(r"\b(penstock-(?:agent|environment|gateway|sidecar))-[0-9a-z]{10}\b")
MONITORS = """
import sys, yaml
from cloudcoil.models.prometheus_operator.v1 import ServiceMonitor
for it in (it for file in sys.argv[1:] for it in yaml.safe_load_all(open(file))):
    if it["kind"] == "ServiceMonitor":
        model = ServiceMonitor.model_validate(it)
        known = model.model_dump(mode="json", by_alias=True, exclude_unset=True)
        assert known == it, (known, it)
"""
"""The model ignores what it does not know, so what it knows must be all that there is."""


@cache
def tool(name: str, module: str) -> str:
    """The path of a program."""
    built = HOME / "bin" / name
    if found := shutil.which(name):
        return found
    if not built.exists():
        if "PENSTOCK_BUILD_TOOLS" not in os.environ:
            pytest.skip(f"no {name} at hand: set PENSTOCK_BUILD_TOOLS to have it built")
        environment = {**os.environ, "GOBIN": str(built.parent)}
        subprocess.run(["go", "install", module], env=environment, timeout=1200, check=True)
    return str(built)


@cache
def python_with_schemas() -> str:
    """An interpreter that has the published schemas."""
    python = HOME / "schemas" / "bin" / "python"
    if not (HOME / "schemas" / "complete").exists():
        venv.create(HOME / "schemas", clear=True, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *SCHEMAS], check=True)
        (HOME / "schemas" / "complete").touch()
    return str(python)


@cache
def kustomized(folder: Path) -> str:
    """What kustomize makes of a folder."""
    if kubectl := shutil.which("kubectl"):
        return complete([kubectl, "kustomize", str(folder)])
    return complete([tool("kustomize", KUSTOMIZE), "build", str(folder)])


def templated(chart: Path, values: Path, *arguments: str) -> str:
    """What Helm makes of a chart."""
    where = ["--kube-version", "1.34", "--namespace", "penstock", "--values", str(values)]
    command = [tool("helm", HELM), "template", "penstock", str(chart), *where, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def validate(version: str, *files: Path) -> None:
    """Every object by the schema of a version of Kubernetes, in which unknown fields are errors."""
    python = python_with_schemas()
    arguments = ["--strict", "--quiet", "--no-warn", "-k", version]
    complete([python, "-m", "kubernetes_validate", *arguments, *map(str, files)])
    complete([python, "-c", MONITORS, *map(str, files)])


def by_name(rendered: str) -> dict[tuple[str, ...], dict[str, Any]]:
    """Objects by kind, namespace and name; of names the hash of contents is left out."""
    return {key(it): it for it in documents(HASHED.sub(r"\1", rendered))}


def key(document: dict[str, Any]) -> tuple[str, ...]:
    """What no two objects have in common."""
    metadata = document["metadata"]
    return document["kind"], metadata.get("namespace", ""), metadata["name"]


def of_kind(objects: Iterable[dict[str, Any]], *kinds: str) -> list[dict[str, Any]]:
    """Those of some kinds."""
    return [it for it in objects if it["kind"] in kinds]
