"""The scripts that install and start real clients and back ends."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import NoReturn

import pytest

ROOT = Path(__file__).parents[2]
CLIENTS = Path(__file__).parent / "clients"
CACHE = Path(os.environ.get("PEERS_HOME", "~/.cache/penstock-peers")).expanduser()
"""What the scripts have installed: programs in `bin`, the rest in folders with their versions."""


class Peers:
    """The folder of the scripts, from `PENSTOCK_PEERS`."""

    def __init__(self) -> None:
        self._folder = (ROOT / os.environ.get("PENSTOCK_PEERS", "../shared/peers")).resolve()
        self._installed: set[str] = set()
        if not self._folder.is_dir():
            give_up(f"no scripts of peers in {self._folder}: set PENSTOCK_PEERS to their folder")

    def command(self, peer: str, *arguments: str | Path) -> list[str]:
        """How a peer's script is called; the peer is installed before, which can take minutes."""
        script = str(self._folder / f"{peer}.sh")
        if peer not in self._installed:
            subprocess.run([script, "install"], stdin=subprocess.DEVNULL, check=True)
            self._installed.add(peer)
        return [script, *map(str, arguments)]


def give_up(reason: str) -> NoReturn:
    """Skip, except in continuous integration, where nobody would notice."""
    if "CI" in os.environ:
        pytest.fail(reason)
    pytest.skip(reason)
