"""The secrets of the settings in clear, for whoever has to hide them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import fields, is_dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from pydantic import BaseModel, SecretBytes, SecretStr

from penstock.config.secrets import named_secret


def secrets_of(value: Any) -> Iterator[str]:
    """Every secret in settings, components and all: options that are one by their type, and what
    URLs hold of users and keys."""
    if isinstance(value, SecretStr | SecretBytes):
        if value:
            secret = value.get_secret_value()
            yield secret if isinstance(secret, str) else secret.decode(errors="replace")
    elif isinstance(value, str) and "://" in value:
        with suppress(ValueError):  # it only looks like a URL
            yield from _of_url(value)
    else:
        for below in _parts(value):
            yield from secrets_of(below)


def _parts(value: Any) -> list[Any]:
    if isinstance(value, BaseModel):
        return [each for _, each in value]
    if is_dataclass(value):
        return [getattr(value, field.name) for field in fields(value)]
    if isinstance(value, Mapping):
        return list(value.values())
    return list(value) if isinstance(value, (list, tuple, set, frozenset)) else []


def _of_url(url: str) -> Iterator[str]:
    parts = urlsplit(url)
    if parts.password:
        yield parts.password
    yield from (value for name, value in parse_qsl(parts.query) if named_secret(name))
