"""Check a part of a document against a pydantic model."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from penstock.config.document import Node, Scalar, child, find, plain
from penstock.config.wording import message

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

    from penstock.config.problems import Path, Problems

Model = TypeVar("Model", bound=BaseModel)

_EMPTY: dict[str, type[dict[str, Any] | list[Any]]] = {
    "dict_type": dict,
    "list_type": list,
    "model_type": dict,
    "tuple_type": list,
}
"""What nothing means where a mapping or a list is expected: `batch:` is `batch: {}`."""


def check(model: type[Model], path: Path, problems: Problems) -> Model | None:
    """The part of the document at `path` as `model`; `None` with its faults in `problems`."""
    node = problems.document.find(path)
    if node is None:
        return None
    try:
        return _validate(model, node)
    except ValidationError as error:
        faults = [(_location(node, details), details) for details in error.errors()]
    for where, group in groupby(faults, key=lambda fault: fault[0]):
        errors = [details for _, details in group]
        unknown = errors[0]["type"] == "extra_forbidden"
        problems.add((*path, *where), message(model, node, where, errors), key=unknown)
    return None


def _validate(model: type[Model], node: Node) -> Model:
    value = plain(node)
    data = {} if value is None else value
    try:
        return model.model_validate(data)
    except ValidationError as error:
        amended = [_amend(data, node, details) for details in error.errors()]
        if not any(amended):
            raise
    return model.model_validate(data)


def _amend(data: Any, node: Node, error: ErrorDetails) -> bool:
    """Read what YAML cannot type, nothing or substituted text, as what the option wants."""
    path = _location(node, error)
    found = find(node, path)
    if not path or not found:
        return False
    if isinstance(found, Scalar) and found.value is None and error["type"] in _EMPTY:
        _put(data, path, _EMPTY[error["type"]]())
    elif error["type"] == "string_type" and (text := _outside(found)) is not None:
        _put(data, path, text)
    else:
        return False
    return True


def _outside(node: Node) -> str | None:
    """The text of what came from outside the file."""
    return node.text if not isinstance(node, Scalar) or node.substituted else None


def _put(data: Any, path: Path, value: Any) -> None:
    for step in path[:-1]:
        data = data[step]
    data[path[-1]] = value


def _location(node: Node, error: ErrorDetails) -> Path:
    """The error's path without pydantic's own steps, which name members of unions and the like."""
    if error["type"] == "missing":
        return (*_existing(node, error["loc"][:-1]), error["loc"][-1])
    return _existing(node, error["loc"])


def _existing(node: Node, steps: Path) -> Path:
    path: Path = ()
    for step in steps:
        below = child(node, step)
        if below is not None:
            node, path = below, (*path, step)
    return path
