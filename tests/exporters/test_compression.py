"""Compression of request bodies."""

from __future__ import annotations

import gzip
import zlib
from typing import TYPE_CHECKING, Any

import pytest
import zstandard
from pydantic import TypeAdapter, ValidationError

from penstock.exporters import _compression
from penstock.exporters._compression import Compression, CompressionParams

if TYPE_CHECKING:
    from collections.abc import Callable

TEXT = b"the same again and again, " * 1_000
NAME: TypeAdapter[str] = TypeAdapter(Compression)


@pytest.mark.parametrize(
    ("name", "decompress"),
    [("gzip", gzip.decompress), ("deflate", zlib.decompress), ("zstd", zstandard.decompress)],
)
@pytest.mark.parametrize("level", [-1, 0, 1, 9])
def test_what_is_compressed_can_be_decompressed_by_others(
    name: Any, decompress: Callable[[bytes], bytes], level: int
) -> None:
    compressed = CompressionParams(level=level).compressor(name)(TEXT)
    assert len(compressed) < len(TEXT) / 10
    assert decompress(compressed) == TEXT


def test_none_changes_nothing() -> None:
    assert CompressionParams().compressor("none")(TEXT) == TEXT
    assert NAME.validate_python("") == "none"


@pytest.mark.parametrize(("name", "level"), [("gzip", 10), ("deflate", 10), ("zstd", 23)])
def test_a_level_that_does_not_exist_is_refused(name: Any, level: int) -> None:
    with pytest.raises(ValueError, match=f"must be at most {level - 1} for {name}"):
        CompressionParams(level=level).compressor(name)


def test_zstd_without_its_library_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_compression, "find_spec", lambda _name: None)
    with pytest.raises(ValidationError, match=r"pip install 'penstock\[zstd\]'"):
        NAME.validate_python("zstd")
