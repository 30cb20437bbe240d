"""Converters that take text apart."""

from __future__ import annotations

import csv
from typing import Any
from urllib.parse import unquote, urlsplit

import orjson

from penstock.ottl.signature import Fixed, FixedBool, Functions, Map, Regex, Text
from penstock.ottl.values import Fault, text


def parse_json(target: Text) -> Any:
    """What JSON text says. Every number is a double, as in the Collector."""
    try:
        return _doubles(orjson.loads(target), _DEEPEST)
    except orjson.JSONDecodeError:
        raise Fault("the text is no JSON") from None


_DEEPEST = 100
"""How deeply JSON may be nested: more than any attribute may, and far from the limits of Python."""


def _doubles(value: Any, room: int) -> Any:
    if type(value) in {dict, list} and not room:
        raise Fault(f"the JSON is nested over {_DEEPEST} deep")
    if type(value) is dict:
        return {key: _doubles(item, room - 1) for key, item in value.items()}
    if type(value) is list:
        return [_doubles(item, room - 1) for item in value]
    return float(value) if type(value) is int else value


def parse_key_value(
    target: Text, delimiter: Fixed = "=", pair_delimiter: Fixed = " "
) -> dict[str, str]:
    """The map of `k1=v1 k2=v2`. Delimiters within quotes are text."""
    if not target:
        raise Fault("the text is empty")
    if delimiter == pair_delimiter or not delimiter or not pair_delimiter:
        raise Fault("the delimiters must be two different texts")
    found = {}
    for pair in _outside_quotes(target, pair_delimiter):
        key, separator, value = pair.partition(delimiter)
        if not separator:
            raise Fault("a part of the text is no pair")
        found[_unquoted(key)] = _unquoted(value)
    return found


def _outside_quotes(target: str, delimiter: str) -> list[str]:
    """The parts between delimiters that are not in quotes; empty ones are left out."""
    parts: list[str] = []
    part, quote = "", ""
    for piece in target.split(delimiter):
        part = f"{part}{delimiter}{piece}" if quote else piece
        for character in piece:
            if character in "\"'" and (not quote or quote == character):
                quote = "" if quote else character
        if not quote and part.strip():
            parts.append(part.strip())
    if quote:
        raise Fault("a quote has no end")
    return parts


def _unquoted(value: str) -> str:
    value = value.strip()
    is_quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
    return value[1:-1] if is_quoted else value


def to_key_value_string(
    target: Map,
    delimiter: Fixed = "=",
    pair_delimiter: Fixed = " ",
    sort_output: FixedBool = False,  # noqa: FBT002
) -> str:
    """`k1=v1 k2=v2`; what has a delimiter in it is quoted."""

    def quoted(value: str) -> str:
        if not value or delimiter in value or pair_delimiter in value:
            escaped = value.replace('"', '\\"')
            return f'"{escaped}"'
        return value

    pairs = sorted(target.items()) if sort_output else target.items()
    return pair_delimiter.join(
        f"{quoted(key)}{delimiter}{quoted(text(value) or '')}" for key, value in pairs
    )


_MODES = ("strict", "lazyQuotes", "ignoreQuotes")


def parse_csv(
    target: Text,
    headers: Text,
    delimiter: Fixed = ",",
    header_delimiter: Fixed = "",
    mode: Fixed = "strict",
) -> dict[str, str]:
    """The fields of a row by the names in a header."""
    if mode not in _MODES or len(delimiter) != 1:
        raise Fault(f"expected one character as delimiter, and a mode of {', '.join(_MODES)}")
    names = headers.split(header_delimiter or delimiter)
    fields = _fields(target.strip("\r\n"), delimiter, mode)
    if len(fields) != len(names):
        raise Fault(f"expected {len(names)} fields, found {len(fields)}")
    return dict(zip(names, fields, strict=True))


def _fields(row: str, delimiter: str, mode: str) -> list[str]:
    if mode == "ignoreQuotes":
        return row.split(delimiter)
    try:
        return next(csv.reader([row], delimiter=delimiter, strict=mode == "strict"), [])
    except csv.Error as error:
        raise Fault(f"the text is no row: {error}") from None


def extract_patterns(target: Text, pattern: Regex) -> dict[str, str]:
    """The named groups of the first match, by name; none where there is no match."""
    (found,) = pattern.groups([target])
    return {} if found is None else {name: found[name] or "" for name in pattern.names}


def url(url_string: Text) -> dict[str, Any]:
    """The parts of a URL, named as in the semantic conventions."""
    parts = urlsplit(url_string)
    path = parts.path
    user, at, _ = parts.netloc.rpartition("@")
    _, dot, extension = path.rpartition("/")[2].rpartition(".")
    found = {
        "url.original": url_string,
        "url.domain": parts.hostname or "",
        "url.scheme": parts.scheme,
        "url.path": path,
    }
    optional = {
        "url.port": parts.port,
        "url.fragment": parts.fragment,
        "url.query": parts.query,
        "url.extension": extension if dot else "",
        "url.user_info": user if at else "",
        "url.username": unquote(parts.username or ""),
        "url.password": unquote(parts.password or ""),
    }
    return found | {name: value for name, value in optional.items() if value}


CONVERTERS: Functions = {
    "ExtractPatterns": extract_patterns,
    "ParseCSV": parse_csv,
    "ParseJSON": parse_json,
    "ParseKeyValue": parse_key_value,
    "ToKeyValueString": to_key_value_string,
    "URL": url,
}
