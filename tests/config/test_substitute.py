from __future__ import annotations

import pytest

from penstock.config.substitute import is_reference, substitute

ENVIRON = {"HOST": "db", "PORT": "5432", "EMPTY": "", "NESTED": "${env:HOST}"}


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
    ],
)
def test_variables_are_replaced_and_two_dollars_are_one(text: str, result: str) -> None:
    assert substitute(text, ENVIRON) == result


def test_what_a_variable_holds_is_not_looked_at_again() -> None:
    assert substitute("${env:NESTED}", ENVIRON) == "${env:HOST}"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("${env:NONE}", "the variable NONE is not set"),
        ("${file:/etc/passwd}", "is not understood"),
        ("${}", "is not understood"),
        ("${env:}", "is not understood"),
        ("${env:A-B}", "is not understood"),
        ("${env:HOST", "without its `}`"),
        ("${env:${HOST}}", "one inside another"),
    ],
)
def test_any_other_form_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        substitute(text, ENVIRON)


def test_only_a_reference_by_itself_takes_its_type_from_its_value() -> None:
    assert is_reference("${env:PORT}")
    assert not is_reference("${env:HOST}:${env:PORT}")
    assert not is_reference("x${env:PORT}")
