"""W3C trace state, with what OpenTelemetry's samplers say in it.

https://opentelemetry.io/docs/specs/otel/trace/tracestate-handling/
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Self

DIGITS = 14
"""Hex digits of a randomness or a threshold in full."""

ALL = 1 << 56
"""The number of randomnesses. As a threshold it samples none."""

_MAX_BYTES, _MAX_MEMBERS, _MAX_OWN_BYTES = 1024, 31, 256
_TENANT, _SYSTEM, _KEY = 241, 14, 256
_NAME = re.compile(r"[a-z][a-z0-9_\-*/]*|[a-z0-9][a-z0-9_\-*/]*@[a-z][a-z0-9_\-*/]*")
_VALUE = re.compile(r"[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]")
_OWN = re.compile(r"[a-z][a-z0-9]*:[a-zA-Z0-9._\-]*(;[a-z][a-z0-9]*:[a-zA-Z0-9._\-]*)*")
_HEX = re.compile(r"[0-9a-fA-F]+")


def randomness(text: str) -> int | None:
    """What an `rv` stands for; `None` for what is none."""
    return int(text, 16) if len(text) == DIGITS and _HEX.fullmatch(text) else None


def threshold(text: str) -> int | None:
    """What a `th` stands for, its trailing zeros left out; `None` for what is none."""
    if len(text) > DIGITS or not _HEX.fullmatch(text):
        return None
    return int(text.ljust(DIGITS, "0"), 16)


def rv(value: int) -> str:
    """A randomness as text."""
    return f"{value:014x}"


def th(value: int) -> str:
    """A threshold below `ALL` as text."""
    return rv(value).rstrip("0") or "0"


@dataclass(frozen=True, slots=True)
class TraceState:
    """A trace state taken apart. Of what is `faulty`, the parts before the fault may be there."""

    rv: str = ""
    th: str = ""
    own: tuple[str, ...] = ()
    """What else OpenTelemetry has in it."""
    others: tuple[str, ...] = ()
    """What other vendors have in it."""
    faulty: bool = False

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what stands on the wire."""
        members = [member.strip(" \t") for member in text.split(",")]
        if len(text) > _MAX_BYTES or not all(map(_valid, members)):
            return cls(faulty=True)
        state = cls(faulty=len(members) > _MAX_MEMBERS)
        for member in filter(None, members[:_MAX_MEMBERS]):
            state = state._with(member)
        return state

    def written(self, randomness: str, threshold: str) -> str:
        """The trace state as it stands on the wire, with these in place of `rv` and `th`."""
        own = [f"rv:{randomness}"] if randomness else []
        if threshold:
            own.append(f"th:{threshold}")
        own.extend(self.own)
        mine = ["ot=" + ";".join(own)] if own else []
        return ",".join((*mine, *self.others))

    def _with(self, member: str) -> Self:
        name, _, value = member.partition("=")
        if name == "ot":
            return self._with_own(value)
        if _too_long(name):
            return replace(self, faulty=True)
        return replace(self, others=(*self.others, member))

    def _with_own(self, text: str) -> Self:
        if len(text) > _MAX_OWN_BYTES or not _OWN.fullmatch(text):
            return replace(self, rv="", th="", own=(), faulty=True)
        found: dict[str, str] = {"rv": "", "th": ""}
        own, faulty = [], self.faulty
        for part in text.split(";"):
            name, _, value = part.partition(":")
            if name not in found:
                own.append(part)
                continue
            fine = (randomness if name == "rv" else threshold)(value) is not None
            found[name] = value if fine else ""
            faulty = faulty or not fine
        return replace(self, rv=found["rv"], th=found["th"], own=tuple(own), faulty=faulty)


def _valid(member: str) -> bool:
    name, _, value = member.partition("=")
    return not member or bool(_NAME.fullmatch(name) and _VALUE.fullmatch(value))


def _too_long(name: str) -> bool:
    tenant, at, system = name.partition("@")
    if len(name) > _KEY:
        return True
    return bool(at) and (len(tenant) > _TENANT or len(system) > _SYSTEM)
