"""Globs, as of files, as patterns of whole texts."""

from __future__ import annotations

import re

from penstock._kernel import Pattern

_GLOB = re.compile(
    r"\\(.)|\[(!?)((?:\\.|[^\]\\])+)\]|(\*\*|[*?{},])|([^*?{},\\\[]+)|(.)", re.DOTALL
)


def compiled(glob: str, separator: str = "") -> Pattern:
    """A glob with `*`, `?`, `[a-z]`, `[!a-z]` and `{one,other}` as a pattern of whole texts.

    `*` and `?` do not stand for a separator, if there is one; `**` does. Raises `ValueError`.
    """
    depth = 0
    one = f"[^{_escaped(separator)}]" if separator else "."
    signs = {"**": ".*", "*": f"{one}*", "?": one}

    def translated(match: re.Match[str]) -> str:
        nonlocal depth
        escaped, negation, members, special, text, other = match.groups()
        if members:
            return (
                f"[{'^' if negation else ''}{re.sub(r'[&~^[]', lambda m: chr(92) + m[0], members)}]"
            )
        if special in signs:
            return signs[special]
        if special == "{":
            depth += 1
            return "(?:"
        if special == "}" and depth:
            depth -= 1
            return ")"
        if special == "," and depth:
            return "|"
        return _escaped(escaped or special or text or other)

    translation = _GLOB.sub(translated, glob)
    return Pattern(f"(?s)^(?:{translation}{')' * depth})$")


def _escaped(text: str) -> str:
    return re.sub(r"[\\.+*?()|\[\]{}^$#&~-]", r"\\\g<0>", text)
