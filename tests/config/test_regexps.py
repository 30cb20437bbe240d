"""Regular expressions as options."""

from __future__ import annotations

import pytest

from penstock.config.regexps import compiled


def test_a_pattern_is_found_anywhere_unless_it_matches_whole_texts() -> None:
    texts = ["cart", "carts", "two\ncart", "cart\n"]
    assert compiled("cart").found(texts) == [True, True, True, True]
    assert compiled("cart").found(["shop"]) == [False]
    assert compiled("cart", whole=True).found(texts) == [True, False, False, False]
    assert compiled(".*cart", whole=True).found(texts) == [True, False, True, False]


@pytest.mark.parametrize("whole", [False, True])
def test_what_is_wrong_with_a_pattern_is_said_in_a_line(*, whole: bool) -> None:
    with pytest.raises(ValueError, match=r"^'\(' is no regular expression in RE2's syntax: .+$"):
        compiled("(", whole=whole)
