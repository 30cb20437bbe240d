"""The JSON Schema of settings, from the `Config` of every installed component.

It is for editors, so it knows what can be written and what for. What takes the whole file to tell,
such as whether an id is defined, is `penstock validate`'s.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from penstock.config.catalog import DEPRECATED, Kind
from penstock.config.deprecated import RENAMED
from penstock.config.docstrings import option_docstrings
from penstock.config.pipelines import ROLES
from penstock.config.service import Root
from penstock.pipeline.batch import Signal
from penstock.testing.items import MODELS
from penstock.testing.suite import Arrival, Case, Expectation, Suite

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pydantic import BaseModel
    from pydantic_core import core_schema

    from penstock.cli.inventory import Installed

Schema = dict[str, Any]

_SUBSTITUTED = r"\$\{.+\}"
"""Text whose value, and with it its type, comes from outside the file."""

_FILLED_IN = {"type": "string", "pattern": _SUBSTITUTED}

_REFERENCE = "#/$defs/{}"

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


class _Generator(GenerateJsonSchema):
    """Pydantic's generator, with defaults as they are written and without titles."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        """Never: a title would only repeat the option's name."""
        del schema
        return False

    def model_schema(self, schema: core_schema.ModelSchema) -> Schema:
        """Say what options are for, show the default 5.0 as `5s`, and none for a section."""
        made = super().model_schema(schema)
        del made["title"]
        written = (
            schema["cls"].model_construct().model_dump(mode="json", by_alias=True, warnings=False)
        )
        texts = option_docstrings(schema["cls"])
        for name, option in made["properties"].items():
            if name in texts:
                option["description"] = texts[name]
            default = option.pop("default", None)
            if default is not None and not isinstance(default, dict):
                option["default"] = written[name]
        return made


def generate(models: Iterable[type[BaseModel]]) -> tuple[dict[type[BaseModel], str], Schema]:
    """A definition for every model and all it refers to, and the name of each model's."""
    models = list(models)
    found, made = models_json_schema(
        [(model, "validation") for model in models], schema_generator=_Generator
    )
    references = (found[model, "validation"]["$ref"] for model in models)
    names = (reference.rpartition("/")[2] for reference in references)
    return dict(zip(models, names, strict=True)), made["$defs"]


def file_schema(components: list[Installed]) -> Schema:
    """The schema of a whole file (JSON Schema 2020-12) that may have these components."""
    configs = {it.config: it for it in components if it.config}
    names, made = generate((*configs, Root))
    definitions = {name: _as_written(schema) for name, schema in made.items()}
    for config, component in configs.items():  # an editor names what it completes by the title
        definitions[names[config]]["title"] = f"{component.kind.one} {component.type}"
    root = definitions.pop(names[Root])
    sections = root["properties"]
    for kind in Kind:
        found = [component for component in components if component.kind is kind]
        sections[kind] |= _by_id(_settings(found, names), DEPRECATED.get(kind, {}))
    _wire(definitions, sections)
    return {
        "$schema": _DIALECT,
        "title": "Penstock",
        **root,
        "$defs": definitions,
    }


def suite_schema() -> Schema:
    """The schema of a file of tests. Only the settings tell which signal a pipeline has, so an item
    may be one of any."""
    names, made = generate((Suite, Case, Arrival, Expectation, *MODELS.values()))
    definitions = {name: _as_written(schema) for name, schema in made.items()}
    for definition in definitions.values():
        definition.pop("patternProperties", None)  # it is one file, and none is older
    of_any = [{"$ref": _REFERENCE.format(names[model])} for model in MODELS.values()]
    items = {"type": "array", "items": {"anyOf": of_any}}
    given = {"anyOf": [items, {"type": "object"}]}
    for model in (Arrival, Expectation):
        definitions[names[model]]["properties"]["items"] |= items
    options = definitions[names[Case]]["properties"]
    options["input"] |= given
    options["batches"] |= {"type": "array", "items": given}
    root = definitions.pop(names[Suite])
    return {"$schema": _DIALECT, "title": "Penstock's tests", **root, "$defs": definitions}


