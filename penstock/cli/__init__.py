"""The command line: `penstock run`, `validate`, `test` and others.

It may take 0.15 s to answer `--help`, so what is heavy is imported by the command that needs it.
"""

from penstock.cli import business, elastic, replaying, testing
from penstock.cli.commands import main

__all__ = ["business", "elastic", "main", "replaying", "testing"]
