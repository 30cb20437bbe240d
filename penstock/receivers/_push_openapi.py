"""What is answered, described in OpenAPI 3.1: made of the table that requests are led by."""

from __future__ import annotations

import re
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from penstock.receivers._push_bodies import ENCODINGS, json_answer
from penstock.receivers._push_items import words
from penstock.receivers._push_routes import JSON, TEXT, Route
from penstock.receivers._push_schemas import SCHEMAS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aiohttp import web

PATH = "/openapi.json"

_PART = re.compile(r"\{(\w+)\}")
_TEXT = {"type": "string"}

_TURNED = {
    401: "Credentials are missing or wrong.",
    408: "The body took too long.",
    413: "The body is too large.",
    415: "The body is of another type or encoding.",
    503: "Not now: send it again after `Retry-After` seconds.",
}
"""What anybody may be told."""


def route(routes: Iterable[Route]) -> Route:
    """The path of the description of these routes."""
    document = described(list(routes))
    return Route(
        "GET",
        PATH,
        partial(_answer, document),
        "This.",
        {200: "It."},
        words=words,
        wrong=(JSON, "Error"),
    )


async def _answer(document: dict[str, Any], _: web.Request) -> web.Response:
    return json_answer(200, document)


def described(routes: list[Route]) -> dict[str, Any]:
    """The description, without itself."""
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Penstock push_http", "version": version("penstock")},
        "paths": paths,
        "components": {"schemas": SCHEMAS},
    }


def _operation(route: Route) -> dict[str, Any]:
    wrong = dict.fromkeys(_TURNED, "") if not route.open or route.takes else {}
    answers = {
        **{status: _response(_TURNED[status], *route.wrong) for status in wrong},
        **{status: _answered(route, answer, status) for status, answer in route.answers.items()},
    }
    operation: dict[str, Any] = {
        "summary": route.summary,
        "parameters": _parameters(route),
        "responses": {str(status): answer for status, answer in sorted(answers.items())},
    }
    if route.takes:
        operation["requestBody"] = {"required": True, "content": _content(route)}
    return operation


def _parameters(route: Route) -> list[dict[str, Any]]:
    parts = [
        {"name": name, "in": "path", "required": True, "schema": _TEXT}
        for name in _PART.findall(route.path)
    ]
    query = [
        {"name": name, "in": "query", "schema": schema} for name, schema in route.query.items()
    ]
    encoding = {"type": "string", "enum": list(ENCODINGS)}
    head = [{"name": "Content-Encoding", "in": "header", "schema": encoding}] if route.takes else []
    return [*parts, *query, *head]


def _content(route: Route) -> dict[str, Any]:
    return {
        kind: {"schema": _reference(schema) if schema else ({} if kind == JSON else _TEXT)}
        for kind, schema in route.takes.items()
    }


def _answered(route: Route, answer: str | tuple[str, str], status: int) -> dict[str, Any]:
    if isinstance(answer, tuple):
        return _response(answer[0], JSON, answer[1])
    if status >= 400:  # noqa: PLR2004  (errors begin there)
        return _response(answer, *route.wrong)
    return {"description": answer}


def _response(description: str, kind: str, schema: str | None) -> dict[str, Any]:
    body = _reference(schema) if schema else _TEXT
    return {"description": description, "content": {kind if schema else TEXT: {"schema": body}}}


def _reference(schema: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{schema}"}
