"""Pin what the image installs, with the hashes of every file: `python deploy/docker/lock.py`.

Run it with the image's version of Python, pip-tools installed.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

HERE = Path(__file__).parent
PROJECT = tomllib.loads((HERE.parents[1] / "pyproject.toml").read_text())
COMPILE = [
    *(sys.executable, "-m", "piptools", "compile", "--quiet", "--generate-hashes"),
    *("--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links"),
    *("--strip-extras", "--allow-unsafe"),
]


def wanted() -> list[str]:
    """What Penstock needs with its extra `all`."""
    extras = PROJECT["project"]["optional-dependencies"]
    (everything,) = extras["all"]
    names = re.findall(r"\w+", everything.partition("[")[2])
    return PROJECT["project"]["dependencies"] + [it for name in names for it in extras[name]]


def lock(name: str, requirements: list[str]) -> None:
    """Write `name`, a file for `pip install --require-hashes`."""
    lines = "\n".join(requirements)
    command = [*COMPILE, "--output-file", str(HERE / name), "-"]
    subprocess.run(command, input=lines, text=True, check=True)


if __name__ == "__main__":
    lock("requirements.txt", wanted())
    lock("build-requirements.txt", PROJECT["build-system"]["requires"])
