"""The fields that paths lead to: how they read, and what they take."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from penstock.ottl.values import MAX_INT, Fault, Time, kind_of, storable, text

if TYPE_CHECKING:
    from collections.abc import Mapping

Change = Callable[[Any], Any]

PLAIN = frozenset({str, bool, float})
"""Types of which an attribute holds every value."""


def unchanged(value: Any) -> Any:
    """The value itself."""
    return value


def entry(value: Any, key: Any) -> Any:
    """What lies under a key of a map or list: `None` where nothing does. Raises `Fault`."""
    match value, key:
        case None, _:
            return None
        case dict(), str():
            return value.get(key)
        case list(), int() if not isinstance(key, bool):
            if 0 <= key < len(value):
                return value[key]
            raise Fault(f"index {key} is out of the list of {len(value)}")
    raise Fault(f"{kind_of(value)} cannot be indexed by {kind_of(key)}")


def with_entry(value: Any, key: Any, new: Any) -> Any:
    """A copy with `new` under a key, which `None` deletes. Raises `Fault`."""
    match value, key:
        case None | dict(), str():
            others = dict(value or {})
            others.pop(key, None)
            if new is None:
                return others
            return {**(value or {}), key: new}
        case list(), int() if not isinstance(key, bool) and 0 <= key < len(value):
            return [*value[:key], *([] if new is None else [new]), *value[key + 1 :]]
    raise Fault(f"{kind_of(value)} has no place at that {kind_of(key).split()[-1]}")


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a message, under the name that the kernel has for it.

    `read` makes OTTL's value of the kernel's. `write` makes the kernel's of OTTL's or raises
    `Fault`; values whose types are `as_is` need it not, and without it the field cannot be set.
    What is `numeric` is an integer in every item. Keys in brackets go to the kernel where it knows
    them (`keyed`), else to `entry` and `with_entry`.
    """

    name: str
    read: Change = unchanged
    write: Change | None = None
    as_is: frozenset[type] = frozenset()
    numeric: bool = False
    keyed: bool = False
    slot: str = ""
    entry: Callable[[Any, Any], Any] | None = None
    with_entry: Callable[[Any, Any, Any], Any] | None = None


def _of(kinds: tuple[type, ...], words: str) -> Change:
    def checked(value: Any) -> Any:
        if type(value) not in kinds:
            raise Fault(f"it takes {words}, found {kind_of(value)}")
        return value

    return checked


_DIGITS = frozenset("0123456789abcdefABCDEF")
_text, _map, _list = _of((str,), "a string"), _of((dict,), "a map"), _of((list,), "a list")


def _signed(number: int | None) -> int | None:
    return number - 2**64 if number is not None and number > MAX_INT else number


def _range(least: int, most: int) -> Change:
    integer = _of((int,), "an int")

    def checked(value: Any) -> Any:
        if not least <= integer(value) <= most:
            raise Fault(f"it takes {least} to {most}, found {value}")
        return value

    return checked


def string(name: str) -> Mapping[str, Field]:
    """Text."""
    return {name: Field(name, write=_text, as_is=frozenset({str}))}


def integer(
    name: str, bits: int = 32, *, signed: bool = False, slot: str = ""
) -> Mapping[str, Field]:
    """An integer, which some kinds of data point lack."""
    bounds = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    read = unchanged if bits < 64 else _signed  # noqa: PLR2004
    return {name: Field(name, read, _range(*bounds), slot=slot)}


def double(name: str, slot: str = "") -> Mapping[str, Field]:
    """A double."""
    return {name: Field(name, write=_of((float,), "a double"), slot=slot)}


def boolean(name: str) -> Mapping[str, Field]:
    """True or false; false where it is absent."""
    return {name: Field(name, bool, _of((bool,), "a bool"))}


def time(name: str) -> Mapping[str, Field]:
    """A moment: `name` as a time, and `name_unix_nano` as nanoseconds."""
    kernel = f"{name}_unix_nano"
    nanoseconds = _range(0, 2**64 - 1)
    moment = _of((Time,), "a time")
    return {
        name: Field(kernel, Time, lambda value: nanoseconds(moment(value).nanoseconds)),
        kernel: Field(kernel, _signed, nanoseconds, numeric=True),
    }


def identity(name: str, size: int) -> Mapping[str, Field]:
    """An id: `name` as bytes, all zero where there is none, and `name.string` as hex."""

    def read(digits: str) -> bytes:
        return bytes.fromhex(digits).ljust(size, b"\0")

    def write(value: Any) -> str:
        if type(value) is not bytes or len(value) != size:
            raise Fault(f"it takes {size} bytes, found {kind_of(value)}")
        return value.hex()

    def parse(value: Any) -> str:
        if len(_text(value)) != 2 * size or not set(value) <= _DIGITS:
            raise Fault(f"it takes {2 * size} hex digits")
        return str(value).lower()

    def digits(value: str) -> str:
        return value if value.strip("0") else ""

    return {name: Field(name, read, write), f"{name}.string": Field(name, digits, parse)}


def attributes(name: str = "attributes") -> Mapping[str, Field]:
    """Attributes: a map whose entries the kernel finds by itself."""
    return {name: Field(name, write=lambda value: storable(_map(value)), keyed=True)}


def anything(name: str) -> Mapping[str, Field]:
    """A value of any type, and `name.string`: its text."""
    return {
        name: Field(name, write=storable, as_is=PLAIN, keyed=True),
        f"{name}.string": Field(name, text, _text),
    }


def message(name: str) -> Mapping[str, Field]:
    """A whole message, as a map of its fields: what another path holds can be set."""
    return {name: Field(name, write=_map)}


def messages(name: str) -> Mapping[str, Field]:
    """A list of messages or of numbers, as a whole."""
    return {name: Field(name, write=_list, entry=entry)}


def derived(name: str) -> Mapping[str, Field]:
    """What can be read only."""
    return {name: Field(name)}


_KINDS = ("UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER")


def kind() -> Mapping[str, Field]:
    """A span's kind: its number, `kind.string` and `kind.deprecated_string`."""

    def named(names: list[str]) -> Field:
        def write(value: Any) -> int:
            if value not in names:
                raise Fault(f"it takes one of {', '.join(names)}")
            return names.index(value)

        read: Change = lambda number: names[number] if number < len(names) else ""  # noqa: E731
        return Field("kind", read, write)

    return {
        **integer("kind", signed=True),
        "kind.string": named([name.capitalize() for name in _KINDS]),
        "kind.deprecated_string": named([f"SPAN_KIND_{name}" for name in _KINDS]),
    }


def trace_state() -> Mapping[str, Field]:
    """The W3C trace state: all of it as text, or one entry by its key."""

    def members(value: str) -> dict[str, str]:
        pairs = (member.strip().partition("=") for member in value.split(",") if "=" in member)
        return {key: found for key, _, found in pairs}

    def put(value: str, key: Any, new: Any) -> str:
        # An entry that changed comes first: https://www.w3.org/TR/trace-context/#mutating-the-tracestate-field
        others = {name: found for name, found in members(value).items() if name != key}
        changed = {} if new is None else {key: _text(new)}
        return ",".join(f"{name}={found}" for name, found in (changed | others).items())

    field = Field(
        "trace_state",
        write=_text,
        entry=lambda value, key: members(value).get(key),
        with_entry=put,
    )
    return {"trace_state": field}
