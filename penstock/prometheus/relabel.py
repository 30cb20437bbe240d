"""Prometheus' relabelling: rules that keep, drop and rewrite label sets.

Rules are those of Prometheus' `relabel_config`, with its defaults and its checks. They run over
columns (`LabelSets`): a rule looks once at each distinct combination of its source labels' values.
"""

from __future__ import annotations

import hashlib
import re
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from penstock.config.regexps import WholeRegexp, compiled
from penstock.config.types import Section
from penstock.pipeline.batch import Column
from penstock.prometheus.labels import LabelSets, combined

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from penstock._kernel import Pattern
    from penstock.pipeline.batch import Mask


class Action(StrEnum):
    """What a rule does."""

    REPLACE = "replace"
    KEEP = "keep"
    DROP = "drop"
    KEEP_EQUAL = "keepequal"
    DROP_EQUAL = "dropequal"
    HASH_MOD = "hashmod"
    LABEL_MAP = "labelmap"
    LABEL_DROP = "labeldrop"
    LABEL_KEEP = "labelkeep"
    LOWERCASE = "lowercase"
    UPPERCASE = "uppercase"


_DEFAULT_REGEX = "(.*)"
_DEFAULT_REPLACEMENT = "$1"

_TEMPLATE = re.compile(r"([^$]|\$(\{\w+\}|\w+))+")
"""A text with variables such as `$1` and `${name}`."""

_WRITERS = {Action.REPLACE, Action.HASH_MOD, Action.LOWERCASE, Action.UPPERCASE}
_EQUALS = {Action.KEEP_EQUAL, Action.DROP_EQUAL}
_OF_NAMES = {Action.LABEL_DROP, Action.LABEL_KEEP}

_ALLOWED: dict[Action, frozenset[str]] = {
    **dict.fromkeys(_EQUALS, frozenset({"source_labels", "target_label"})),
    **dict.fromkeys(_OF_NAMES, frozenset({"regex"})),
}
"""The options of actions that take no others."""


def _small(action: object) -> object:
    return action.lower() if isinstance(action, str) else action


