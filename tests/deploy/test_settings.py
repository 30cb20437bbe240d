"""Settings for each environment load and start, and are as strict as the environment asks."""

from __future__ import annotations

import os
import subprocess
import sys
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from penstock.config.load import load
from penstock.pipeline.errors import ConfigError
from tests.certificates import make_all
from tests.pipeline.test_supervisor import heard, listening

if TYPE_CHECKING:
    from penstock.config.settings import Settings
    from penstock.receivers.otlp import Config as Otlp

FOLDER = Path(__file__).parents[2] / "deploy" / "settings"
ENVIRONMENTS = {
    "development": ("base", "development"),
    "staging": ("base", "production", "staging"),
    "production": ("base", "production"),
}
BACKEND = {"PENSTOCK_BACKEND": "backend:4317"}
ANYWHERE = [
    "receivers.otlp.protocols.grpc.endpoint=127.0.0.1:0",
    "receivers.otlp.protocols.http.endpoint=127.0.0.1:0",
    "extensions.health_check.endpoint=127.0.0.1:0",
    "service.telemetry.metrics.level=none",
]


def settings(environment: str) -> Settings:
    files = [str(FOLDER / f"{name}.yaml") for name in ENVIRONMENTS[environment]]
    return load(files, environ=BACKEND)


def otlp(environment: str) -> Otlp:
    found: Otlp = settings(environment).receivers["otlp"]  # type: ignore[assignment]
    return found


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_environment_loads_without_a_warning(environment: str) -> None:
    found = settings(environment)
    assert found.warnings == ()
    assert found.pipelines.keys() == {"traces", "metrics", "logs"}
    assert all(it.processors[0] == "memory_limiter" for it in found.pipelines.values())


def test_the_files_are_all_used() -> None:
    used = {name for files in ENVIRONMENTS.values() for name in files}
    assert {path.stem for path in FOLDER.glob("*.yaml")} == used


def test_development_is_seen_by_nobody_else() -> None:
    for path, address in otlp("development").listens().items():
        assert ip_address(address.host).is_loopback, path
    assert settings("development").exporters.keys() == {"debug"}


@pytest.mark.parametrize("environment", ["staging", "production"])
def test_who_sends_from_elsewhere_shows_a_certificate(environment: str) -> None:
    protocols = otlp(environment).protocols
    for protocol in (protocols.grpc, protocols.http):
        assert protocol is not None
        assert protocol.tls is not None
        assert protocol.tls.client_ca_file


@pytest.mark.parametrize("environment", ["staging", "production"])
def test_people_are_masked_before_anything_leaves(environment: str) -> None:
    found = settings(environment)
    assert "debug" not in found.exporters
    assert all("redaction/people" in it.processors for it in found.pipelines.values())


def test_staging_delivers_as_production_does() -> None:
    staging, production = settings("staging"), settings("production")
    assert staging.pipelines == production.pipelines
    assert staging.exporters == production.exporters


def test_production_needs_to_be_told_where_to_send() -> None:
    files = [str(FOLDER / f"{name}.yaml") for name in ENVIRONMENTS["production"]]
    with pytest.raises(ConfigError, match="PENSTOCK_BACKEND"):
        load(files, environ={})


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_environment_starts(environment: str, tmp_path: Path) -> None:
    certificates = make_all(tmp_path)
    places = {
        "/etc/penstock/tls/tls.crt": certificates / "server.pem",
        "/etc/penstock/tls/tls.key": certificates / "server.key",
        "/etc/penstock/tls/ca.crt": certificates / "ca.pem",
        "/var/lib/penstock": tmp_path,
    }
    command = [sys.executable, "-m", "penstock", "run"]
    for name in ENVIRONMENTS[environment]:
        text = (FOLDER / f"{name}.yaml").read_text()
        for place, here in places.items():
            text = text.replace(place, str(here))
        (tmp_path / f"{name}.yaml").write_text(text)
        command += ["--config", str(tmp_path / f"{name}.yaml")]
    for one in ANYWHERE:
        command += ["--set", one]
    address = str(tmp_path / "notify")
    environ = os.environ | BACKEND | {"NOTIFY_SOCKET": address}
    with listening(address) as manager, subprocess.Popen(command, env=environ) as service:
        try:
            assert heard(manager).startswith("READY=1")
        finally:
            service.terminate()
    assert service.returncode == 0
