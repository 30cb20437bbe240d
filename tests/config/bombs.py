"""What YAML bombs cost, each in a process of its own: run by `test_bombs.py`, or by hand."""

from __future__ import annotations

import json
import os
import resource
import time

from penstock.config.load import load_text
from penstock.pipeline.errors import ConfigError


def laughs(item: str, levels: int = 9, width: int = 9) -> str:
    """Each level is `width` times the one before; `item` makes the list of aliases a value."""
    lines = ["a0: &a0 {x: 1}" if "<<" in item else "a0: &a0 lol"]
    for level in range(1, levels + 1):
        aliases = ", ".join([f"*a{level - 1}"] * width)
        lines.append(f"a{level}: &a{level} {item.format(aliases)}")
    return "\n".join(lines)


BOMBS = {
    "aliases of aliases": laughs("[{}]"),
    "merge keys of merge keys": laughs("{{<<: [{}]}}"),
    "mappings of aliases": laughs("{{l: [{}]}}"),
    "alias of itself": "a: &a [*a]",
    "aliases one by one": "a: &a [" + "1," * 5000 + "]\nb: [" + "*a," * 100_000 + "]",
    "deep aliases": "a0: &a0 x\n"
    + "".join(f"a{i}: &a{i} [[[[[[*a{i - 1}]]]]]]\n" for i in range(1, 10_000)),
    "a million lists": "a: " + "[" * 1_000_000,
    "a million lists, closed": "a: " + "[" * 1_000_000 + "]" * 1_000_000,
    "a million mappings": "{a: " * 1_000_000,
    "a million items": "- " * 1_000_000,
    "a million keys": "? " * 1_000_000,
    "indented deeper and deeper": "".join(f"{' ' * i}a:\n" for i in range(2_000)),
    "a million same keys": "a:\n" * 1_000_000,
    "a million tags": "a: [" + "!!str x," * 500_000 + "]",
    "a python object": "a: !!python/object/apply:os.system [true]",
    "a million references": "a: '" + "${env:X}" * 500_000 + "'",
    "references without end": "a: '" + "${env:" * 500_000 + "'",
    "a long name": "a" * 4_000_000 + ":",
}


LARGE = {
    "a million values": "a: [" + "1," * 1_000_000 + "]",
    "a million anchors": "a: [" + "&a x," * 500_000 + "]",
    "a million unknown sections": "".join(f"s{i}:\n" for i in range(400_000)),
    "a million dollars": "a: '" + "$$" * 1_000_000 + "'",
    "values of many references": "a: [" + ("'" + "${env:X}" * 100 + "',") * 4_000 + "]",
}
"""Text that costs what it weighs."""


def cost(text: str) -> tuple[bool, float, float]:
    """Whether it was refused, seconds of CPU, and MiB that the process has grown by."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.process_time()
    refused = False
    try:
        load_text(text, "bomb.yaml", {})
    except ConfigError as error:
        refused = len(str(error)) < 100_000
    seconds = time.process_time() - start
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return refused, seconds, grown / 1024


def main() -> None:
    """Write the cost of each bomb as a line of JSON."""
    for name, text in {**BOMBS, **LARGE}.items():
        child = os.fork()
        if child == 0:
            os.write(1, json.dumps([name, *cost(text)]).encode() + b"\n")
            os._exit(0)
        os.waitpid(child, 0)


if __name__ == "__main__":
    main()
