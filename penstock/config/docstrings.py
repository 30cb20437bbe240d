"""What options are for: the docstrings below the fields of a model.

Pydantic can read them itself when a class is made, with `use_attribute_docstrings`; that takes a
seventh of the time of `penstock validate`, which shows none of them.
"""

from __future__ import annotations

import ast
import inspect
from functools import cache
from itertools import pairwise
from textwrap import dedent
from typing import TYPE_CHECKING

from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Iterator


def option_docstrings(model: type[BaseModel]) -> dict[str, str]:
    """The docstring below each field, by the option's name; fields of base classes included."""
    classes = [cls for cls in reversed(model.__mro__) if issubclass(cls, BaseModel)]
    texts = {name: text for cls in classes for name, text in _of_class(cls).items()}
    fields = model.model_fields.items()
    return {field.alias or name: texts[name] for name, field in fields if name in texts}


@cache
def _of_class(cls: type[BaseModel]) -> dict[str, str]:
    if cls is BaseModel:
        return {}
    try:
        source = dedent(inspect.getsource(cls))
    except (OSError, TypeError):  # made by a program, or without its source
        return {}
    return dict(_described(ast.parse(source).body[0]))


def _described(definition: ast.AST) -> Iterator[tuple[str, str]]:
    assert isinstance(definition, ast.ClassDef)
    for field, below in pairwise(definition.body):
        match field, below:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                yield name, inspect.cleandoc(text)
