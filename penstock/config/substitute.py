"""`${env:NAME}` in values, as in the Collector."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_REFERENCE = re.compile(r"\$\{(?P<body>[^{}]*)\}")
_DOLLAR = re.compile(rf"\$\$|{_REFERENCE.pattern}|(?P<unclosed>\$\{{)")
_VARIABLE = re.compile(
    r"(?:env:)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>.*))?", re.DOTALL
)


def substitute(text: str, environ: Mapping[str, str]) -> str:
    """Replace `${env:NAME}`, `${env:NAME:-default}` and, with `env` understood, `${NAME}`.

    `$$` stands for one `$`; what a variable holds is not looked at again. Raises `ValueError` for a
    variable that is not set and has no default, and for any other form of `${…}`.
    """

    def value(match: re.Match[str]) -> str:
        if match["unclosed"]:
            msg = "`${` without its `}`, or one inside another; write `$${` for the text itself"
            raise ValueError(msg)
        return "$" if match["body"] is None else _lookup(match["body"], environ)

    return _DOLLAR.sub(value, text) if "$" in text else text


def is_reference(text: str) -> bool:
    """Whether the whole of `text` is one `${…}`, whose value then has the type it has in YAML."""
    return _REFERENCE.fullmatch(text) is not None


def _lookup(body: str, environ: Mapping[str, str]) -> str:
    variable = _VARIABLE.fullmatch(body)
    if not variable:
        msg = (
            f"`${{{body}}}` is not understood; expected `${{env:NAME}}` or `${{env:NAME:-default}}`"
        )
        raise ValueError(msg)
    found = environ.get(variable["name"], variable["default"])
    if found is None:
        name = variable["name"]
        msg = f"the variable {name} is not set; set it, or write `${{env:{name}:-default}}`"
        raise ValueError(msg)
    return found
