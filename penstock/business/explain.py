"""Where the numbers of an indicator come from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from penstock.business import formula
from penstock.business.kinds import Formula
from penstock.business.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from penstock.business.accounts import Account
    from penstock.business.dry_run import Number, Outcome


_FIRST = ("description", "kind", "from", "where", "value", "good", "key", "begins", "ends", "by")
_LAST = ("window", "unit", "target", "warning", "critical", "worse")


class Explanation(NamedTuple):
    """What an indicator is made of; with recorded telemetry also what became of that."""

    name: str
    preset: str
    """The preset that it is from, if it is."""
    definition: Mapping[str, Any]
    account: Account | None
    numbers: list[Number]


def explain(settings: Settings, name: str, outcome: Outcome | None) -> Iterator[Explanation]:
    """An indicator, and then those that its formula names, each once."""
    for each in _with_parts(settings, name):
        yield Explanation(
            name=each,
            preset=settings.preset if _is_of_preset(settings, each) else "",
            definition=_definition(settings, each),
            account=outcome.accounts[each] if outcome else None,
            numbers=[it for it in outcome.numbers if it.indicator == each] if outcome else [],
        )


def _with_parts(settings: Settings, name: str) -> list[str]:
    found = [name]
    for each in found:  # which grows meanwhile
        indicator = settings.indicators[each]
        if isinstance(indicator, Formula):
            found += [it for it in formula.names(indicator.expression) if it not in found]
    return found


def _is_of_preset(settings: Settings, name: str) -> bool:
    if not settings.preset:
        return False
    return Settings(preset=settings.preset).indicators.get(name) == settings.indicators[name]


def _definition(settings: Settings, name: str) -> dict[str, Any]:
    """Its options as they stand in settings, those that are not given left out."""
    indicator = settings.indicators[name]
    given = indicator.model_dump(mode="json", by_alias=True, exclude_unset=True)
    others = [option for option in given if option not in _FIRST + _LAST]
    order = [*_FIRST, *others, *_LAST]
    return {option: given[option] for option in order if given.get(option) is not None}
