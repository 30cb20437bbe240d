"""Units of UCUM for Prometheus' words."""

from __future__ import annotations

from penstock.prometheus.names import PER_UNITS, UNITS

_BY_WORD = {word: unit for unit, word in UNITS.items() if word} | {"ratio": "1"}

UCUM = _BY_WORD | {
    f"{word}_per_{per}": f"{unit}/{by}"
    for word, unit in _BY_WORD.items()
    for by, per in PER_UNITS.items()
}
"""The units by their words; a word that is not here stays as it is."""
