"""`${env:NAME}` and `${file:PATH}` in values, as in the Collector."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from penstock.config.sources import read_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MAX_NESTED = 8
"""References within one another: `${env:A:-${env:B}}` has two levels."""

MAX_REFERENCES = 100
"""References in one value. People write up to five."""

_PIECE = re.compile(r"\$\$|\$\{|[{}$]|[^{}$]+")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SCHEME = re.compile(r"(?:(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*):)?(?P<rest>.*)", re.DOTALL)
_FORMS = "expected `${env:NAME}`, `${env:NAME:-default}` or `${file:PATH}`"


class Reference(NamedTuple):
    """`${…}`, by the parts of what stands between its braces."""

    body: list[Part]

    def __str__(self) -> str:
        return f"${{{''.join(map(str, self.body))}}}"


Part = str | Reference


class Content(NamedTuple):
    """What a reference stands for. `name` is the file's or the variable's, with its scheme."""

    name: str
    text: str

    @property
    def is_file(self) -> bool:
        """Whether it is what a file holds."""
        return self.name.startswith("file:")

    @property
    def is_settings(self) -> bool:
        """Whether it must be YAML, by the file's name."""
        return self.is_file and self.name.endswith((".yaml", ".yml"))


def split(text: str) -> list[Part]:
    """The text and the references in it, in turns; `$$` has become `$`.

    Raises `ValueError` for a reference without end, and for too many of them.
    """
    if text.count("${") > MAX_REFERENCES:
        msg = f"more than {MAX_REFERENCES} references in one value"
        raise ValueError(msg)
    return _parts((match[0] for match in _PIECE.finditer(text)), 0)


def join(parts: list[Part], environ: Mapping[str, str]) -> str:
    """The text with every reference replaced. Raises `ValueError` as `look_up` does."""
    return "".join(part if isinstance(part, str) else look_up(part, environ).text for part in parts)


def look_up(reference: Reference, environ: Mapping[str, str]) -> Content:
    """What `${env:NAME}`, `${env:NAME:-default}`, `${NAME}` or `${file:PATH}` stands for.

    It is not looked at again. Raises `ValueError` for a variable that is not set and has no
    default, for a file that cannot be read, and for any other form of `${…}`.
    """
    target, default = _halves(reference)
    match = _SCHEME.fullmatch(join(target, environ))
    assert match
    if match["scheme"] == "file":
        return Content(f"file:{match['rest']}", _file(match["rest"]))
    if match["scheme"] not in {None, "env"} or not _NAME.fullmatch(match["rest"]):
        raise ValueError(_not_understood(reference, match["scheme"]))
    text = environ.get(match["rest"])
    if text is None:
        text = _default(match["rest"], default, environ)
    return Content(f"env:{match['rest']}", text)


def _parts(pieces: Iterator[str], depth: int) -> list[Part]:
    if depth > MAX_NESTED:
        msg = f"more than {MAX_NESTED} references within one another"
        raise ValueError(msg)
    parts: list[Part] = []
    for piece in pieces:
        if piece == "${":
            parts.append(Reference(_parts(pieces, depth + 1)))
        elif piece == "{" and depth:
            parts += ["{", *_parts(pieces, depth + 1), "}"]
        elif piece == "}" and depth:
            return parts
        else:
            parts.append("$" if piece == "$$" else piece)
    if depth:
        msg = "`${` without its `}`; write `$${` for the text itself"
        raise ValueError(msg)
    return parts


def _halves(reference: Reference) -> tuple[list[Part], list[Part] | None]:
    """What is referred to, and the default if there is one. Files have none."""
    if str(reference).startswith("${file:"):
        return reference.body, None
    for place, part in enumerate(reference.body):
        name, found, default = part.partition(":-") if isinstance(part, str) else ("", "", "")
        if found:
            return [*reference.body[:place], name], [default, *reference.body[place + 1 :]]
    return reference.body, None


def _default(name: str, default: list[Part] | None, environ: Mapping[str, str]) -> str:
    if default is None:
        msg = f"the variable {name} is not set; set it, or write `${{env:{name}:-default}}`"
        raise ValueError(msg)
    return join(default, environ)


def _file(path: str) -> str:
    try:
        # Editors and `echo` end a file with a line feed that is no part of the value.
        return read_file(Path(path)).removesuffix("\n").removesuffix("\r")
    except ValueError as error:
        msg = f"the file {path} {error}"
        raise ValueError(msg) from error


def _not_understood(reference: Reference, scheme: str | None) -> str:
    if scheme and scheme != "env":
        return f"`{reference}`: values are not fetched by `{scheme}:`; {_FORMS}"
    return f"`{reference}` is not understood; {_FORMS}"
