"""What the clients of back ends share: settings of headers, and text fit for a log line."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, SecretStr

from penstock.logs import printable
from penstock.pipeline.component import ComponentConfig

USER_AGENT = "Penstock"
"""How Penstock names itself to back ends."""

MAX_ANSWER_BYTES = 4 * 1024 * 1024
"""The longest answer that is read: OTLP 1.11 allows no more, and a back end may be hostile."""

_MAX_QUOTE = 300  # characters: some back ends answer with a page of HTML
_MAX_LOOK = 16_384  # characters that are looked at for it
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_RESERVED = {"content-encoding", "content-length", "content-type", "te", "transfer-encoding"}


def quote(text: str) -> str:
    """Words of a back end, fit for a line of a log: printable and short."""
    text = printable(text[:_MAX_LOOK].strip())  # cut later, or half a secret could be left over
    return text if len(text) <= _MAX_QUOTE else f"{text[:_MAX_QUOTE]}…"


def _as_mapping(headers: object) -> object:
    """The Collector's other notation: a list of `name` and `value`."""
    if isinstance(headers, list) and all(
        isinstance(item, dict) and item.keys() == {"name", "value"} for item in headers
    ):
        return {item["name"]: item["value"] for item in headers}
    return headers


def _usable(headers: dict[str, SecretStr]) -> dict[str, SecretStr]:
    for name, value in headers.items():
        if not _NAME.fullmatch(name):
            msg = f"{name!r} is not the name of a header: expected letters, digits and -"
            raise ValueError(msg)
        if name.lower() in _RESERVED:
            msg = f"the header {name} says how the payload is encoded; the exporter sets it"
            raise ValueError(msg)
        text = value.get_secret_value()
        if not (text.isascii() and text.isprintable()):
            msg = f"the value of the header {name} must be printable ASCII, without line breaks"
            raise ValueError(msg)
    return headers


class HeaderItem(BaseModel):
    """A header in the Collector's other notation, a list."""

    model_config = ComponentConfig.model_config

    name: str
    """The header's name."""
    value: SecretStr
    """Its value."""


Headers = Annotated[
    dict[str, SecretStr],
    BeforeValidator(_as_mapping, json_schema_input_type=dict[str, SecretStr] | list[HeaderItem]),
    AfterValidator(_usable),
]
"""Headers of every request. Their values are secrets: no message and no dump shows them."""
