"""The map of deploy/ has every folder, and each folder says what it is."""

from __future__ import annotations

import re
from pathlib import Path

DEPLOY = Path(__file__).parents[2] / "deploy"


def test_every_folder_is_on_the_map_and_has_a_readme() -> None:
    there = {f"{file.parent.name}/README.md" for file in DEPLOY.glob("*/README.md")}
    linked = re.findall(r"\]\((\w+/README\.md)\)", (DEPLOY / "README.md").read_text())
    assert set(linked) == there
    folders = {path.name for path in DEPLOY.iterdir() if path.is_dir() and path.name.isalpha()}
    assert {name.removesuffix("/README.md") for name in there} == folders
