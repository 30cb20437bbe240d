"""Check that the extensions that components name are there and can do the work."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import BaseModel

from penstock.config.catalog import Kind
from penstock.config.problems import hint
from penstock.pipeline.auth import Auth, AuthenticatorConfig, Side
from penstock.pipeline.storage import STORAGE, StorageConfig

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from penstock.config.problems import Path, Problems


class _Reference(NamedTuple):
    """An option that names an extension, and what that must be able to do."""

    path: Path
    id: str
    work: str
    can: Callable[[Any], bool]


def check_references(configs: dict[Kind, dict[str, Any]], problems: Problems) -> None:
    """Note in `problems` every extension that does not run, or cannot do what it is named for.
    `configs` holds components by id, `None` where their settings are wrong."""
    for kind, components in configs.items():
        for id_, config in components.items():
            for reference in _references(config, (kind.value, id_)):
                fault = _fault(reference, configs[Kind.EXTENSIONS], problems)
                if fault:
                    problems.add(reference.path, fault)


def extensions_of(config: BaseModel) -> frozenset[str]:
    """The ids of the extensions that a component's settings name."""
    return frozenset(reference.id for reference in _references(config, ()))


def _references(value: Any, path: Path) -> Iterator[_Reference]:
    if isinstance(value, Auth):
        can = partial(_authenticates, value.side)
        yield _Reference((*path, "authenticator"), value.authenticator, value.side, can)
    elif isinstance(value, BaseModel):
        for name, field in type(value).model_fields.items():
            held = getattr(value, name)
            if STORAGE in field.metadata and held:
                yield _Reference((*path, name), held, "store anything", _stores)
            yield from _references(held, (*path, name))


def _authenticates(side: Side, config: Any) -> bool:
    return isinstance(config, AuthenticatorConfig) and side in config.sides


def _stores(config: Any) -> bool:
    return isinstance(config, StorageConfig)


def _fault(reference: _Reference, extensions: dict[str, Any], problems: Problems) -> str | None:
    id_ = reference.id
    defined = problems.document.keys((Kind.EXTENSIONS.value,))
    if id_ not in defined:
        return f"`{id_}` is not defined under extensions{hint(id_, defined)}"
    if id_ not in (text for _, text in problems.document.strings(("service", "extensions"))):
        return f"`{id_}` does not run: add it to service.extensions"
    config = extensions.get(id_)
    if config is None or reference.can(config):
        return None
    able = [f"`{other}`" for other, config in extensions.items() if reference.can(config)]
    others = f"; {' and '.join(able)} can" if able else ""
    return f"`{id_}` does not {reference.work}{others}"
