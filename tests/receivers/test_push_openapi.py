"""The description of what is answered: that it is one, and tells of everything."""

from __future__ import annotations

from typing import Any

import jsonschema
import orjson
import pytest

from penstock._kernel import read_items
from penstock.receivers._push_schemas import SCHEMAS
from tests.kit import in_loop
from tests.receivers.pushed import ITEMS
from tests.receivers.pushing import pushing

EXAMPLES = [
    (sort, schema, example)
    for sort, schema in (("metrics", "Metric"), ("logs", "Log"), ("events", "Event"))
    for example in SCHEMAS[schema]["examples"]
]


def resolved(schema: str) -> dict[str, Any]:
    """A schema that stands by itself."""
    return {"$ref": f"#/components/schemas/{schema}", "components": {"schemas": SCHEMAS}}


@in_loop
async def test_every_path_is_told_of_and_every_reference_leads_somewhere() -> None:
    async with pushing(webhooks=[{"path": "/hooks/{who}"}]) as pusher:
        answer = await pusher.send("/openapi.json", method="GET")
        document = answer.document
        assert (answer.status, document["openapi"]) == (200, "3.1.0")
        told = {(method, path) for path, it in document["paths"].items() for method in it}
        routes = pusher.receiver._routes()
        assert told == {(route.method.lower(), route.path) for route in routes}
    references = set(_references(document))
    assert references == {f"#/components/schemas/{name}" for name in SCHEMAS}


def _references(part: Any) -> list[str]:
    if isinstance(part, dict):
        own = [part["$ref"]] if "$ref" in part else []
        return own + [found for value in part.values() for found in _references(value)]
    return (
        [found for value in part for found in _references(value)] if isinstance(part, list) else []
    )


@pytest.mark.parametrize("schema", SCHEMAS)
def test_every_schema_is_one(schema: str) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMAS[schema])


@pytest.mark.parametrize(("sort", "schema", "example"), EXAMPLES)
def test_examples_are_as_the_schemas_say_and_are_taken(
    sort: Any, schema: str, example: dict[str, Any]
) -> None:
    jsonschema.Draft202012Validator(resolved(schema)).validate(example)
    _, faulty, faults = read_items(
        sort, orjson.dumps(example), lines=False, now=1, scope=("test", "1")
    )
    assert (faulty, faults) == (0, [])


@pytest.mark.parametrize(
    ("sort", "schema"), [("metrics", "Metric"), ("logs", "Log"), ("events", "Event")]
)
@pytest.mark.parametrize("body", [item for item in ITEMS if item.startswith(b"{")])
def test_what_is_taken_is_as_the_schemas_say(body: bytes, sort: Any, schema: str) -> None:
    try:
        item = orjson.loads(body)
    except ValueError:
        return  # several items, or what orjson has another opinion of
    native, _, _ = read_items(sort, body, lines=False, now=1, scope=("test", "1"))
    if native is not None:
        jsonschema.Draft202012Validator(resolved(schema)).validate(item)
