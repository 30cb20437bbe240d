"""What becomes of a key and of a value, and the attributes that tell of it."""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, Any

import numpy as np

from penstock.pipeline import Column
from penstock.processors._attributes import combined
from penstock.processors._patterns import AnyOf
from penstock.processors._values import as_string

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

    from penstock.pipeline.batch import Mask
    from penstock.processors._attributes import Attributes
    from penstock.processors._masking import Masker

OWN = ("redacted.keys", "redacted.count", "masked.keys", "masked.count", "ignored.count")
"""The attributes that may be there already, of another collector."""


class Fate(Enum):
    """What becomes of a key or a value."""

    IGNORED = auto()
    REDACTED = auto()
    MASKED = auto()
    ALLOWED = auto()


class Rules:
    """The rules for keys and for values."""

    def __init__(  # noqa: PLR0913  (what the options say)
        self,
        *,
        ignored: Iterable[str],
        ignored_patterns: Iterable[str],
        allowed: Iterable[str] | None,
        blocked_patterns: Iterable[str],
        allowed_values: Iterable[str],
        masker: Masker,
    ) -> None:
        self._ignored = frozenset(ignored)
        self._ignored_patterns = AnyOf(ignored_patterns)
        own = (f"redaction.{name}" for name in OWN)
        self._allowed = None if allowed is None else frozenset((*allowed, *own))
        self._blocked = AnyOf(blocked_patterns)
        self._allowed_values = AnyOf(allowed_values)
        self._masker = masker

    def of_keys(self, keys: list[str]) -> dict[str, Fate | None]:
        """What becomes of each key; `None` where its value decides."""
        ignored, blocked = self._ignored_patterns(keys), self._blocked(keys)
        return {
            key: self._of_key(key, is_ignored=one, is_blocked=other)
            for key, one, other in zip(keys, ignored, blocked, strict=True)
        }

    def _of_key(self, key: str, *, is_ignored: bool, is_blocked: bool) -> Fate | None:
        if is_ignored or key in self._ignored:
            return Fate.IGNORED
        if self._allowed is not None and key not in self._allowed:
            return Fate.REDACTED
        return Fate.MASKED if is_blocked else None

    def of_texts(self, texts: list[str]) -> Sequence[str | None]:
        """What may stay of each text, `None` for one that is allowed whatever it holds; the same
        list if all may stay as they are."""
        masked = self._masker.masked(texts)
        allowed = self._allowed_values(texts) if self._allowed_values else ()
        if not any(allowed):
            return masked
        return [None if fine else text for fine, text in zip(allowed, masked, strict=True)]

    def by_text(self, texts: Iterable[str]) -> dict[str, str | None]:
        """The same for each distinct text."""
        distinct = list(dict.fromkeys(texts))
        return dict(zip(distinct, self.of_texts(distinct), strict=True))

    def whole(self, text: str) -> str:
        """A text whose key is blocked."""
        return self._masker.whole(text)


class Told:
    """What is told of the keys that were redacted, masked, allowed and ignored."""

    def __init__(self, prefix: str, summary: str) -> None:
        self._prefix = prefix
        self._summary = summary
        self._noted: dict[Fate, list[Column]] = {}

    @property
    def wanted(self) -> bool:
        """Whether anything is told."""
        return self._summary != "silent"

    def note(self, fate: Fate, key: str, where: Mask) -> None:
        """It happened to `key` where the mask is true."""
        if self.wanted and where.any():
            column = Column(where.astype(np.uint32), [[], [key]])
            self._noted.setdefault(fate, []).append(column)

    def note_each(self, codes: NDArray[np.uint32], told: list[dict[str, Fate]]) -> None:
        """It happened to these keys, by the code of an item."""
        for fate in Fate if self.wanted else ():
            keys = [[key for key, found in each.items() if found is fate] for each in told]
            if any(keys):
                self._noted.setdefault(fate, []).append(Column(codes, keys))

    def write(self, attributes: Attributes) -> list[str]:
        """Add it to attributes; the keys that it has there are returned."""
        written: list[str] = []
        for fate, columns in self._noted.items():
            keys = combined(columns, lambda lists: [key for keys in lists for key in keys])
            name = f"{self._prefix}.{fate.name.lower()}"
            joins: dict[str, Callable[[list[Any]], Any]] = {f"{name}.count": _counted}
            if self._summary == "debug" and fate is not Fate.IGNORED:
                joins[f"{name}.keys"] = _listed
            for key, join in joins.items():
                column = combined([keys, attributes.get(key)], join)
                attributes.set(key, column, keys.where(bool))
            written += joins
        return written


def _counted(values: list[Any]) -> int:
    keys, before = values
    return len(keys) + (before if isinstance(before, int) else 0)


def _listed(values: list[Any]) -> str:
    keys, before = values
    earlier = before.split(",") if isinstance(before, str) and before else []
    return ",".join(sorted([*keys, *earlier]))


def rewritten(
    value: Any, rules: Rules, masked: dict[str, str | None], told: dict[str, Fate], path: str
) -> Any:
    """A body without what must not be in it; `masked` has what its texts become."""
    if isinstance(value, dict):
        return _map(value, rules, masked, told, path)
    if isinstance(value, list):
        steps = (f"{path}.[{i}]" if path else f"[{i}]" for i in range(len(value)))
        return [
            rewritten(inner, rules, masked, told, step)
            for inner, step in zip(value, steps, strict=True)
        ]
    text = as_string(value)
    left = masked.get(text, text)
    if left is None:
        told[path or "body"] = Fate.ALLOWED
    elif left != text:
        told[path or "body"] = Fate.MASKED
        return left
    return value


def _map(
    value: dict[str, Any],
    rules: Rules,
    masked: dict[str, str | None],
    told: dict[str, Fate],
    path: str,
) -> dict[str, Any]:
    left = {}
    for key, fate in rules.of_keys(list(value)).items():
        step = f"{path}.{key}" if path else key
        if fate:
            told[step] = fate
        if fate is None:
            left[key] = rewritten(value[key], rules, masked, told, step)
        elif fate is Fate.IGNORED:
            left[key] = value[key]
        elif fate is Fate.MASKED:
            left[key] = rules.whole(value[key] if isinstance(value[key], str) else "")
    return left


def texts_of(value: Any) -> Iterable[str]:
    """Every text in a body, keys aside."""
    if isinstance(value, dict):
        for inner in value.values():
            yield from texts_of(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts_of(inner)
    else:
        yield as_string(value)
