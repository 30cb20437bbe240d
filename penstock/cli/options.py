"""The options of a component as a list: each with its path, type, default and what it is for."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from penstock.cli.schema import generate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.cli.schema import Schema
    from penstock.pipeline.component import ComponentConfig

_FORMATS = {"go-duration": "duration", "host-port": "address", "password": "secret text"}
_NAMES = {
    "boolean": "true or false",
    "integer": "whole number",
    "number": "number",
    "string": "text",
}
_LIMITS = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}


@dataclass(frozen=True, slots=True)
class Option:
    """An option. `path` is dotted; `default` is as a file would say it, if there is one."""

    path: str
    type: str
    required: bool
    default: Any
    description: str

    @property
    def default_text(self) -> str:
        """The default in a table's cell."""
        if self.required:
            return "required"
        if isinstance(self.default, str) and self.default:
            return self.default
        return "" if self.default is None else json.dumps(self.default, ensure_ascii=False)


def options(config: type[ComponentConfig]) -> list[Option]:
    """Every option of a component, sections of options before what is in them."""
    names, definitions = generate([config])
    return list(_options(definitions[names[config]], definitions, ""))


def _options(schema: Schema, definitions: Schema, prefix: str) -> Iterator[Option]:
    required = schema.get("required", ())
    for name, option in schema.get("properties", {}).items():
        kinds = list(_kinds(option, definitions))
        yield Option(
            path=f"{prefix}{name}",
            type=_type(option, definitions),
            required=name in required,
            default=option.get("default"),
            description=_description([option, *kinds]),
        )
        for step, below in _below(kinds, definitions):
            yield from _options(below, definitions, f"{prefix}{name}{step}.")


def _kinds(schema: Schema, definitions: Schema) -> Iterator[Schema]:
    """What a value may be, references followed; that it may be left out goes without saying."""
    if "$ref" in schema:
        schema = definitions[schema["$ref"].rpartition("/")[2]]
    if "anyOf" in schema:
        for choice in schema["anyOf"]:
            yield from _kinds(choice, definitions)
    elif schema.get("type") != "null":
        yield schema


def _below(kinds: list[Schema], definitions: Schema) -> Iterator[tuple[str, Schema]]:
    """The options in an option: of a section, of each item in a list, of each in a mapping."""
    for kind in kinds:
        yield "", kind
        for keyword, step in (("items", "[]"), ("additionalProperties", ".*")):
            yield from ((step, it) for it in _kinds(_inner(kind, keyword), definitions))


def _description(schemas: list[Schema]) -> str:
    """The first there is: an option whose description is its section's has none of its own."""
    texts = (schema.get("description", "") for schema in schemas)
    return " ".join(next(filter(None, texts), "").split())


def _type(schema: Schema, definitions: Schema) -> str:
    """What a value may be, in words."""
    return " or ".join(dict.fromkeys(_word(it, definitions) for it in _kinds(schema, definitions)))


def _word(schema: Schema, definitions: Schema) -> str:
    match schema:
        case {"properties": _}:
            return "section"
        case {"enum": _} | {"const": _}:
            return " or ".join(filter(None, map(str, schema.get("enum") or [schema["const"]])))
        case {"type": "array"}:
            word = _type(_inner(schema, "items"), definitions)
            return "list of sections" if word == "section" else f"list of {word}"
        case {"type": "object"}:
            return f"mapping to {_type(_inner(schema, 'additionalProperties'), definitions)}"
        case {"format": format_} if format_ in _FORMATS:
            return _FORMATS[format_]
    limits = (f" {sign} {schema[key]}" for key, sign in _LIMITS.items() if key in schema)
    return _NAMES.get(schema.get("type", ""), "anything") + "".join(limits)


def _inner(schema: Schema, keyword: str) -> Schema:
    """The schema of what is in a list or mapping; an empty one, which allows anything, for none."""
    inner = schema.get(keyword)
    return inner if isinstance(inner, dict) else {}
