"""Pydantic's errors in plain words: what was expected, what was found, what may have been meant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

from pydantic import BaseModel

from penstock.config.collector import option_in_collector
from penstock.config.document import Node, Scalar, find
from penstock.config.problems import choices, hint
from penstock.config.secrets import is_secret
from penstock.redaction import HIDDEN

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic.fields import FieldInfo
    from pydantic_core import ErrorDetails

    from penstock.config.problems import Path

_EXPECTED = {
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "dict_type": "a mapping",
    "float_parsing": "a number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "frozen_set_type": "a list",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "list_type": "a list",
    "model_type": "a mapping",
    "set_type": "a list",
    "string_type": "text",
    "tuple_type": "a list",
    "enum": "{expected}",
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
    "literal_error": "{expected}",
    "string_pattern_mismatch": "text that matches {pattern}",
    "string_too_long": "at most {max_length} characters",
    "string_too_short": "at least {min_length} characters",
    "too_long": "at most {max_length} in the list",
    "too_short": "at least {min_length} in the list",
}
"""What a value should have been, by the type of pydantic's error."""


def message(model: type[BaseModel], node: Node, path: Path, errors: list[ErrorDetails]) -> str:
    """What is wrong at `path` below `node`, which was to be a `model`: all its errors as one."""
    first = errors[0]
    if first["type"] == "extra_forbidden":
        return _unknown(model, first["loc"])
    if first["type"] == "missing":
        return "is required"
    at = find(node, path)
    source = at.source if isinstance(at, Scalar) and at.substituted else None
    if source is None and is_secret(model, path):
        source = HIDDEN
    if first["type"] not in _EXPECTED:
        return _own_words(first, source)
    expected = dict.fromkeys(_expected(error) for error in errors if error["type"] in _EXPECTED)
    return f"expected {' or '.join(expected)}, found {_found(first, source)}"


def _unknown(model: type[BaseModel], path: Path) -> str:
    name, around = str(path[-1]), _models_at(model, path[:-1])
    for found in around:
        reasons: Mapping[str, str] = getattr(found, "not_here", {})
        if name in reasons:
            return f"the Collector has this option, Penstock does not: {reasons[name]}"
    if option_in_collector(name):
        return "the Collector has this option, Penstock does not; remove it"
    return f"unknown option{choices(name, [name for found in around for name in _fields(found)])}"


def _own_words(error: ErrorDetails, source: str | None) -> str:
    """What a validator said. What is or may be secret is not repeated: `source` is instead."""
    text = error["msg"].removeprefix("Value error, ").replace("Input should be", "expected")
    return text.replace(repr(error["input"]), repr(source)) if source else text


def _expected(error: ErrorDetails) -> str:
    return _EXPECTED[error["type"]].format_map(error.get("ctx", {})).replace("'", "")


def _found(error: ErrorDetails, source: str | None) -> str:
    value = error.get("ctx", {}).get("actual_length", error["input"])
    if isinstance(value, (dict, list)):
        return "a mapping" if isinstance(value, dict) else "a list"
    if source:
        return repr(source) + _remedy(error, "")
    if value is None:
        return "nothing"
    found = str(value).lower() if isinstance(value, bool) else repr(value)
    return found + _remedy(error, str(value))


def _remedy(error: ErrorDetails, value: str) -> str:
    if error["type"] == "string_type":
        return "; put it in quotes"
    quoted = error.get("ctx", {}).get("expected", "")
    return hint(value, quoted.split("'")[1::2])


def _models_at(model: type[BaseModel], path: Path) -> list[type[BaseModel]]:
    """The models where `path` leads; a step that is no option indexes a list or a mapping, or says
    which of several models it is."""
    models = [model]
    for step in map(str, path):
        fields = [_fields(found)[step] for found in models if step in _fields(found)]
        below = [below for field in fields for below in _models(field.annotation)]
        models = below or [found for found in models if _is_called(found, step)] or models
    return models


def _is_called(model: type[BaseModel], name: str) -> bool:
    """Whether the value of some option is that, whatever else there is."""
    literals = (field.annotation for field in _fields(model).values() if field.is_required())
    return any(get_origin(each) is Literal and get_args(each) == (name,) for each in literals)


def _fields(model: type[BaseModel]) -> dict[str, FieldInfo]:
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models(argument)
