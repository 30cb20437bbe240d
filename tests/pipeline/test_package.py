"""Imports point one way: the engine knows no component."""

import ast
from pathlib import Path

import penstock.pipeline

COMPONENTS = ("receivers", "processors", "exporters", "connectors", "extensions")


def imported(source: Path) -> set[str]:
    """The modules that a file names in an import."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def test_the_engine_imports_no_component() -> None:
    package = Path(penstock.pipeline.__file__).parent
    forbidden = tuple(f"penstock.{kind}" for kind in COMPONENTS)
    wrong = {
        f"{source.name} imports {module}"
        for source in package.glob("*.py")
        for module in imported(source)
        if module.startswith(forbidden)
    }
    assert wrong == set()
