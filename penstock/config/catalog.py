"""What components there are, told without importing them."""

from __future__ import annotations

import ast
from enum import StrEnum
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from pkgutil import iter_modules
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from importlib.metadata import EntryPoint


class Kind(StrEnum):
    """The kinds of component: sections of the settings, and packages of Penstock."""

    RECEIVERS = "receivers"
    PROCESSORS = "processors"
    EXPORTERS = "exporters"
    CONNECTORS = "connectors"
    EXTENSIONS = "extensions"

    @property
    def one(self) -> str:
        """The word for one of the kind."""
        return self.value.removesuffix("s")

    @property
    def package(self) -> str:
        """Where its modules are; also the group of its entry points."""
        return f"penstock.{self}"


ALIASES: dict[Kind, dict[str, str]] = {
    Kind.RECEIVERS: {
        "file_log": "filelog",
        "host_metrics": "hostmetrics",
        "prometheus_remote_write": "prometheusremotewrite",
    },
    Kind.PROCESSORS: {
        "k8s_attributes": "k8sattributes",
        "log_dedup": "logdedup",
        "metrics_transform": "metricstransform",
        "resource_detection": "resourcedetection",
    },
    Kind.EXPORTERS: {
        "otlp_grpc": "otlp",
        "otlp_http": "otlphttp",
        "prometheus_remote_write": "prometheusremotewrite",
    },
    Kind.CONNECTORS: {"service_graph": "servicegraph", "span_metrics": "spanmetrics"},
    Kind.EXTENSIONS: {"healthcheckv2": "health_check"},
}
"""Types that the Collector also spells in another way, by kind: the other spelling, then ours.

The Collector gave them new names in 2026 and still takes the old ones. Both are as good here.
"""

DEPRECATED: dict[Kind, dict[str, str]] = {
    Kind.EXPORTERS: {"logging": "debug"},
}
"""Types that the Collector has replaced, by kind: the old type, then what is used for it."""


def types(kind: Kind) -> list[str]:
    """Every type of the kind, Penstock's own and those of installed packages, sorted."""
    return sorted({*_modules(kind), *(point.name for point in _entry_points(kind))})


def module_name(kind: Kind, type_: str) -> str | None:
    """The module that holds the component, or `None` where there is none of that type."""
    type_ = DEPRECATED.get(kind, {}).get(type_, type_)
    type_ = ALIASES.get(kind, {}).get(type_, type_)
    if type_ in _modules(kind):
        return f"{kind.package}.{type_}"
    points = [point for point in _entry_points(kind) if point.name == type_]
    return points[0].module if points else None


def summary(kind: Kind, type_: str) -> str:
    """The first line of the module's docstring; nothing where it has none or cannot be found."""
    try:
        spec = find_spec(module_name(kind, type_) or kind.package)
    except ImportError:
        return ""
    source = Path(spec.origin).read_text() if spec and spec.origin else ""
    return (ast.get_docstring(ast.parse(source)) or "").partition("\n")[0]


def _modules(kind: Kind) -> frozenset[str]:
    return _modules_at(tuple(import_module(kind.package).__path__))


@cache
def _modules_at(path: tuple[str, ...]) -> frozenset[str]:
    modules = iter_modules(path)
    return frozenset(module.name for module in modules if not module.name.startswith("_"))


def _entry_points(kind: Kind) -> Iterable[EntryPoint]:
    # Takes 10 ms to import, and few files name what is not Penstock's own.
    from importlib.metadata import entry_points

    return entry_points(group=kind.package)
