"""What functions take, read from their annotations: `def split(target: Text, delimiter: Text)`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from inspect import Parameter as Given
from inspect import signature
from typing import Annotated, Any, get_args, get_type_hints

from penstock._kernel import Pattern
from penstock.ottl.values import Duration, Fault, Time, kind_of

Functions = dict[str, Callable[..., Any]]
"""Functions by the name that statements have for them."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What a parameter takes. A literal is known when the statement is compiled."""

    words: str
    types: tuple[type, ...] = ()
    literal: bool = False
    convert: Callable[[Any], Any] | None = None

    def check(self, value: Any) -> Any:
        """The value for the function. Raises `Fault`."""
        if self.convert:
            return self.convert(value)
        if self.types and type(value) not in self.types:
            raise Fault(f"expected {self.words}, found {kind_of(value)}")
        return value

    @property
    def takes_all(self) -> bool:
        """Whether it takes every value as it is."""
        return not self.types and not self.convert


def _number(value: Any) -> float:
    if type(value) in {int, bool, float}:
        return float(value)
    if type(value) is str and len(value) <= _LONGEST:
        return float(value)
    raise Fault(f"expected a number, found {kind_of(value)}")


_LONGEST = 100
"""Characters of a number in text."""


def _size(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise Fault(f"expected an int that is not negative, found {value!r}")
    return value


def _pattern(value: Any) -> Pattern:
    if type(value) is not str:
        raise Fault(f"expected a regular expression, found {kind_of(value)}")
    try:
        return Pattern(value)
    except ValueError as error:
        # The last line says what is wrong; the ones before draw where.
        raise Fault(str(error).splitlines()[-1]) from None


Text = Annotated[str, Kind("a string", (str,))]
Int = Annotated[int, Kind("an int", (int,))]
NumberLike = Annotated[float, Kind("a number", convert=_number)]
List = Annotated[list[Any], Kind("a list", (list,))]
Map = Annotated[dict[str, Any], Kind("a map", (dict,))]
Moment = Annotated[Time, Kind("a time", (Time,))]
Length = Annotated[Duration, Kind("a duration", (Duration,))]
Anything = Annotated[Any, Kind("a value")]
Fixed = Annotated[str, Kind("a string", (str,), literal=True)]
FixedInt = Annotated[int, Kind("an int", (int,), literal=True)]
Size = Annotated[int, Kind("a size", literal=True, convert=_size)]
FixedBool = Annotated[bool, Kind("true or false", (bool,), literal=True)]
FixedList = Annotated[list[str], Kind("a list", (list,), literal=True)]
FixedAny = Annotated[Any, Kind("a value", literal=True)]
Regex = Annotated[Pattern, Kind("a regular expression", literal=True, convert=_pattern)]
Values = Annotated[list[Any], Kind("a value")]
"""All distinct values of an argument at once."""


def one_of(*choices: str) -> Kind:
    """A literal that is one of some strings."""

    def chosen(value: Any) -> Any:
        if value not in choices:
            raise Fault(f"expected {', '.join(choices[:-1])} or {choices[-1]}, found {value!r}")
        return value

    return Kind("a string", literal=True, convert=chosen)


FUNCTION = Kind("a converter", literal=True)
Function = Annotated[Callable[[str], Any] | None, FUNCTION]
"""A converter by its name, which is given a string."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a function."""

    name: str
    kind: Kind | type
    required: bool

    def is_called(self, name: str) -> bool:
        """Whether it goes by a name: the Collector writes some in snake case, some in camel."""
        return _plain(self.name) == _plain(name)


def _plain(name: str) -> str:
    return name.replace("_", "").lower()


@cache
def parameters(function: Callable[..., Any]) -> tuple[Parameter, ...]:
    """The parameters of a function: their kind is a `Kind`, or a class such as `Target`."""
    hints = get_type_hints(function, include_extras=True)
    return tuple(
        Parameter(given.name, _kind(hints[given.name]), given.default is Given.empty)
        for given in signature(function).parameters.values()
    )


def _kind(hint: Any) -> Any:
    """The kind of an annotation, which may be one of those of a union."""
    for part in (hint, *get_args(hint)):
        for argument in get_args(part):
            if isinstance(argument, Kind):
                return argument
    return hint
