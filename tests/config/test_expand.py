"""Values have the types that `confmap` of the Collector gives them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from penstock.config.document import Mapping, Scalar, find, plain
from penstock.config.expand import Expander
from penstock.config.parse import UnreadableError, parse
from penstock.config.sources import Source

if TYPE_CHECKING:
    from pathlib import Path


def expand(text: str, **environ: str) -> tuple[Mapping, list[str]]:
    node, _ = parse(Source("f", text))
    assert isinstance(node, Mapping)
    expander = Expander(environ)
    return expander.expand(node), [fault.line for fault in expander.faults]


def value(text: str, **environ: str) -> Any:
    root, faults = expand(f"a: {text}", **environ)
    assert faults == []
    return plain(root)["a"]


@pytest.mark.parametrize(
    ("held", "typed"),
    [
        ("042", 42),
        ("1.5", 1.5),
        ("true", True),
        ("", None),
        ("text", "text"),
        ("a: b: c", "a: b: c"),
        ('"042"', '"042"'),
        ("text # and more", "text # and more"),
        ("{unbalanced", "{unbalanced"),
        ("[a, 2]", ["a", 2]),
        ("{a: 1}", {"a": 1}),
        ("a: 1\nb: [x]", {"a": 1, "b": ["x"]}),
        ("{a: 1, a: 2}", "{a: 1, a: 2}"),
        ("!!python/name:x", "!!python/name:x"),
        ("- 5", [5]),
        ("-5", -5),
        ("$HOME ${X}", "$HOME ${X}"),
    ],
)
def test_a_variable_by_itself_has_the_type_of_its_yaml(held: str, typed: Any) -> None:
    assert value("${env:X}", X=held) == typed
    assert value("'${env:X}'", X=held) == typed
    assert value("${env:NONE:-${X}}", X=held) == typed


def test_in_the_middle_of_quotes_it_is_text() -> None:
    assert value("'1${env:X}'", X="2") == "12"
    assert value("'x${env:X}'", X="[a]") == "x[a]"


def test_where_it_is_expanded_in_plain_text_the_whole_has_its_type() -> None:
    assert value("${env:X}m", X="5") == "5m"
    assert value("1${env:X}", X="0") == 10


def test_the_text_of_what_became_a_mapping_is_kept_for_options_that_want_text() -> None:
    root, _ = expand("a: ${env:X}", X="{a: 1}")
    node = find(root, ("a",))

    assert isinstance(node, Mapping)
    assert node.text == "{a: 1}"


def test_what_variables_hold_is_never_taken_for_text_of_the_file() -> None:
    root, _ = expand("a: ${env:X}", X="{b: [hunter2]}")
    node = find(root, ("a", "b", 0))

    assert isinstance(node, Scalar)
    assert (node.source, node.value, node.substituted) == ("${env:X}", "hunter2", True)


def test_a_file_with_one_value_has_its_type_and_is_not_looked_at_again(tmp_path: Path) -> None:
    (tmp_path / "n").write_text("5\n")
    (tmp_path / "t").write_text("pa$$${env:X}\n")

    assert value(f"${{file:{tmp_path}/n}}") == 5
    assert value(f"${{file:{tmp_path}/t}}") == "pa$$${env:X}"


def test_a_file_with_settings_has_references_and_places_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text("b:\n  - ${env:X}\n  - ${env:NONE}\n")

    root, faults = expand(f"a: ${{file:{tmp_path}/x.yaml}}", X="7")

    assert plain(root) == {"a": {"b": [7, "${env:NONE}"]}}
    (fault,) = faults
    assert fault.startswith(f"{tmp_path}/x.yaml:3:5: a.b[1]: the variable NONE is not set;")


def test_a_file_that_is_no_yaml_is_text_unless_its_name_says_otherwise(tmp_path: Path) -> None:
    for name in ("password", "settings.yaml"):
        (tmp_path / name).write_text("{abc")

    assert value(f"${{file:{tmp_path}/password}}") == "{abc"
    with pytest.raises(UnreadableError):
        value(f"${{file:{tmp_path}/settings.yaml}}")


def test_nesting_is_bounded_across_files(tmp_path: Path) -> None:
    (tmp_path / "deep.yaml").write_text("[" * 40 + "1" + "]" * 40)

    root, _ = expand(f"a: {'[' * 20}'${{file:{tmp_path}/deep.yaml}}'{']' * 20}")
    assert "1" in repr(root)
    with pytest.raises(UnreadableError) as raised:
        expand(f"a: {'[' * 30}'${{file:{tmp_path}/deep.yaml}}'{']' * 30}")
    assert raised.value.faults[-1].message == "nested more than 64 levels deep"


def test_text_from_outside_is_bounded_in_all() -> None:
    text = "a: [" + "'${env:X}'," * 100 + "]"

    expand(text, X="x" * 40_000)
    with pytest.raises(UnreadableError) as raised:
        expand(text, X="x" * 50_000)
    assert raised.value.faults[-1].message == "over 4 MiB of text from outside"


def test_a_reference_that_fails_leaves_its_text_and_does_not_hide_the_next() -> None:
    root, faults = expand("a: ${env:A}\nb: ${env:B}")

    assert plain(root) == {"a": "${env:A}", "b": "${env:B}"}
    assert [line.partition(";")[0] for line in faults] == [
        "f:1:4: a: the variable A is not set",
        "f:2:4: b: the variable B is not set",
    ]