def _settings(components: list[Installed], names: dict[type[BaseModel], str]) -> dict[str, Schema]:
    """The schema of each type's settings, under all its spellings."""
    return {
        type_: {"$ref": _REFERENCE.format(names[it.config]), "description": it.purpose}
        if it.config
        else {"description": f"{it.purpose} Not usable here: {it.fault}"}
        for it in components
        for type_ in it.spellings
    }


def _by_id(schemas: dict[str, Schema], older: Mapping[str, str]) -> Schema:
    """A mapping by id, in which an older type is taken for another.

    Types stand among the properties too, since editors complete only those.
    """
    named = {f"^{type_}/.+$": schema for type_, schema in schemas.items()}
    named |= {f"^{old}(/.+)?$": schemas[type_] for old, type_ in older.items() if type_ in schemas}
    return {
        "type": ["object", "null", "string"],
        "pattern": _SUBSTITUTED,
        "properties": schemas,
        "patternProperties": named,
        "additionalProperties": False,
    }


def _wire(definitions: Schema, sections: Schema) -> None:
    """Say which ids a pipeline and the list of extensions may mention."""
    service = definitions["ServiceSection"]["properties"]
    pipeline = service["pipelines"]["additionalProperties"]
    service["pipelines"] |= _by_id({signal.value: pipeline for signal in Signal}, {})
    service["extensions"]["items"] = _id_of([Kind.EXTENSIONS], sections)
    lists = definitions["PipelineSection"]["properties"]
    for role, kinds in ROLES.items():
        lists[role]["items"] = _id_of(kinds, sections)


def _id_of(kinds: Iterable[Kind], sections: Schema) -> Schema:
    known = sorted({type_ for kind in kinds for type_ in sections[kind]["properties"]})
    return {"anyOf": [{"enum": known}, {"type": "string", "pattern": f"^({'|'.join(known)})/.+$"}]}


def _as_written(schema: Schema) -> Schema:
    """The schema of what a file may say: `${…}` for any value, nothing for what may be empty."""
    made = {keyword: _below(keyword, value) for keyword, value in schema.items()}
    type_ = made.get("type")
    if "enum" in made:
        del made["type"]
        return made | {"anyOf": [{"enum": made.pop("enum")}, _FILLED_IN]}
    if type_ == "string" and "pattern" in made:
        return made | {"pattern": f"{made['pattern']}|{_SUBSTITUTED}"}
    if type_ in {"array", "object"}:
        empty = [] if made.get("required") else ["null"]
        return _with_additions(made) | {**_FILLED_IN, "type": [type_, *empty, "string"]}
    if type_ in {"boolean", "integer", "number"}:
        return made | {**_FILLED_IN, "type": [type_, "string"]}
    return made


def _with_additions(schema: Schema) -> Schema:
    """With what is taken but not offered: lists that a later file adds to, and older names."""
    options = schema.get("properties", {})
    lists = {name for name, option in options.items() if "array" in option.get("type", ())}
    taken = {f"^{re.escape(name)}\\+$": options[name] for name in lists}
    taken |= {f"^{it.old}$": options[it.new] for it in RENAMED if it.new in options}
    return schema | {"patternProperties": taken} if taken else schema


def _below(keyword: str, value: Any) -> Any:
    """The value of a schema's keyword, with every schema in it as a file may say it."""
    if keyword in {"properties", "patternProperties"}:
        return {name: _as_written(schema) for name, schema in value.items()}
    if keyword in {"allOf", "anyOf", "oneOf", "prefixItems"}:
        return [_as_written(schema) for schema in value]
    if keyword in {"items", "additionalProperties"} and isinstance(value, dict):
        return _as_written(value)
    return value
