from __future__ import annotations

from penstock.config.problems import (
    MAX_SHOWN,
    Fault,
    Place,
    choices,
    dotted,
    fault_error,
    hint,
    report,
)


def test_report_is_in_the_order_of_the_sources_and_aligned() -> None:
    faults = [
        Fault(Place(31, 20, "b"), ("pipelines", "metrics", "processors", 1), "late"),
        Fault(Place(4, 5, "b"), ("processors", "x"), "early"),
        Fault(Place(1, 1, "included"), (), "last"),
        Fault(Place(7, 1, "a"), (), "second"),
    ]

    assert str(fault_error(faults, ["b", "a"])) == (
        "b: 2 problems\n"
        "  4:5    processors.x: early\n"
        "  31:20  pipelines.metrics.processors[1]: late\n"
        "a: 1 problem\n"
        "  7:1  second\n"
        "included: 1 problem\n"
        "  1:1  last"
    )


def test_report_of_very_many_faults_counts_those_it_does_not_show() -> None:
    lines = report([Fault(Place(n, 1, "f"), (), "x") for n in range(1, MAX_SHOWN + 8)]).splitlines()

    assert lines[0] == "f: 107 problems"
    assert lines[-1] == "  and 7 more"
    assert len(lines) == MAX_SHOWN + 2


def test_path_has_dots_for_keys_and_brackets_for_indexes() -> None:
    assert dotted(("a", "b/c", 0, "d")) == "a.b/c[0].d"


def test_hint_is_given_only_where_a_name_is_near() -> None:
    assert hint("max_serie", ["max_series", "mode"]) == "; did you mean `max_series`?"
    assert hint("volcano", ["max_series", "mode"]) == ""


def test_choices_are_listed_where_no_name_is_near() -> None:
    assert choices("volcano", ["a", "b", "c"]) == "; expected a, b or c"
    assert choices("volcano", ["a"]) == "; expected a"
    assert choices("volcano", []) == "; expected none"
