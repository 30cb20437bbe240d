"""The settings that are in force: every value after merging and substitution, with its origin.

Secrets are hidden: options that are one by their type; values whose key, or whose variable, is
named like one (`authorization`, `VENDOR_TOKEN`); values that are the text of a file; and in a URL
the user information, and what its query has under such names.
"""

from __future__ import annotations

import os
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from penstock.config.catalog import Kind
from penstock.config.deprecated import modernised
from penstock.config.document import Entry, Mapping, Node, Scalar, Sequence
from penstock.config.load import check_document
from penstock.config.problems import Place
from penstock.config.read import read
from penstock.config.secrets import (
    WORDS,
    in_list,
    in_mapping,
    members,
    named_secret,
    refers_to_secret,
    typed_secret,
)
from penstock.redaction import HIDDEN

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Mapping as Environment
    from importlib.resources.abc import Traversable

DEFAULT = Place(0, 0, "default")
"""The place of what no source says."""

_NAME = re.compile(r"\$\{(?:(?:env|file):)?[\w./-]+")  # of a reference, without its default
_IN_URL = re.compile(
    rf"(?<=://)[^/?#\s@]+(?=@)|(?<=[?&])(?P<name>(?:[^=&#\s]*[^a-z=&#\s])?(?:{WORDS})=)[^&#\s]+",
    re.IGNORECASE,
)


def effective(
    sources: Iterable[str | Traversable],
    sets: Iterable[str] = (),
    environ: Environment[str, str] = os.environ,
    *,
    defaults: bool = False,
) -> Mapping:
    """What the arguments of `load` come to, each node at the place that it comes from.

    With `defaults`, what no source says is there too, at `DEFAULT`; options that have no value
    then are left out. Raises `ConfigError` as `load` does.
    """
    document = modernised(read(sources, sets, environ))
    checked = check_document(document)
    models: dict[str, Any] = {kind.value: getattr(checked.settings, kind) for kind in Kind}
    models["service"] = checked.service
    root = with_defaults(document.root, _dumped(models)) if defaults else document.root
    assert isinstance(root, Mapping)
    entries = {
        name: Entry(entry.key, veiled(entry.node, [models[name]]))
        for name, entry in root.entries.items()
    }
    return replace(root, entries=entries)


def _dumped(model: Any) -> Any:
    if isinstance(model, BaseModel):
        return model.model_dump(mode="json", by_alias=True, exclude_none=True)
    return {name: _dumped(below) for name, below in model.items() if below}


def with_defaults(node: Node, value: Any) -> Node:
    """The node, and what `value`, the same as JSON of a checked model, has beyond it."""
    if not isinstance(value, dict):
        return node
    if isinstance(node, Scalar) and node.value is None:
        node = Mapping(node.place, {})
    if not isinstance(node, Mapping):
        return node
    entries = {
        key: Entry(entry.key, with_defaults(entry.node, value.get(key)))
        for key, entry in node.entries.items()
    }
    missing = {key: Entry(DEFAULT, _default(value[key])) for key in value if key not in entries}
    return replace(node, entries=entries | missing)


def veiled(node: Node, types: Iterable[Any], key: str = "") -> Any:
    """The node without its secrets.

    `types` are those that it may have, or in their place models or mappings of them; `key` is what
    leads to it.
    """
    kinds = members(types)
    match node:
        case Scalar():
            return _veiled_scalar(node, kinds, key)
        case Sequence():
            below = in_list(kinds)
            return Sequence(node.place, [veiled(item, below, key) for item in node.items])
        case Mapping():
            entries = {
                name: Entry(entry.key, veiled(entry.node, in_mapping(kinds, name), name))
                for name, entry in node.entries.items()
            }
            return Mapping(node.place, entries)


def _default(value: Any) -> Node:
    if isinstance(value, dict):
        return with_defaults(Mapping(DEFAULT, {}), value)
    if isinstance(value, list):
        return Sequence(DEFAULT, [_default(item) for item in value])
    return Scalar(DEFAULT, str(value), str(value), value)


def _veiled_scalar(node: Scalar, kinds: list[Any], key: str) -> Scalar:
    if node.value is None or node.place is DEFAULT:
        return node
    if _is_secret(node, kinds, key):
        name = _NAME.match(node.source)
        return Scalar(node.place, f"{name[0]}}}" if name else HIDDEN, HIDDEN, HIDDEN)
    if not isinstance(node.value, str):
        return node
    source, text, value = map(_without_secrets, (node.source, node.text, node.value))
    return Scalar(node.place, source, text, value, node.plain)


def _without_secrets(text: str) -> str:
    return _IN_URL.sub(lambda match: f"{match['name'] or ''}{HIDDEN}", text)


def _is_secret(node: Scalar, kinds: list[Any], key: str) -> bool:
    if typed_secret(kinds) or (node.substituted and refers_to_secret(node.source)):
        return True
    return isinstance(node.value, str) and named_secret(key)
