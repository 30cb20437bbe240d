"""Users and passwords in the format of Apache's `htpasswd`."""

from __future__ import annotations

import hmac
import re
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_SCHEMES = (
    "bcrypt",
    "apr_md5_crypt",
    "md5_crypt",
    "sha256_crypt",
    "sha512_crypt",
    "ldap_sha1",
    "ldap_salted_sha1",
)
"""What the Collector's library takes, as libpass names it; other text is in clear."""

_MARKED = re.compile(r"\$\w+\$|\{[A-Z0-9-]+\}")
"""How a hash begins. One that we do not know must not pass for a password in clear."""

_MOST_ROUNDS = {"bcrypt": 15, "sha256_crypt": 1_000_000, "sha512_crypt": 1_000_000}
"""About a second of work. Hashes say themselves how much work they are."""


class Users:
    """Names, each with a hash of the password; the last one of a name counts.

    Raises `ValueError` for text in another format, without a word of it.
    """

    def __init__(self, text: str) -> None:
        self._hashes = dict(_entries(text))
        self._decoy = next(iter(self._hashes.values()), "")

    def __contains__(self, name: str) -> bool:
        return name in self._hashes

    def is_right(self, name: str, password: str) -> bool:
        """Whether that is the user's password. This is work for a thread: many milliseconds.

        A name that does not exist takes as long as one that does.
        """
        right = _verify(self._hashes.get(name, self._decoy), password)
        return right and name in self._hashes


def _entries(text: str) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(text.splitlines(), 1):
        entry = line.strip()
        if not entry or entry.startswith("#"):
            continue
        name, colon, hash_ = entry.partition(":")
        if not (name and colon and hash_):
            msg = f"line {number} is not `user:password`"
            raise ValueError(msg)
        fault = _fault(hash_)
        if fault:
            msg = f"line {number}: {fault}"
            raise ValueError(msg)
        yield name, hash_


def _fault(hash_: str) -> str | None:
    """Why a hash cannot be used, without a part of it."""
    scheme = _hashing().identify(hash_)
    if scheme is None:
        known = "expected bcrypt, apr1, md5, sha-crypt, {SHA}, {SSHA} or a password in clear"
        return f"a hash of an unknown kind; {known}" if _MARKED.match(hash_) else None
    try:
        rounds = getattr(_hashing().handler(scheme).from_string(hash_), "rounds", 0)
    except ValueError:
        return f"not a whole hash of the kind {scheme}"
    if rounds > _MOST_ROUNDS.get(scheme, rounds):
        return f"{rounds} rounds of {scheme} take too long; use at most {_MOST_ROUNDS[scheme]}"
    return None


def _verify(hash_: str, password: str) -> bool:
    context = _hashing()
    if context.identify(hash_) is None:
        return hmac.compare_digest(hash_.encode(), password.encode())
    try:
        right: bool = context.verify(password, hash_)
    except ValueError:  # a password that no such hash can be of: NUL in it, or too long
        return False
    return right


@cache
def _hashing() -> Any:
    from passlib.context import CryptContext

    return CryptContext(schemes=_SCHEMES)
