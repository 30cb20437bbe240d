"""Tell an operator of what strangers can reach: once, where it begins to listen."""

from __future__ import annotations

from contextlib import suppress
from ipaddress import ip_address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import logging

    from penstock.config.types import HostPort


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches what listens there. Names other than localhost are taken
    for somebody's network."""
    with suppress(ValueError):
        return ip_address(host).is_loopback
    return host == "localhost"


def warn_if_exposed(logger: logging.Logger, address: HostPort, *, protected: bool) -> None:
    """Log one warning if others than this machine reach `address` and nothing keeps them out.

    Everything that listens calls this when it does; TLS and authentication are protection.
    """
    if not protected and not is_loopback(address.host):
        logger.warning(
            "listens on %s, where other machines reach it, without TLS or authentication; "
            "listen on localhost, or protect it",
            address,
        )
