"""The release: what its workflow builds and tries is what the metadata says."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
WORKFLOW = (ROOT / ".github" / "workflows" / "release.yml").read_text()
JOBS: dict[str, Any] = yaml.safe_load(WORKFLOW)["jobs"]


def test_wheels_are_tried_with_every_python_that_is_named() -> None:
    prefix = "Programming Language :: Python :: 3."
    classifiers = PROJECT["project"]["classifiers"]
    named = [f"3.{it.removeprefix(prefix)}" for it in classifiers if it.startswith(prefix)]
    assert JOBS["install"]["strategy"]["matrix"]["python"] == named
    assert PROJECT["project"]["requires-python"] == f">={named[0]}"


def test_one_wheel_is_built_for_the_oldest_python_and_tried_where_it_was_built() -> None:
    oldest = PROJECT["project"]["requires-python"].removeprefix(">=").replace(".", "")
    builds = PROJECT["tool"]["cibuildwheel"]["build"]
    assert builds == [f"cp{oldest}-manylinux_*", f"cp{oldest}-musllinux_*"]
    runners = JOBS["wheels"]["strategy"]["matrix"]["runner"]
    assert JOBS["install"]["strategy"]["matrix"]["runner"] == runners


def test_what_builds_the_image_builds_the_source_distribution() -> None:
    pinned = (ROOT / "deploy" / "docker" / "build-requirements.txt").read_text()
    (maturin,) = re.findall(r"^(maturin==\S+)", pinned, re.MULTILINE)
    assert f"pipx run {maturin} sdist" in WORKFLOW


def test_nothing_is_published_that_was_not_tried() -> None:
    assert set(JOBS["publish"]["needs"]) | {"wheels", "publish"} == set(JOBS)
    assert JOBS["install"]["needs"] == "wheels"
