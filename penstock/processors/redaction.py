"""Remove attributes that are not allowed, and mask what must not be read in the others."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import repeat
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

import numpy as np
from pydantic import BeforeValidator, SecretStr, model_validator

from penstock.config.regexps import Regexp
from penstock.pipeline import Batch, Column, Processor, ProcessorConfig, Signal
from penstock.processors._attributes import ITEM, MANY, Attributes, present
from penstock.processors._masking import Kind, Masker, hashing
from penstock.processors._redaction import Fate, Rules, Told, rewritten, texts_of
from penstock.processors._values import as_string

if TYPE_CHECKING:
    from penstock.pipeline import Context
    from penstock.pipeline.batch import Mask

_KEY_BYTES = {"hmac-sha256": 32, "hmac-sha512": 64}
"""The least length of a key, by function, as in the Collector."""

_ANY_CASE = BeforeValidator(lambda text: text.lower() if isinstance(text, str) else text)


class Config(ProcessorConfig):
    """Options of the Collector's `redaction` processor, and `blocked_kinds`."""

    allow_all_keys: bool = False
    """Whether attributes of every name may stay; else only those of `allowed_keys`."""
    allowed_keys: tuple[str, ...] = ()
    """Attributes that may stay."""
    ignored_keys: tuple[str, ...] = ()
    """Attributes that stay as they are, whatever else is said."""
    ignored_key_patterns: tuple[Regexp, ...] = ()
    """The same by patterns of their names."""
    blocked_key_patterns: tuple[Regexp, ...] = ()
    """Patterns of names whose values are masked as a whole."""
    blocked_values: tuple[Regexp, ...] = ()
    """Patterns that are masked wherever they are found in a value."""
    blocked_kinds: tuple[Kind, ...] = ()
    """Ready-made patterns: `email`, `card` (numbers of payment cards with the right check digit),
    `token` (JSON web tokens, bearer tokens, keys of well-known services, private keys)."""
    allowed_values: tuple[Regexp, ...] = ()
    """Patterns of values that stay as they are."""
    redact_all_types: bool = False
    """Whether numbers, lists and maps are looked at as text too; else only texts are."""
    hash_function: Annotated[
        Literal["", "sha1", "sha3", "md5", "hmac-sha256", "hmac-sha512"], _ANY_CASE
    ] = ""
    """What takes the place of what is masked; `****`, if left out."""
    hmac_key: SecretStr = SecretStr("")
    """The key of `hmac-sha256` (32 bytes or more) and `hmac-sha512` (64 or more)."""
    summary: Literal["silent", "info", "debug"] = "silent"
    """What is told in attributes: nothing, how many keys were redacted, masked, allowed and
    ignored, or also which."""

    not_here: ClassVar[Mapping[str, str]] = {
        "url_sanitizer": "mask what varies by `blocked_values`, or by OTTL in `transform`",
        "db_sanitizer": "mask literals by `blocked_values`, such as '[^']*'",
    }

    @model_validator(mode="after")
    def _key_is_long_enough(self) -> Self:
        least = _KEY_BYTES.get(self.hash_function, 0)
        if len(self.hmac_key.get_secret_value().encode()) < least:
            msg = f"`{self.hash_function}` needs an `hmac_key` of {least} bytes or more"
            raise ValueError(msg)
        return self

    def build(self, context: Context) -> Redaction:
        """The processor."""
        del context
        return Redaction(self)

    def rules(self) -> Rules:
        """What the options say of keys and values."""
        mask = hashing(self.hash_function, self.hmac_key.get_secret_value().encode())
        return Rules(
            ignored=self.ignored_keys,
            ignored_patterns=self.ignored_key_patterns,
            allowed=None if self.allow_all_keys else self.allowed_keys,
            blocked_patterns=self.blocked_key_patterns,
            allowed_values=self.allowed_values,
            masker=Masker(self.blocked_values, self.blocked_kinds, mask),
        )


