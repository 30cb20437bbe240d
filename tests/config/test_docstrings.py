from __future__ import annotations

from pydantic import BaseModel, Field, create_model

from penstock.config.docstrings import option_docstrings


class Base(BaseModel):
    """Not an option."""

    depth: int = 1
    """How deep."""
    width: int = 1


class Pool(Base):
    """With another name, and a text of its own for what the base describes."""

    depth: int = 2
    """How deep this one is,
    in metres."""
    colour: str = Field("blue", alias="color")
    """What it looks like."""

    def fill(self) -> None:
        """No option either."""


def test_the_text_below_a_field_is_that_of_its_option() -> None:
    assert option_docstrings(Base) == {"depth": "How deep."}
    assert option_docstrings(Pool) == {
        "depth": "How deep this one is,\nin metres.",
        "color": "What it looks like.",
    }


def test_a_class_inside_a_function_has_texts_too() -> None:
    class Local(BaseModel):
        size: int
        """How large."""

    assert option_docstrings(Local) == {"size": "How large."}


def test_a_class_without_source_has_none() -> None:
    assert option_docstrings(create_model("Made", size=(int, 1))) == {}
