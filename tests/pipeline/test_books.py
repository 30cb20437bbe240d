"""Accounts that must balance."""

from penstock.pipeline.books import Books
from penstock.pipeline.telemetry.registry import Counter


def test_an_account_whose_sums_differ_is_a_problem_that_names_every_term() -> None:
    books, sent = Books(), Counter()
    books.open("exporter out", {"taken": lambda: 5}, {"sent": sent, "queued": lambda: 1})
    sent.add(3)
    assert books.problems() == ["exporter out: taken 5 != sent 3 + queued 1"]
    sent.add(1)
    assert books.problems() == []


def test_a_place_that_nothing_leads_to_has_taken_nothing() -> None:
    books = Books()
    books.open("pipeline lost", {}, {"taken": lambda: 1})
    assert books.problems() == ["pipeline lost: 0 != taken 1"]
