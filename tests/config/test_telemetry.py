"""`service::telemetry` as a document describes it, and as the Collector writes it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import pytest
from pydantic import BaseModel

from penstock.config.settings import CounterNames
from penstock.config.telemetry import TelemetrySection
from penstock.config.types import HostPort
from penstock.logs import Sampling
from penstock.pipeline.telemetry.registry import Level

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCUMENT = Path(__file__).parents[2] / "docs" / "telemetry.md"


def models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from models(argument)


def options(model: type[BaseModel], seen: set[type[BaseModel]]) -> set[str]:
    """The names of all options below a model."""
    if model in seen:
        return set()
    seen.add(model)
    below = [each for field in model.model_fields.values() for each in models(field.annotation)]
    return set(model.model_fields).union(*(options(each, seen) for each in below))


def test_every_option_is_documented() -> None:
    text = DOCUMENT.read_text()
    found = options(TelemetrySection, set())
    assert [name for name in sorted(found) if not re.search(rf"\b{name}\b", text)] == []


@pytest.mark.parametrize("level", ["none", "Basic", "NORMAL", "detailed"])
def test_levels_are_taken_in_any_case(level: str) -> None:
    section = TelemetrySection.model_validate({"metrics": {"level": level}})
    assert section.settings().level is Level[level.upper()]


@pytest.mark.parametrize(
    ("suffix", "names"),
    [(True, CounterNames.PLAIN), (False, CounterNames.TOTAL), ("both", CounterNames.BOTH)],
)
def test_the_page_names_counters_as_it_is_told(suffix: Any, names: CounterNames) -> None:
    prometheus = {"port": 1, "without_type_suffix": suffix, "without_units": False}
    readers = [{"pull": {"exporter": {"prometheus": prometheus}}}]
    page = TelemetrySection.model_validate({"metrics": {"readers": readers}}).settings().page
    assert page
    assert (page.address, page.counters, page.units) == (HostPort("127.0.0.1", 1), names, True)


def test_level_none_neither_shows_nor_pushes() -> None:
    otlp = {"protocol": "grpc", "endpoint": "http://a:1"}
    readers = [{"periodic": {"exporter": {"otlp": otlp}}}]
    section = TelemetrySection.model_validate({"metrics": {"level": "none", "readers": readers}})
    assert (section.settings().page, section.settings().pushes) == (None, ())


def test_traces_need_somewhere_to_go_to() -> None:
    assert TelemetrySection.model_validate({"traces": {"level": "basic"}}).settings().traces is None


@pytest.mark.parametrize(
    "resource",
    [
        {"site": "eu", "rack": 7, "service.version": None},
        {
            "attributes": [
                {"name": "site", "value": "eu"},
                {"name": "rack", "value": 7},
                {"name": "service.version", "value": None},
            ]
        },
    ],
)
def test_resource_attributes_are_taken_in_both_of_the_collectors_forms(resource: Any) -> None:
    settings = TelemetrySection.model_validate({"resource": resource}).settings()
    assert settings.resource == {"site": "eu", "rack": 7, "service.version": None}


def test_sampling_of_the_log_has_the_collectors_defaults_and_can_be_off() -> None:
    assert TelemetrySection().settings().logs.sampling == Sampling(10.0, 10, 100)
    off = TelemetrySection.model_validate({"logs": {"sampling": {"enabled": False}}})
    assert off.settings().logs.sampling is None


@pytest.mark.parametrize(
    ("endpoint", "insecure", "url"),
    [
        ("a:4318", False, "https://a:4318/v1/logs"),
        ("a:4318", True, "http://a:4318/v1/logs"),
        ("http://a:4318", False, "http://a:4318/v1/logs"),
        ("https://a/otlp/logs", False, "https://a/otlp/logs"),
    ],
)
def test_endpoints_get_what_they_leave_out(endpoint: str, insecure: bool, url: str) -> None:
    otlp = {"protocol": "http/protobuf", "endpoint": endpoint, "insecure": insecure}
    processors = [{"batch": {"exporter": {"otlp": otlp}}}]
    section = TelemetrySection.model_validate({"logs": {"processors": processors}})
    assert section.settings().log_pushes[0].exporter.otlp.url_of("logs") == url
