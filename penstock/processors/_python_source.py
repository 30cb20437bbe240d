"""The code that a `python` processor runs: found, read and looked at, but not run."""

from __future__ import annotations

import ast
import os
import stat
from dataclasses import dataclass
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

GROUP = "penstock.python"
"""Where installed packages announce modules for `entry_point`."""

_MAX_BYTES = 1 << 20
"""Far more than anybody writes by hand: a file that is larger was named by mistake."""

_OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH

_EXPECTED = "expected a function `process(batch)` or a class `Processor` that has one"


@dataclass(frozen=True, slots=True)
class Source:
    """Code that has what is needed. `module` is its name where an installed package has it."""

    path: Path
    text: bytes
    is_class: bool
    has_config: bool
    module: str | None = None


def from_file(path: Path) -> Source:
    """The code in a file. Raises `ValueError` that says what is wrong with it, and where."""
    return _checked(path, _read(path), None)


def from_entry_point(name: str) -> Source:
    """The code of an installed package. Raises `ValueError` as `from_file`."""
    points = {point.name: point.module for point in entry_points(group=GROUP)}
    if name not in points:
        known = ", ".join(sorted(points)) or "nothing"
        msg = f"no installed package has `{name}` in the group `{GROUP}`, which has {known}"
        raise ValueError(msg)
    spec = find_spec(points[name])
    if not spec or not spec.origin:
        msg = f"the module `{points[name]}` cannot be found"
        raise ValueError(msg)
    path = Path(spec.origin)
    return _checked(path, path.read_bytes(), points[name])


def _read(path: Path) -> bytes:
    """What the file holds, which nobody but its owner may have written."""
    try:
        real = path.resolve(strict=True)
        if not real.is_relative_to(path.parent.resolve()):
            msg = f"{path} leads out of its folder, to {real}; name that file itself"
            raise ValueError(msg)
        # Not blocked by a pipe, and what is looked at is what is read.
        with os.fdopen(os.open(real, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
            _check_file(path, os.fstat(file.fileno()))
            return file.read()
    except OSError as error:
        msg = f"{path} cannot be read: {error.strerror}"
        raise ValueError(msg) from None


def _check_file(path: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        msg = f"{path} is no file"
        raise ValueError(msg)
    if found.st_mode & _OTHERS_MAY_WRITE:
        msg = (
            f"{path} can be changed by others than its owner ({stat.filemode(found.st_mode)}), "
            f"and it is run: `chmod go-w {path}`"
        )
        raise ValueError(msg)
    if found.st_size > _MAX_BYTES:
        msg = f"{path} has {found.st_size} bytes, more than {_MAX_BYTES}"
        raise ValueError(msg)


def _checked(path: Path, text: bytes, module: str | None) -> Source:
    try:
        tree = ast.parse(text, str(path))
        compile(tree, str(path), "exec")  # finds what parsing does not, such as a stray `return`
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ValueError(_unreadable(path, error)) from None
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    owner = classes.get("Processor")
    process = _function("process", owner.body if owner else tree.body)
    if process is None:
        raise ValueError(_missing(path, owner))
    _check_process(path, process, 2 if owner else 1)
    return Source(path, text, owner is not None, owner is not None and "Config" in classes, module)


def _unreadable(path: Path, error: Exception) -> str:
    if isinstance(error, SyntaxError):
        return f"{path}:{error.lineno}:{error.offset}: {error.msg}"
    return f"{path}: {error}"


def _function(name: str, body: Iterable[ast.stmt]) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
    kinds = ast.FunctionDef | ast.AsyncFunctionDef
    found = [node for node in body if isinstance(node, kinds) and node.name == name]
    return found[-1] if found else None


def _missing(path: Path, owner: ast.ClassDef | None) -> str:
    if owner:
        return f"{path}:{owner.lineno}: expected a method `process(self, batch)` in `Processor`"
    return f"{path}: {_EXPECTED}"


def _check_process(
    path: Path, process: ast.FunctionDef | ast.AsyncFunctionDef, positions: int
) -> None:
    if isinstance(process, ast.AsyncFunctionDef):
        msg = f"{path}:{process.lineno}: `process` must not be `async`: it has a thread of its own"
        raise ValueError(msg)  # noqa: TRY004  (what it is given is a file, not an argument)
    args = process.args
    most = len(args.posonlyargs) + len(args.args)
    least = most - len(args.defaults)
    if not least <= positions <= (positions if args.vararg else most) or None in args.kw_defaults:
        msg = f"{path}:{process.lineno}: `process` must take one argument, the batch"
        raise ValueError(msg)
