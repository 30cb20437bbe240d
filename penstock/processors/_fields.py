"""Fields of log records as options name them: `body.user.id`, `attributes.src.ip`."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

from penstock.processors._attributes import path_to

_DOT = re.compile(r"(?<!\\)\.")


def path_of(field: str) -> str:
    """The path of a field. Raises `ValueError` for what is not in the body or the attributes."""
    first, *keys = (part.replace("\\.", ".") for part in _DOT.split(field))
    if first not in {"body", "attributes"} or not all(keys):
        msg = f"expected a field such as body.time or attributes.host\\.name, found {field!r}"
        raise ValueError(msg)
    path = f"log.{first}"
    for key in keys:
        path = path_to(path, key)
    return path


def _checked(field: str) -> str:
    path_of(field)
    return field


Field = Annotated[str, AfterValidator(_checked)]
"""A field of a log record's body or attributes; a dot within a name has a backslash before it."""
