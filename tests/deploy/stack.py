"""The stack: its files as data."""

from __future__ import annotations

import re
from functools import cache

from tests.deploy.rules import DEPLOY

STACK = DEPLOY / "stack"
VALIDATE = DEPLOY / "validate.sh"


@cache
def ports() -> dict[str, int]:
    """The ports that it has unless somebody says otherwise, by their variables."""
    table = re.findall(r'"([A-Z_]+_PORT)": (\d+),', (STACK / "stack.py").read_text())
    return {name: int(port) for name, port in table}
