"""How the body of a request is compressed."""

from __future__ import annotations

import zlib
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, BeforeValidator, Field

from penstock.pipeline.component import ComponentConfig

if TYPE_CHECKING:
    from collections.abc import Callable

LARGE = 65_536
"""Bytes from which compressing is a thread's work: it takes 2 to 10 ns a byte, and what holds the
event loop for half a millisecond delays everyone's answers."""

_HIGHEST_LEVEL = {"gzip": 9, "deflate": 9, "zstd": 22}

_DEFAULT_LEVEL = 1
"""The usual ones, zlib's 6 and zstd's 3, take twice the CPU for 10 and 4 % fewer bytes of spans."""


def _is_installed(compression: object) -> object:
    if compression == "zstd" and find_spec("zstandard") is None:
        msg = "zstd needs a library that is not installed: pip install 'penstock[zstd]'"
        raise ValueError(msg)
    return "none" if compression == "" else compression


Compression = Annotated[
    Literal["gzip", "zstd", "deflate", "none"],
    BeforeValidator(
        _is_installed, json_schema_input_type=Literal["gzip", "zstd", "deflate", "none", ""]
    ),
]
"""The name of a compression, as in `Content-Encoding`."""

ZstdOrNone = Annotated[Literal["zstd", "none"], BeforeValidator(_is_installed)]
"""The same where there is no other choice."""


class CompressionParams(BaseModel):
    """How hard to compress."""

    model_config = ComponentConfig.model_config

    level: int = Field(default=0, ge=-1)
    """From 1, the fastest, to 9 for gzip and deflate and 22 for zstd. 0 and -1 are the default,
    which is 1."""

    def compressor(self, compression: Compression) -> Callable[[bytes], bytes]:
        """A function that compresses. Raises `ValueError` for a level that does not exist."""
        if compression == "none":
            return bytes
        highest = _HIGHEST_LEVEL[compression]
        if self.level > highest:
            msg = f"compression_params.level must be at most {highest} for {compression}"
            raise ValueError(msg)
        level = self.level if self.level > 0 else _DEFAULT_LEVEL
        return _zstd(level) if compression == "zstd" else _zlib(level, gzip=compression == "gzip")


def _zlib(level: int, *, gzip: bool) -> Callable[[bytes], bytes]:
    return partial(zlib.compress, level=level, wbits=zlib.MAX_WBITS + (16 if gzip else 0))


def _zstd(level: int) -> Callable[[bytes], bytes]:
    import zstandard

    return partial(zstandard.compress, level=level)
