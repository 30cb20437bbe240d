"""Secrets in every option that is one by its type: no command, no complaint and no form of the
settings shows them."""

from __future__ import annotations

import copy
import json
import traceback
from typing import TYPE_CHECKING, Any, get_args

import pytest
from pydantic import BaseModel, SecretBytes, SecretStr
from typer.testing import CliRunner

from penstock.cli.commands import app
from penstock.config.catalog import Kind, types
from penstock.config.components import config_class
from penstock.config.load import load_text
from penstock.config.telemetry import TelemetrySection
from penstock.pipeline import StartError
from tests.conformance.registry import LEAST
from tests.faults.canaries import Canaries
from tests.kit import context, in_loop

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PUSH = {"otlp": {"protocol": "grpc", "endpoint": "https://b:1", "headers": {"x-key": "{canary}"}}}
TLS = {"cert_pem": "public", "key_pem": "{canary}"}
KEYS = {"headers": {"x-key": "{canary}", "authorization": "Bearer {canary}"}, "tls": TLS}
BY_NAME = {
    "basic_auth": {"username": "me", "password": "{canary}"},
    "tls_config": {"cert": "public", "key": "{canary}"},
}
BY_TOKEN = {"authorization": {"credentials": "{canary}"}}
KAFKA = {
    "auth": {"sasl": {"mechanism": "PLAIN", "username": "me", "password": "{canary}"}},
    "tls": TLS | {"cert_pem": "public"},
}
URL = {"url": "https://b"}

PLANTED: dict[tuple[str, str], list[dict[str, Any]]] = {
    ("exporters", "loadbalancing"): [
        {"protocol": {"otlp": KEYS}, "resolver": {"static": {"hostnames": ["b:1"]}}}
    ],
    ("exporters", "kafka"): [KAFKA, {"record_headers": {"x-key": "{canary}"}}],
    ("exporters", "elasticsearch"): [
        {"endpoint": "https://b:1", "user": "me", "password": "{canary}", "tls": TLS},
        {"endpoint": "https://b:1", "api_key": "{canary}"},
        {"endpoints": ["https://b:1"], **KEYS},
    ],
    ("exporters", "otlp"): [{"endpoint": "https://b:1", **KEYS}],
    ("exporters", "otlphttp"): [
        {"traces_endpoint": "https://b/?api_key={canary}", "endpoint": "https://b", **KEYS},
        {"endpoint": "https://b", "headers": [{"name": "x-key", "value": "{canary}"}]},
    ],
    ("exporters", "prometheus"): [{"endpoint": "127.0.0.1:1", "tls": TLS}],
    ("exporters", "prometheusremotewrite"): [{"endpoint": "https://b:1", **KEYS}],
    ("extensions", "basicauth"): [
        {"htpasswd": {"inline": "me:{canary}"}},
        {"client_auth": {"username": "me", "password": "{canary}"}},
    ],
    ("extensions", "bearertokenauth"): [
        {"token": "{canary}"},
        {"tokens": ["{canary}", "{canary}"]},
    ],
    ("extensions", "health_check"): [
        {"tls": TLS},
        {"use_v2": True, "http": {"endpoint": "localhost:0", "tls": TLS}},
    ],
    ("processors", "redaction"): [
        {"hash_function": "hmac-sha512", "hmac_key": "{canary}" + 64 * "x"},
    ],
    ("receivers", "kafka"): [KAFKA],
    ("receivers", "otlp"): [{"protocols": {"grpc": {"tls": TLS}, "http": {"tls": TLS}}}],
    ("receivers", "prometheusremotewrite"): [{"tls": TLS}],
    ("receivers", "push_http"): [
        {"tls": TLS, "webhooks": [{"path": "/hook", "signature": {"secret": "{canary}"}}]}
    ],
    ("receivers", "prometheus"): [
        {"config": {"scrape_configs": [{"job_name": "a", **way, "http_sd_configs": [URL | way]}]}}
        for way in (BY_NAME, BY_TOKEN)
    ],
    ("service", "telemetry"): [
        {
            "metrics": {"readers": [{"periodic": {"exporter": PUSH}}]},
            "traces": {"processors": [{"batch": {"exporter": PUSH}}]},
            "logs": {"processors": [{"batch": {"exporter": PUSH}}]},
        }
    ],
}
"""Settings with a secret in each place that takes one. Each new component adds its own here."""

CASES = [
    pytest.param(kind, type_, settings, id=f"{type_}-{number}")
    for (kind, type_), variants in PLANTED.items()
    for number, settings in enumerate(variants)
]


def secret_options(model: type[BaseModel], *above: type[BaseModel]) -> Iterator[str]:
    """The options of a model that are secrets, or hold some, by their paths."""
    for name, field in model.model_fields.items():
        path = field.alias or name
        for kind in _kinds(field.annotation):
            if kind in {SecretStr, SecretBytes}:
                yield path
            elif isinstance(kind, type) and issubclass(kind, BaseModel) and kind not in above:
                yield from (f"{path}.{below}" for below in secret_options(kind, model, *above))


def _kinds(annotation: Any) -> Iterator[Any]:
    yield annotation
    for argument in get_args(annotation):
        yield from _kinds(argument)


def places(settings: object, prefix: str = "") -> Iterator[str]:
    """Where a secret is planted, by paths without the places in lists."""
    if isinstance(settings, dict):
        for key, below in settings.items():
            yield from places(below, f"{prefix}.{key}")
    elif isinstance(settings, list):
        for below in settings:
            yield from places(below, prefix)
    elif isinstance(settings, str) and "{canary}" in settings:
        yield prefix.removeprefix(".")


