"""What an engine has added up, as records that a storage keeps."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from penstock.business.windows import Calendar

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterable

    from penstock.business.engine import Engine
    from penstock.business.measure import Measure

_FORMAT = 1
"""Is another where what is stored would be read wrongly by what was before."""

_ABOUT = b"about/"
"""Begins the keys of records that say to which definition an indicator's other records belong."""

_PRESENTATION = frozenset(
    {"unit", "description", "target", "warning", "critical", "worse", "limit", "by"}
)
"""Options that make no difference to what is added up, but for what dimensions are."""

_DIGEST = 8


class State:
    """Finds what changed in an engine since the last time, and takes back what was stored."""

    def __init__(self, engine: Engine, logger: logging.Logger) -> None:
        self._logger = logger
        self._measures = engine.measures
        zone = engine.settings.time_zone
        self._definitions = {name: _digest(it, zone) for name, it in engine.measures.items()}
        self._stores = {
            _prefix(definition, store): held
            for name, definition in self._definitions.items()
            for store, held in self._measures[name].stores.items()
        }
        self._about: dict[bytes, bytes] = {}

    def changes(self) -> dict[bytes, bytes | None]:
        """Every record that is another one than the last time; `None` for those that are gone."""
        found: dict[bytes, bytes | None] = {
            prefix + key: value
            for prefix, held in self._stores.items()
            for key, value in held.changes()
        }
        for name, measure in self._measures.items():
            key, value = _ABOUT + name.encode(), self._about_it(name, measure)
            if self._about.get(key) != value:
                found[key] = self._about[key] = value
        return found

    def restore(self, records: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes | None]:
        """Take back what was stored. The changes that leave out what is of no use any more."""
        about: dict[str, dict[str, Any]] = {}
        found: defaultdict[bytes, list[tuple[bytes, bytes]]] = defaultdict(list)
        useless: dict[bytes, bytes | None] = {}
        for key, value in records:
            if key.startswith(_ABOUT):
                about[key[len(_ABOUT) :].decode(errors="replace")] = _read(value)
            elif key[:_DIGEST] in self._stores:
                found[key[:_DIGEST]].append((key[_DIGEST:], value))
            else:
                useless[key] = None
        damaged = sum(self._stores[prefix].restore(it) for prefix, it in found.items())
        if damaged:
            self._logger.error("%d stored records were damaged, and are left out", damaged)
        for name, said in about.items():
            self._continue(name, said, useless)
        return useless

    def _continue(
        self, name: str, said: dict[str, Any], useless: dict[bytes, bytes | None]
    ) -> None:
        if name not in self._measures:
            useless[_ABOUT + name.encode()] = None
            self._logger.warning("%s is not defined any more: what was added up is dropped", name)
        elif said.get("definition") != self._definitions[name]:
            self._logger.warning("%s is defined in another way than before: it begins anew", name)
        else:
            self._measures[name].restored(int(said.get("told", 0)))

    def _about_it(self, name: str, measure: Measure) -> bytes:
        said = {"definition": self._definitions[name], "told": measure.forgotten}
        return json.dumps(said).encode()


def _digest(measure: Measure, zone: str) -> str:
    """A text that is another one if what is added up is."""
    definition = measure.indicator.model_dump(mode="json", exclude=set(_PRESENTATION))
    by = {name: [it.value, it.default] for name, it in measure.indicator.dimensions.items()}
    where = zone if isinstance(measure.window, Calendar) else None
    whole = json.dumps([_FORMAT, measure.name, where, definition, by], sort_keys=True)
    return hashlib.sha256(whole.encode()).hexdigest()


def _prefix(definition: str, store: str) -> bytes:
    return hashlib.sha256(f"{definition} {store}".encode()).digest()[:_DIGEST]


def _read(value: bytes) -> dict[str, Any]:
    try:
        found = json.loads(value)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
