"""Where things are: who may import whom, one test for each component, one place for unsafe code."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from functools import cache
from importlib.metadata import packages_distributions
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from penstock.config.catalog import Kind, types

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "penstock"

BENEATH = (
    "penstock.config.types",
    "penstock.config.regexps",
    "penstock.config.pem",
    "penstock.config.client_tls",
    "penstock.config.tls",
    "penstock.logs",
    "penstock.redaction",
)
"""What everyone may import, and what imports next to nothing of ours."""

MAY_IMPORT: dict[str, tuple[str, ...]] = {
    "penstock.config.types": (),
    "penstock.config.regexps": ("penstock._kernel",),
    "penstock.config.pem": ("penstock.pipeline.errors",),
    "penstock.config.client_tls": ("penstock.config.types", "penstock.config.pem"),
    "penstock.config.tls": (
        "penstock.config.types",
        "penstock.config.pem",
        "penstock.pipeline.errors",
    ),
    "penstock.logs": ("penstock.redaction",),
    "penstock.redaction": (),
    "penstock.cli": (
        "penstock.cli",
        "penstock.business",
        "penstock.config",
        "penstock.pipeline",
        "penstock.prepare",
        "penstock.replay",
        "penstock.testing",
        *BENEATH,
    ),
    "penstock.prepare": ("penstock.pipeline", "penstock.replay", *BENEATH),
    "penstock.replay": ("penstock.config", "penstock.pipeline", *BENEATH),
    "penstock.testing": ("penstock.testing", "penstock.config", "penstock.pipeline", *BENEATH),
    "penstock.config": ("penstock.config", "penstock.pipeline", *BENEATH),
    "penstock.ottl": ("penstock.ottl", "penstock.pipeline", "penstock._kernel", *BENEATH),
    "penstock.business": (
        "penstock.business",
        "penstock.ottl",
        "penstock.pipeline",
        "penstock.prometheus",
        "penstock._kernel",
        *BENEATH,
    ),
    "penstock.pipeline": ("penstock.pipeline", "penstock._kernel", *BENEATH),
    "penstock.kafka": ("penstock.kafka", "penstock.pipeline", "penstock._kernel", *BENEATH),
    "penstock.kubernetes": ("penstock.kubernetes", "penstock.pipeline", *BENEATH),
    "penstock.prometheus": (
        "penstock.prometheus",
        "penstock.pipeline",
        "penstock._kernel",
        *BENEATH,
    ),
    **{
        kind.package: (
            kind.package,
            "penstock.ottl",
            "penstock.pipeline",
            "penstock.business",
            "penstock.prometheus",
            "penstock.kafka",
            "penstock.kubernetes",
            "penstock._kernel",
            *BENEATH,
        )
        for kind in Kind
    },
}
"""By module or package, what it may import of ours at run time. Settings reach the engine as
values, so it names their types for the type checker only; nobody imports a component."""


def modules() -> Iterator[tuple[str, Path]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        yield name.removesuffix(".__init__"), path


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


@cache
def at_run_time(path: Path) -> list[ast.AST]:
    """All of a file but what is for the type checker."""
    todo: list[ast.AST] = [parsed(path)]
    found = []
    while todo:
        node = todo.pop()
        if isinstance(node, ast.If) and called(node.test) == "TYPE_CHECKING":
            continue
        todo += ast.iter_child_nodes(node)
        found.append(node)
    return found


def imports(path: Path) -> Iterator[str]:
    """The modules of ours that a file imports, those for the type checker left out."""
    for node in at_run_time(path):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("penstock"))
        if isinstance(node, ast.ImportFrom) and node.module == "penstock":
            yield from (f"penstock.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("penstock."):
            yield node.module or ""


def within(module: str, packages: tuple[str, ...]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def rule(module: str) -> tuple[str, ...] | None:
    """What the most exact rule for a module lets it import; `None` where there is none."""
    names = [name for name in MAY_IMPORT if within(module, (name,))]
    return MAY_IMPORT[max(names, key=len)] if names else None


def test_imports_point_one_way() -> None:
    wrong = [
        f"{name} imports {imported}"
        for name, path in modules()
        for allowed in [rule(name)]
        for imported in imports(path)
        if allowed is not None and not within(imported, allowed)
    ]
    assert wrong == []


def test_every_package_has_a_rule() -> None:
    packages = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert packages == {name.split(".")[1] for name in MAY_IMPORT} - {
        "logs",
        "prepare",
        "redaction",
        "replay",
    }


@pytest.mark.parametrize(
    ("kind", "type_"), [(kind, type_) for kind in Kind for type_ in types(kind)]
)
def test_every_component_has_its_test(kind: Kind, type_: str) -> None:
    assert (ROOT / "tests" / kind / f"test_{type_}.py").exists()


def runs_text(node: ast.AST) -> bool:
    """Whether it is a call that makes code of text or of bytes, or starts a shell."""
    if isinstance(node, ast.Import):
        return any(alias.name in {"pickle", "marshal", "shelve"} for alias in node.names)
    if not isinstance(node, ast.Call):
        return False
    shell = any(keyword.arg == "shell" for keyword in node.keywords)
    return shell or called(node.func) in {"exec", "eval", "os.system"}


def called(node: ast.expr) -> str:
    """The name with dots that an expression is; empty for any other."""
    if isinstance(node, ast.Attribute):
        return f"{called(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def test_code_that_a_file_holds_is_run_in_one_place() -> None:
    found = {name for name, path in modules() if any(map(runs_text, ast.walk(parsed(path))))}
    assert found == {"penstock.processors._python_module"}


def test_unsafe_code_is_in_one_file() -> None:
    sources = (ROOT / "kernel" / "src").rglob("*.rs")
    assert [path.name for path in sources if "unsafe {" in path.read_text()] == ["memory.rs"]


def test_every_library_that_is_imported_is_a_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *chain.from_iterable(extras.values())]
    declared = {named(re.split(r"[^\w.-]", requirement)[0]) for requirement in wanted}
    holders = packages_distributions()
    used = {
        module.split(".")[0]
        for path in (ROOT / "penstock").rglob("*.py")
        for module in libraries(path)
    }
    undeclared = {
        library: holders.get(library, [])
        for library in used - set(sys.stdlib_module_names) - {"penstock"}
        if not declared & {named(holder) for holder in holders.get(library, [])}
    }
    assert undeclared == {}


def libraries(path: Path) -> Iterator[str]:
    """Everything that a file imports, those for the type checker left out."""
    for node in at_run_time(path):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def named(distribution: str) -> str:
    """A distribution's name as PEP 503 has it."""
    return re.sub(r"[-_.]+", "-", distribution).lower()
