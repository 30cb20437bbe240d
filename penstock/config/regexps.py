"""Regular expressions as options: compiled when settings are read."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator

from penstock._kernel import Pattern


def compiled(regexp: str, *, whole: bool = False) -> Pattern:
    """A pattern that is found anywhere in a text, or matches `whole` texts, with their line breaks.

    Raises `ValueError` that says in a line what is wrong with it.
    """
    try:
        return Pattern(f"^(?s:{regexp})$" if whole else regexp)
    except ValueError as error:
        reason = str(error).splitlines()[-1].removeprefix("error: ")
        msg = f"{regexp!r} is no regular expression in RE2's syntax: {reason}"
        raise ValueError(msg) from None


def _found(regexp: str) -> str:
    compiled(regexp)
    return regexp


def _matched(regexp: str) -> str:
    compiled(regexp, whole=True)
    return regexp


Regexp = Annotated[str, AfterValidator(_found)]
"""A regular expression in RE2's syntax, found anywhere in a text."""

WholeRegexp = Annotated[str, AfterValidator(_matched)]
"""The same, which matches whole texts."""
