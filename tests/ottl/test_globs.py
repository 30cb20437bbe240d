"""Globs."""

from __future__ import annotations

import pytest

from penstock.ottl.globs import compiled


@pytest.mark.parametrize(
    ("glob", "separator", "hits", "misses"),
    [
        ("db.*", ".", ["db.name", "db."], ["db", "db.x.name", "dbx"]),
        ("db.**.name", ".", ["db.x.name", "db.x.y.name"], ["db.name", "db.x.names"]),
        ("k8s.p?d", ".", ["k8s.pod"], ["k8s.p.d", "k8s.pd"]),
        ("{a,b}.[x-z]", ".", ["a.x", "b.z"], ["a.w", "c.x"]),
        ("db.*", "", ["db.x.name"], ["db"]),
        ("**", "", ["a.b", ""], []),
        ("a\\*[!b]", "", ["a*c"], ["aac", "a*b"]),
    ],
)
def test_a_glob_stands_for_whole_texts(
    glob: str, separator: str, hits: list[str], misses: list[str]
) -> None:
    found = compiled(glob, separator).found([*hits, *misses])
    assert found == [True] * len(hits) + [False] * len(misses)