class Rule(Section):
    """One rule, a `relabel_config`."""

    model_config = ConfigDict(coerce_numbers_to_str=True)  # `replacement: 9090` is a text

    source_labels: tuple[str, ...] = ()
    """The labels whose values, joined, the rule looks at."""
    separator: str = ";"
    """What stands between the values of the source labels."""
    regex: WholeRegexp = _DEFAULT_REGEX
    """What the values, or for `labelmap`, `labeldrop` and `labelkeep` the names of labels, must
    match as a whole."""
    modulus: int = Field(default=0, ge=0, le=2**64 - 1)
    """For `hashmod`: how many values the hash can have."""
    target_label: str = ""
    """The label that is written or compared; with `replace` it may have variables, `$1`."""
    replacement: str = _DEFAULT_REPLACEMENT
    """What is written where the regular expression matches, with variables."""
    action: Annotated[Action, BeforeValidator(_small)] = Action.REPLACE
    """What to do."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.action is Action.HASH_MOD and not self.modulus:
            msg = "the action hashmod needs a modulus that is not 0"
            raise ValueError(msg)
        if self.action in _WRITERS | _EQUALS and not self.target_label:
            msg = f"the action {self.action} needs a target_label"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _usable(self) -> Self:
        variable = self.action is Action.REPLACE
        if "$" in self.target_label and not (variable and _TEMPLATE.fullmatch(self.target_label)):
            msg = f"{self.target_label!r} cannot be the target_label of the action {self.action}"
            raise ValueError(msg)
        if self.action is Action.LABEL_MAP and not _TEMPLATE.fullmatch(self.replacement):
            msg = f"{self.replacement!r} cannot be the replacement of the action labelmap"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _nothing_without_effect(self) -> Self:
        allowed = _ALLOWED.get(self.action)
        fields = type(self).model_fields
        other = [n for n in fields if n != "action" and getattr(self, n) != fields[n].default]
        if allowed is not None and not allowed.issuperset(other):
            msg = f"the action {self.action} takes only {' and '.join(sorted(allowed))}"
            raise ValueError(msg)
        recased = self.action in {Action.LOWERCASE, Action.UPPERCASE}
        if recased and self.replacement != _DEFAULT_REPLACEMENT:
            msg = f"the action {self.action} takes no replacement"
            raise ValueError(msg)
        return self

    @cached_property
    def pattern(self) -> Pattern:
        """The regular expression, which matches whole texts only."""
        return compiled(self.regex, whole=True)

    def apply(self, sets: LabelSets) -> None:
        """Do to the label sets what the rule says."""
        _ACTIONS[self.action](self, sets)


def relabel(rules: Iterable[Rule], sets: LabelSets) -> LabelSets:
    """The label sets after all rules, one after the other."""
    for rule in rules:
        if not sets.kept.any():
            break
        rule.apply(sets)
    return sets


def relabelled(rules: Iterable[Rule], labels: dict[str, str]) -> dict[str, str] | None:
    """One label set after all rules; `None` if it was dropped."""
    return relabel(rules, LabelSets.of([labels])).to_dicts()[0]


def _source(rule: Rule, sets: LabelSets) -> Column:
    return sets.joined(rule.source_labels, rule.separator)


def _mask(column: Column, hits: list[bool]) -> Mask:
    hit = iter(hits)
    return column.where(lambda _: next(hit))


def _matches(rule: Rule, sets: LabelSets) -> Mask:
    column = _source(rule, sets)
    return _mask(column, rule.pattern.found(column.values))


def _equal(rule: Rule, sets: LabelSets) -> Mask:
    pair = [_source(rule, sets), sets.get(rule.target_label)]
    return combined(pair, lambda texts: "same" if texts[0] == texts[1] else "") == "same"


def _keep(rule: Rule, sets: LabelSets) -> None:
    sets.kept &= _matches(rule, sets)


def _drop(rule: Rule, sets: LabelSets) -> None:
    sets.kept &= ~_matches(rule, sets)


def _keep_equal(rule: Rule, sets: LabelSets) -> None:
    sets.kept &= _equal(rule, sets)


def _drop_equal(rule: Rule, sets: LabelSets) -> None:
    sets.kept &= ~_equal(rule, sets)


def _replace(rule: Rule, sets: LabelSets) -> None:
    source = _source(rule, sets)
    texts = source.values
    found = rule.pattern.found(texts)
    replaced = Column(source.codes, rule.pattern.replaced(texts, rule.replacement))
    targets = [rule.target_label] * len(texts)
    if "$" in rule.target_label:
        targets = rule.pattern.replaced(texts, rule.target_label)
    hit = [target if match else "" for match, target in zip(found, targets, strict=True)]
    for target in dict.fromkeys(filter(None, hit)):
        sets.set(target, replaced, _mask(source, [each == target for each in hit]))


def _written(function: Callable[[Rule, str], str]) -> Callable[[Rule, LabelSets], None]:
    """The action that writes a function of the source."""

    def action(rule: Rule, sets: LabelSets) -> None:
        column = _source(rule, sets)
        sets.set(rule.target_label, column.map(lambda text: function(rule, text)))

    return action


def _bucket(rule: Rule, text: str) -> str:
    # Prometheus takes the last eight bytes of the MD5, and so must whoever shares targets with it.
    digest = hashlib.md5(text.encode(), usedforsecurity=False).digest()
    return str(int.from_bytes(digest[8:], "big") % rule.modulus)


def _named(rule: Rule, sets: LabelSets) -> tuple[list[str], list[str]]:
    """The labels whose names match, and the others."""
    names = sets.names()
    hits = rule.pattern.found(names)
    matching = [name for name, hit in zip(names, hits, strict=True) if hit]
    return matching, [name for name, hit in zip(names, hits, strict=True) if not hit]


def _label_map(rule: Rule, sets: LabelSets) -> None:
    names = _named(rule, sets)[0]
    columns = [sets.get(name) for name in names]  # as they are before any is written
    targets = rule.pattern.replaced(names, rule.replacement)
    for target, column in zip(targets, columns, strict=True):
        if target:
            sets.set(target, column, column != "")


def _label_drop(rule: Rule, sets: LabelSets) -> None:
    for name in _named(rule, sets)[0]:
        sets.set(name, sets.constant(""))


def _label_keep(rule: Rule, sets: LabelSets) -> None:
    for name in _named(rule, sets)[1]:
        sets.set(name, sets.constant(""))


_ACTIONS: dict[Action, Callable[[Rule, LabelSets], None]] = {
    Action.REPLACE: _replace,
    Action.KEEP: _keep,
    Action.DROP: _drop,
    Action.KEEP_EQUAL: _keep_equal,
    Action.DROP_EQUAL: _drop_equal,
    Action.HASH_MOD: _written(_bucket),
    Action.LABEL_MAP: _label_map,
    Action.LABEL_DROP: _label_drop,
    Action.LABEL_KEEP: _label_keep,
    Action.LOWERCASE: _written(lambda _, text: text.lower()),
    Action.UPPERCASE: _written(lambda _, text: text.upper()),
}
