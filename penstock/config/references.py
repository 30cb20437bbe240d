"""Check that the authenticators that components name under `auth` are there and can do the work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from penstock.config.catalog import Kind
from penstock.config.problems import hint
from penstock.pipeline.auth import Auth, AuthenticatorConfig

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.config.problems import Path, Problems


def check_references(configs: dict[Kind, dict[str, Any]], problems: Problems) -> None:
    """Note in `problems` every `auth` whose authenticator does not run, or cannot do what it is
    named for. `configs` holds components by id, `None` where their settings are wrong."""
    for kind, components in configs.items():
        for id_, config in components.items():
            for path, auth in _auths(config, (kind.value, id_)):
                fault = _fault(auth, configs[Kind.EXTENSIONS], problems)
                if fault:
                    problems.add((*path, "authenticator"), fault)


def _auths(value: Any, path: Path) -> Iterator[tuple[Path, Auth]]:
    if isinstance(value, Auth):
        yield path, value
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _auths(getattr(value, name), (*path, name))


def _fault(auth: Auth, extensions: dict[str, Any], problems: Problems) -> str | None:
    id_ = auth.authenticator
    defined = problems.document.keys((Kind.EXTENSIONS.value,))
    if id_ not in defined:
        return f"`{id_}` is not defined under extensions{hint(id_, defined)}"
    if id_ not in (text for _, text in problems.document.strings(("service", "extensions"))):
        return f"`{id_}` does not run: add it to service.extensions"
    config = extensions.get(id_)
    if config is None or (isinstance(config, AuthenticatorConfig) and auth.side in config.sides):
        return None
    return f"`{id_}` does not {auth.side}{_others(auth, extensions)}"


def _others(auth: Auth, extensions: dict[str, Any]) -> str:
    able = [
        f"`{id_}`"
        for id_, config in extensions.items()
        if isinstance(config, AuthenticatorConfig) and auth.side in config.sides
    ]
    return f"; {' and '.join(able)} can" if able else ""
