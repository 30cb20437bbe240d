"""Events that are added to panes, and what a plain loop over them says."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from hypothesis import strategies as st

from penstock.pipeline import Column
from penstock.pipeline.panes import Keys

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from penstock.pipeline.panes import Panes, Result

NOW = 1_700_000_000_000_000_000

Name = tuple[tuple[str, Any], ...]


class Event(NamedTuple):
    """What happened: whose, when and how much."""

    service: str | None
    tenant: int | str | bool | float | None
    pane: int
    time: int
    value: float
    kind: int = 0

    @property
    def name(self) -> Name:
        """The key that it counts for."""
        labels = {"service": self.service, "tenant": self.tenant}
        return name_of({key: value for key, value in labels.items() if value is not None})


def name_of(labels: dict[str, Any]) -> Name:
    """Labels as something that can be a key; 1 is neither true nor 1.0."""
    return tuple(sorted((key, repr(value)) for key, value in labels.items()))


VALUES = st.one_of(
    st.integers(-5, 5).map(float),
    st.floats(1e-9, 1e9),
    st.floats(-1e6, -1e-6),
    st.floats(allow_nan=False, allow_infinity=False),
)
EVENTS = st.lists(
    st.builds(
        Event,
        service=st.sampled_from(["a", "b", None]),
        tenant=st.sampled_from([1, "1", True, 1.0, None, "x"]),
        pane=st.sampled_from([-10, 0, 10, 20]),
        time=st.integers(0, 2**62),
        value=VALUES,
        kind=st.integers(0, 2),
    ),
    max_size=60,
)


def column(values: Iterable[Any]) -> Column:
    """A column with a code for every item, so that equal values have several."""
    found = list(values)
    return Column(np.arange(len(found), dtype=np.uint32), found)


def keys(events: list[Event]) -> Keys:
    """By service and tenant."""
    by = {
        "service": column(event.service for event in events),
        "tenant": column(event.tenant for event in events),
    }
    return Keys(len(events), by)


def add(panes: Panes, events: list[Event], **more: Any) -> tuple[int, int]:
    """Add values of events to their panes."""
    columns: dict[str, Any] = {
        "panes": np.array([event.pane for event in events], dtype=np.int64),
        "values": np.array([event.value for event in events], dtype=np.float64),
        "times": np.array([event.time for event in events], dtype=np.int64),
        "classes": np.array([event.kind for event in events], dtype=np.uint8),
    }
    return panes.add(keys(events), now=NOW, **(columns | more))


def add_in_pieces(panes: Panes, events: list[Event], size: int, **more: Any) -> None:
    """The same, so many at once."""
    for piece in pieces(events, size):
        add(panes, piece, **more)


def pieces(events: list[Event], size: int) -> Iterator[list[Event]]:
    """So many of them at once."""
    return (events[at : at + size] for at in range(0, len(events), size))


def grouped(events: Iterable[Event], first: int, last: int) -> dict[Name, list[Event]]:
    """The events of each key that are of panes in between."""
    found = defaultdict(list)
    for event in events:
        if first <= event.pane < last:
            found[event.name].append(event)
    return found


def by_name(result: Result, figures: Iterable[Any]) -> dict[Name, Any]:
    """What a result says of each key."""
    return dict(zip(map(name_of, result.labels()), figures, strict=True))


def expected(groups: dict[Name, list[Event]], of: Callable[[list[Event]], Any]) -> dict[Name, Any]:
    """What a plain function makes of the events of each key."""
    return {name: of(events) for name, events in groups.items()}
