"""Which devices, file systems, interfaces or processes are told of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from pydantic import model_validator

from penstock.config.regexps import compiled
from penstock.config.types import Section

if TYPE_CHECKING:
    from collections.abc import Callable

_REMEMBERED = 10_000
"""Names whose answers are kept: more than hosts have processes of different names."""


class Match(Section):
    """Names, and how they are meant."""

    match_type: Literal["strict", "regexp"] | None = None
    """Whether names are texts, or regular expressions that are found in them; required with any."""

    not_here: ClassVar[Mapping[str, str]] = {
        "regexp": "what was found is always remembered; remove it"
    }

    @property
    def listed(self) -> tuple[str, ...]:
        """The names, whatever the option is called that has them."""
        (option,) = type(self).model_fields.keys() - {"match_type"}
        names: tuple[str, ...] = getattr(self, option)
        return names

    @model_validator(mode="after")
    def _readable(self) -> Self:
        if self.listed and self.match_type is None:
            msg = "needs a `match_type`: strict or regexp"
            raise ValueError(msg)
        _finder(self)
        return self


class Devices(Match):
    """Devices."""

    devices: tuple[str, ...] = ()
    """Names of devices."""


class FsTypes(Match):
    """Types of file system."""

    fs_types: tuple[str, ...] = ()
    """Types of file system."""


class MountPoints(Match):
    """Places where file systems are mounted."""

    mount_points: tuple[str, ...] = ()
    """Where file systems are mounted on the host, whatever `root_path` is."""


class Interfaces(Match):
    """Network interfaces."""

    interfaces: tuple[str, ...] = ()
    """Names of network interfaces."""


class Names(Match):
    """Processes."""

    names: tuple[str, ...] = ()
    """Names of processes."""


class Filter:
    """Whether a name is wanted: one of those to include, if there are any, and none of the others.
    Answers are remembered, since the same names are asked for at each scrape."""

    def __init__(self, include: Match, exclude: Match) -> None:
        self._include = _finder(include)
        self._exclude = _finder(exclude)
        self._known: dict[str, bool] = {}

    def __call__(self, name: str) -> bool:
        """Whether a name is wanted."""
        if name not in self._known:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            included = self._include is None or self._include(name)
            self._known[name] = included and not (self._exclude and self._exclude(name))
        return self._known[name]


def _finder(match: Match) -> Callable[[str], bool] | None:
    """What finds a name, or `None` where none are given. Raises `ValueError`."""
    if not match.listed:
        return None
    if match.match_type == "strict":
        return frozenset(match.listed).__contains__
    patterns = [compiled(regexp) for regexp in match.listed]
    return lambda name: any(pattern.found([name])[0] for pattern in patterns)
