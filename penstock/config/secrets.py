"""What is secret: by the type of an option, or by the name of a key or of a variable."""

from __future__ import annotations

import re
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, SecretBytes, SecretStr

if TYPE_CHECKING:
    from collections.abc import Iterable

    from penstock.config.problems import Path

WORDS = (
    r"pass(?:word|wd|phrase)|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|signing[_-]?key"
    r"|key_pem|authorization|cookie|credentials?"
)
"""What names of secrets have in them, as a regular expression."""

_KEY = re.compile(rf"(?:.*[^a-z])?(?:{WORDS})", re.IGNORECASE)
_REFERENCE = re.compile(rf"\$\{{file:|\$\{{[^}}]*(?:{WORDS}|_key|auth|dsn)", re.IGNORECASE)


def named_secret(key: str) -> bool:
    """Whether what `key` leads to is a secret by its name: `authorization`, `x-api-key`."""
    return _KEY.fullmatch(key) is not None


def refers_to_secret(text: str) -> bool:
    """Whether a reference in `text` is to a variable named like a secret, or to a file."""
    return _REFERENCE.search(text) is not None


def is_secret(model: type[BaseModel], path: Path) -> bool:
    """Whether the option at `path` of `model` is secret, by its type or by its name."""
    kinds: list[Any] = [model]
    for step in path:
        kinds = in_list(kinds) if isinstance(step, int) else in_mapping(kinds, step)
    names = [step for step in path if isinstance(step, str)]
    return typed_secret(kinds) or (bool(names) and named_secret(names[-1]))


def typed_secret(kinds: list[Any]) -> bool:
    """Whether one of the types is secret."""
    return SecretStr in kinds or SecretBytes in kinds


def members(types: Iterable[Any]) -> list[Any]:
    """What types stand for: the members of unions, and what is annotated."""
    return [kind for type_ in types for kind in _members(type_)]


def in_list(kinds: list[Any]) -> list[Any]:
    """The types of the items of a list that is of one of the `kinds`."""
    return members(arg for kind in kinds for arg in get_args(kind) or [kind])


def in_mapping(kinds: list[Any], key: str) -> list[Any]:
    """The types of what `key` leads to in a mapping of one of the `kinds`.

    In the place of a type, a kind may be a model, or a mapping of models.
    """
    return members(below for kind in kinds for below in _in_mapping(kind, key))


def _in_mapping(kind: Any, key: str) -> list[Any]:
    if isinstance(kind, dict):
        return [kind[key]] if key in kind else []
    model = kind if isinstance(kind, type) else type(kind)
    if issubclass(model, BaseModel):
        fields = {field.alias or name: field for name, field in model.model_fields.items()}
        return [fields[key].annotation] if key in fields else []
    # A mapping may also be written as a list of names and values: all that it leads to is secret.
    return [kind] if kind in {SecretStr, SecretBytes} else list(get_args(kind))


def _members(type_: Any) -> list[Any]:
    if get_origin(type_) is Annotated:
        return _members(get_args(type_)[0])
    if get_origin(type_) in {Union, UnionType}:
        return members(get_args(type_))
    return [] if type_ is NoneType else [type_]
