"""A component's id to the class of its settings."""

from __future__ import annotations

import re
from importlib import import_module
from typing import TYPE_CHECKING

from penstock.config.catalog import Kind, module_name, types
from penstock.config.collector import in_collector
from penstock.config.problems import choices
from penstock.pipeline.component import (
    ComponentConfig,
    ConnectorConfig,
    ExporterConfig,
    ExtensionConfig,
    ProcessorConfig,
    ReceiverConfig,
)
from penstock.pipeline.errors import ConfigError

if TYPE_CHECKING:
    from types import ModuleType

_BASES: dict[Kind, type[ComponentConfig]] = {
    Kind.RECEIVERS: ReceiverConfig,
    Kind.PROCESSORS: ProcessorConfig,
    Kind.EXPORTERS: ExporterConfig,
    Kind.CONNECTORS: ConnectorConfig,
    Kind.EXTENSIONS: ExtensionConfig,
}
_ID = re.compile(r"(?P<type>[A-Za-z][A-Za-z0-9_]{0,62})(?:/[!-~\w]{1,1024})?")


def config_class(kind: Kind, id_: str) -> type[ComponentConfig]:
    """The `Config` of the component that `id_` (`type` or `type/name`) asks for.

    Raises `ConfigError`, its message without a place, where there is none that can be used.
    """
    match = _ID.fullmatch(id_)
    if not match:
        msg = "expected an id such as `batch` or `batch/eu`: a type, then perhaps `/` and a name"
        raise ConfigError(msg)
    found = getattr(_module(kind, match["type"]), "Config", None)
    if not (isinstance(found, type) and issubclass(found, _BASES[kind])):
        msg = f"its module has no `Config` derived from `{_BASES[kind].__name__}`"
        raise ConfigError(msg)
    return found


def _module(kind: Kind, type_: str) -> ModuleType:
    name = module_name(kind, type_)
    if name is None:
        raise ConfigError(_unknown(kind, type_))
    try:
        return import_module(name)
    except ImportError as error:
        if (error.name or "").startswith("penstock"):
            raise
        raise ConfigError(_missing(name, error)) from error


def _unknown(kind: Kind, type_: str) -> str:
    if in_collector(kind, type_):
        return f"one of the Collector's {kind}, which Penstock does not have yet; remove it"
    others = [other for other in Kind if module_name(other, type_)]
    if others:
        return f"`{type_}` is the type of a component under {others[0]}; define it there"
    return f"no {kind.one} has the type `{type_}`{choices(type_, types(kind))}"


def _missing(module: str, error: ImportError) -> str:
    package, _, type_ = module.rpartition(".")
    ours = package.startswith("penstock.")
    remedy = f"install it with `pip install 'penstock[{type_}]'`" if ours else "install it"
    return f"a package that it needs cannot be used ({error}); {remedy}"
