"""Run the code of a `python` processor. The one place where Penstock executes what a file holds."""

from __future__ import annotations

import sys
import traceback
from dataclasses import dataclass
from importlib import import_module
from itertools import count
from types import ModuleType
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from penstock.pipeline import StartError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from penstock.processors._python_source import Source

_numbers = count(1)


@dataclass(frozen=True, slots=True)
class Hooks:
    """What is called of somebody's code. `name` is its module's, where it is Penstock's to end."""

    process: Callable[[Any], Any]
    start: Callable[[], Any] | None = None
    stop: Callable[[], Any] | None = None
    name: str | None = None

    def forget(self) -> None:
        """Let go of the module, and so of what it holds."""
        sys.modules.pop(self.name or "", None)


def load(source: Source, settings: Mapping[str, Any]) -> Hooks:
    """Run the code and make its processor. Raises `StartError` with the line that failed."""
    try:
        return _hooks(source, settings)
    except StartError:
        raise
    except BaseException as error:
        raise StartError(explained(error, source.path)) from error


def explained(error: BaseException, path: Path) -> str:
    """The location and the message, which cannot quote data as long as none was received."""
    return f"{location(error, path)}: {error}"


def location(error: BaseException, path: Path) -> str:
    """`KeyError at enrich.py:14, team = teams[name]`: the innermost line of the file, which is code
    and no data; of the error only its kind is told, since its message may quote anything."""
    frames = traceback.extract_tb(error.__traceback__)
    frame = next((it for it in reversed(frames) if it.filename == str(path)), None)
    where = f" at {path}:{frame.lineno}, `{frame.line}`" if frame else f" in {path}"
    return f"{type(error).__name__}{where}"


def _hooks(source: Source, settings: Mapping[str, Any]) -> Hooks:
    import_module("numpy")  # which every look at a column needs: not while a sender waits
    module, name = _module(source)
    if not source.is_class:
        return Hooks(module.process, name=name)
    given = [_config(module.Config, settings)] if source.has_config else []
    processor = module.Processor(*given)
    start, stop = (getattr(processor, hook, None) for hook in ("start", "stop"))
    return Hooks(processor.process, start, stop, name)


def _module(source: Source) -> tuple[ModuleType, str | None]:
    if source.module:
        return import_module(source.module), None
    # Each processor has a module of its own, and is not mistaken for another that is installed.
    name = f"penstock_python_{next(_numbers)}_{source.path.stem}"
    module = ModuleType(name)
    module.__file__ = str(source.path)
    sys.modules[name] = module  # where pydantic and dataclasses look for the names in annotations
    try:
        exec(compile(source.text, source.path, "exec"), module.__dict__)  # noqa: S102
    except BaseException:
        del sys.modules[name]
        raise
    return module, name


def _config(model: Any, settings: Mapping[str, Any]) -> Any:
    fields = getattr(model, "model_fields", None)
    if fields is None:
        msg = "`Config` must derive from `pydantic.BaseModel`"
        raise StartError(msg)
    unknown = [key for key in settings if key not in fields]
    if unknown and not model.model_config.get("extra"):
        msg = f"config.{unknown[0]}: unknown option; there are {', '.join(fields) or 'none'}"
        raise StartError(msg)
    try:
        return model.model_validate(dict(settings))
    except ValidationError as error:
        faults = error.errors(include_input=False, include_url=False)
        lines = (".".join(map(str, ("config", *it["loc"]))) + f": {it['msg']}" for it in faults)
        raise StartError("; ".join(lines)) from None