MODELS: dict[tuple[str, str], type[BaseModel]] = {
    ("service", "telemetry"): TelemetrySection,
    **{(kind, type_): config_class(kind, type_) for kind in Kind for type_ in types(kind)},
}


@pytest.mark.parametrize("component", MODELS, ids="-".join)
def test_every_option_that_is_a_secret_has_one_planted(component: tuple[str, str]) -> None:
    planted = {path for settings in PLANTED.get(component, []) for path in places(settings)}
    missing = [
        option
        for option in secret_options(MODELS[component])
        if not any(f"{path}.".startswith(f"{option}.") for path in planted)
    ]
    assert missing == [], "add settings to PLANTED that have a secret there"


def whole(kind: str, type_: str, settings: object) -> dict[str, Any]:
    """A file with that component in it."""
    signal = min(config_class(Kind.EXPORTERS, type_).signals) if kind == "exporters" else "traces"
    pipeline = {"receivers": ["otlp"], "exporters": ["nop"]}
    file: dict[str, Any] = {
        "receivers": {"otlp": LEAST["receivers", "otlp"]},
        "exporters": {"nop": None},
        "service": {"pipelines": {signal: pipeline}},
    }
    if kind == "exporters":
        pipeline["exporters"] = [type_]
        file["exporters"] = {}
    if kind == "extensions":
        file["service"]["extensions"] = [type_]
    file.setdefault(kind, {})[type_] = settings
    return file


@pytest.fixture
def canaries() -> Canaries:
    return Canaries()


@pytest.mark.parametrize(("kind", "type_", "template"), CASES)
def test_checked_settings_do_not_show_it(
    kind: str, type_: str, template: dict[str, Any], canaries: Canaries
) -> None:
    # A URL may hold a key too; it is shown to nobody but by `print-config`, which hides that.
    options = {key: value for key, value in template.items() if key != "traces_endpoint"}
    file = whole(kind, type_, canaries.plant(options, type_))
    settings = load_text(json.dumps(file), "file", {})
    shown = [repr(settings), str(settings)]
    if kind != "service":
        config: BaseModel = getattr(settings, kind)[type_]
        shown += [repr(config), str(config), config.model_dump_json(), str(config.model_dump())]
    assert canaries.sung("\n".join(shown)) == []


@pytest.mark.parametrize(("kind", "type_", "template"), CASES)
def test_no_command_shows_it(
    kind: str, type_: str, template: object, canaries: Canaries, tmp_path: Path
) -> None:
    path = tmp_path / "penstock.yaml"
    path.write_text(json.dumps(whole(kind, type_, canaries.plant(template, type_))))
    for arguments in (
        ["validate"],
        ["validate", "--format", "json"],
        ["print-config"],
        ["print-config", "--defaults"],
        ["print-config", "--format", "json", "--defaults"],
    ):
        result = CliRunner().invoke(app, [*arguments, "--config", str(path)])
        assert result.exit_code == 0, result.output
        assert canaries.sung(result.output) == [], arguments


def damaged(settings: Any) -> Iterator[Any]:
    """The settings with each secret in a place where it must not be, or in a form that it must not
    have."""
    for parent, key in list(_leaves(settings)):
        secret = parent[key]
        for wrong in ({"x": secret}, [[secret]], f"{secret}\n\u0007", secret * 1000):
            parent[key] = wrong
            yield copy.deepcopy(settings)
        parent[key] = secret
        if isinstance(parent, dict):
            parent[f"{key}x"] = parent.pop(key)
            yield copy.deepcopy(settings)
            parent[key] = parent.pop(f"{key}x")


def _leaves(settings: Any) -> Iterator[tuple[Any, Any]]:
    steps = settings.items() if isinstance(settings, dict) else enumerate(settings)
    for key, below in list(steps):
        if isinstance(below, (dict, list)):
            yield from _leaves(below)
        elif isinstance(below, str) and "cAnArY" in below:
            yield settings, key


@pytest.mark.parametrize(("kind", "type_", "template"), CASES)
def test_no_complaint_shows_it(
    kind: str, type_: str, template: object, canaries: Canaries, tmp_path: Path
) -> None:
    path = tmp_path / "penstock.yaml"
    planted = canaries.plant(template, type_)
    complaints = 0
    for settings in damaged(planted):
        path.write_text(json.dumps(whole(kind, type_, settings)))
        for form in ("text", "json"):
            result = CliRunner().invoke(app, ["validate", "--config", str(path), "--format", form])
            complaints += result.exit_code == 2
            assert canaries.sung(result.output) == [], settings
    assert complaints


@pytest.mark.parametrize("where", ["endpoint", "traces_endpoint"])
def test_a_password_in_a_url_is_refused_without_being_said(
    where: str, canaries: Canaries, tmp_path: Path
) -> None:
    path = tmp_path / "penstock.yaml"
    url = f"https://me:{canaries.new(where).replace('/', '')}@backend:4318"
    path.write_text(json.dumps(whole("exporters", "otlphttp", {where: url})))
    result = CliRunner().invoke(app, ["validate", "--config", str(path)])
    assert result.exit_code == 2
    assert "cAnArY" not in result.output


@pytest.mark.parametrize("type_", ["otlp", "otlphttp"])
@in_loop
async def test_a_start_that_fails_does_not_say_it(type_: str, canaries: Canaries) -> None:
    settings = canaries.plant({"endpoint": "https://b:1", **KEYS}, type_)
    async with context(type_) as given:
        config = config_class(Kind.EXPORTERS, type_).model_validate(settings)
        exporter = config.build(given)  # type: ignore[attr-defined]
        with pytest.raises(StartError) as raised:
            await exporter.start()
    assert canaries.sung("".join(traceback.format_exception(raised.value))) == []
