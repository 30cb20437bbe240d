from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from penstock.config.substitute import join, look_up, split

if TYPE_CHECKING:
    from pathlib import Path

ENVIRON = {"HOST": "db", "PORT": "5432", "EMPTY": "", "NESTED": "${env:HOST}", "WHICH": "HOST"}


def substitute(text: str) -> str:
    return join(split(text), ENVIRON)


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("plain", "plain"),
        ("${env:HOST}", "db"),
        ("${HOST}", "db"),
        ("${env:HOST}:${env:PORT}", "db:5432"),
        ("${env:NONE:-localhost}", "localhost"),
        ("${env:NONE:-}", ""),
        ("${env:NONE:-a:-b}", "a:-b"),
        ("${env:EMPTY:-default}", ""),
        ("$$", "$"),
        ("$${env:HOST}", "${env:HOST}"),
        ("$$$${HOST}", "$${HOST}"),
        ("$$${HOST}", "$db"),
        ("$HOST costs 5$", "$HOST costs 5$"),
        ("${env:${env:WHICH}}", "db"),
        ("${env:NONE:-${env:HOST}:${env:PORT}}", "db:5432"),
        ("${env:NONE:-{a: {b: $$}}} {}", "{a: {b: $}} {}"),
        ("${env:HOST:-${env:NONE}}", "db"),
    ],
)
def test_variables_are_replaced_and_two_dollars_are_one(text: str, result: str) -> None:
    assert substitute(text) == result


def test_what_a_variable_holds_is_not_looked_at_again() -> None:
    assert substitute("${env:NESTED}") == "${env:HOST}"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("${env:NONE}", "the variable NONE is not set"),
        ("${}", "`${}` is not understood"),
        ("${env:}", "is not understood"),
        ("${env:A-B}", "`${env:A-B}` is not understood"),
        ("${https://example.com/x}", "values are not fetched by `https:`"),
        ("${vault:secret/token}", "values are not fetched by `vault:`; expected `${env:NAME}`"),
        ("${env:HOST", "without its `}`"),
        ("${env:NONE:-{}", "without its `}`"),
        ("${" * 9 + "}" * 9, "more than 8 references within one another"),
    ],
)
def test_any_other_form_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=re.escape(complaint)):
        substitute(text)


def test_a_file_is_replaced_by_what_it_holds_without_the_end_of_its_last_line(
    tmp_path: Path,
) -> None:
    (tmp_path / "token").write_bytes(b"s3$$cr${t}\r\n")

    assert substitute(f"Bearer ${{file:{tmp_path}/token}}!") == "Bearer s3$$cr${t}!"


def test_a_file_that_cannot_be_read_is_named_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"the file .*/none cannot be read: No such file"):
        substitute(f"${{file:{tmp_path}/none}}")


def test_a_files_name_may_look_like_a_default(tmp_path: Path) -> None:
    (tmp_path / "a:-b").write_text("found")

    assert substitute(f"${{file:{tmp_path}/a:-b}}") == "found"


def test_what_was_found_says_where_it_is_from() -> None:
    (reference,) = split("${HOST}")
    assert not isinstance(reference, str)

    assert look_up(reference, ENVIRON).name == "env:HOST"
    assert not look_up(reference, ENVIRON).is_file
