"""What the models of the `service` section share."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, PlainSerializer, WithJsonSchema

from penstock.pipeline.telemetry.registry import Level

_LEVELS = [level.name.lower() for level in Level]


def one_of(section: BaseModel, *options: str) -> None:
    """Raise `ValueError` unless exactly one of `options` is set."""
    found = [option for option in options if option in section.model_fields_set]
    if len(found) != 1:
        msg = f"expected one of {', '.join(options)}, found {' and '.join(found) or 'none'}"
        raise ValueError(msg)


def lower(value: Any) -> Any:
    """Text in lower case, for options that are taken in any."""
    return value.lower() if isinstance(value, str) else value


def any_case(words: list[str]) -> WithJsonSchema:
    """What editors take: the words in small letters, or all in capitals."""
    return WithJsonSchema({"type": "string", "enum": [*words, *map(str.upper, words)]})


def _parse_level(value: Any) -> Level:
    if isinstance(value, Level):
        return value
    if lower(value) not in _LEVELS:
        msg = f"expected {', '.join(_LEVELS[:-1])} or {_LEVELS[-1]}, found {value!r}"
        raise ValueError(msg)
    return Level[value.upper()]


TelemetryLevel = Annotated[
    Level,
    BeforeValidator(_parse_level),
    PlainSerializer(lambda level: level.name.lower(), return_type=str),
    any_case(_LEVELS),
]
"""How much Penstock tells about itself: `none`, `basic`, `normal` or `detailed`."""
