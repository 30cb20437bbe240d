"""Arrays as the kernel takes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@overload
def buffer(values: NDArray[Any], dtype: type[Any]) -> memoryview: ...
@overload
def buffer(values: None, dtype: type[Any]) -> None: ...
def buffer(values: NDArray[Any] | None, dtype: type[Any]) -> memoryview | None:
    """The elements as that type, one after the other; `None` of `None`."""
    return None if values is None else np.ascontiguousarray(values, dtype=dtype).data