class Redaction(Processor):
    """Redacts attributes of resources, scopes, items and span events, and bodies of log records."""

    def __init__(self, config: Config) -> None:
        self._rules = config.rules()
        self._summary = config.summary
        self._text = as_string if config.redact_all_types else _only_text

    def process(self, batch: Batch) -> Batch:
        """The batch with what may be in it."""
        for context in ("resource", "scope", ITEM[batch.signal]):
            batch = self._redacted(Attributes(batch, f"{context}.attributes"))
        if batch.signal is Signal.TRACES and len(batch.owners()):
            batch = self._redacted(Attributes(batch, "spanevent.attributes"))
        return self._with_bodies(batch) if batch.signal is Signal.LOGS else batch

    def _redacted(self, attributes: Attributes) -> Batch:
        keys, told = attributes.keys(), Told("redaction", self._summary)
        fates = self._rules.of_keys(keys)
        # What repeats a key would hide its second value from columns: one of each is written.
        if len(keys) > MANY or attributes.batch.repeats(attributes.path):
            return self._redacted_as_a_whole(attributes, fates, told)
        for key, fate in fates.items():
            if told.wanted or fate in {None, Fate.MASKED}:
                self._redact(attributes, key, fate, told)
        written = told.write(attributes)
        kept = [key for key, fate in fates.items() if fate is not Fate.REDACTED]
        if len(kept) < len(keys):
            attributes.keep_keys([*kept, *written])
        return attributes.apply()

    def _redact(self, attributes: Attributes, key: str, fate: Fate | None, told: Told) -> None:
        column = attributes.get(key)
        there = present(column)
        if fate in {Fate.IGNORED, Fate.REDACTED}:
            told.note(fate, key, there)
            return
        texts = list(map(self._text, column.values))
        left = self._rules.of_texts(texts)
        if left is texts and fate is None:
            return
        outcomes = list(map(self._outcome, column.values, texts, left, repeat(fate)))
        allowed, masked = (
            there & _flags(column, outcomes, wanted) for wanted in (Fate.ALLOWED, Fate.MASKED)
        )
        told.note(Fate.ALLOWED, key, allowed)
        told.note(Fate.MASKED, key, masked)
        attributes.set(key, Column(column.codes, [value for _, value in outcomes]), masked)

    def _outcome(
        self, value: Any, text: str, left: str | None, fate: Fate | None
    ) -> tuple[Fate | None, Any]:
        """What becomes of a value with this text, of a key that may stay, and what is left."""
        if left is None:
            return Fate.ALLOWED, value
        if fate is Fate.MASKED:
            return Fate.MASKED, self._rules.whole(text)
        return (Fate.MASKED, left) if left != text else (None, value)

    def _redacted_as_a_whole(
        self, attributes: Attributes, fates: dict[str, Fate | None], told: Told
    ) -> Batch:
        """Item by item: with so many keys, items have little in common."""
        column = attributes.batch.column(attributes.path)
        texts = (self._text(value) for found in column.values for value in found.values())
        left = self._rules.by_text(texts)
        noted: list[dict[str, Fate]] = [{} for _ in column.values]

        def redacted(found: dict[str, Any], noted: dict[str, Fate]) -> dict[str, Any]:
            kept = {}
            for key, value in found.items():
                fate = fates[key]
                if fate in {None, Fate.MASKED} and value is not None:
                    text = self._text(value)
                    fate, value = self._outcome(value, text, left[text], fate)  # noqa: PLW2901
                if fate:
                    noted[key] = fate
                if fate is not Fate.REDACTED:
                    kept[key] = value
            return kept

        values = list(map(redacted, column.values, noted))
        told.note_each(column.codes, noted)
        batch = attributes.batch.set(attributes.path, Column(column.codes, values))
        attributes = Attributes(batch, attributes.path)
        told.write(attributes)
        return attributes.apply()

    def _with_bodies(self, batch: Batch) -> Batch:
        column = batch.column("log.body")
        left = self._rules.by_text(text for body in column.values for text in texts_of(body))
        noted: list[dict[str, Fate]] = [{} for _ in column.values]
        values = [
            rewritten(body, self._rules, left, told, "")
            for body, told in zip(column.values, noted, strict=True)
        ]
        told = Told("redaction.body", self._summary)
        told.note_each(column.codes, noted)
        attributes = Attributes(batch, "log.attributes")
        told.write(attributes)
        changed = [not fates.isdisjoint(_CHANGES) for fates in (set(n.values()) for n in noted)]
        where = np.array(changed, dtype=np.bool_)[column.codes]
        edits = attributes.edits()
        if where.any():
            edits.set("log.body", Column(column.codes, values), where)
        return edits.apply()


_CHANGES = frozenset({Fate.MASKED, Fate.REDACTED})


def _only_text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _flags(column: Column, outcomes: list[tuple[Fate | None, Any]], wanted: Fate) -> Mask:
    hits = np.array([fate is wanted for fate, _ in outcomes], dtype=np.bool_)
    return hits[column.codes]
