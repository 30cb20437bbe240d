"""What flows: an immutable batch of one signal."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeAlias

from penstock import _kernel
from penstock.pipeline.column import Column, Mask

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray
    from typing_extensions import Buffer

    from penstock.pipeline.edits import Edits

__all__ = ["Arrival", "Batch", "Column", "Mask", "Signal"]


class Signal(StrEnum):
    """The kinds of telemetry. Profiles join when their protocol is stable."""

    TRACES = "traces"
    METRICS = "metrics"
    LOGS = "logs"

    @property
    def items(self) -> str:
        """What one item is called in the names of Penstock's own metrics, in the plural."""
        return _ITEMS[self]

    @property
    def unit(self) -> str:
        """The unit that counts its items, as UCUM writes it."""
        return _UNITS[self]

    @property
    def context(self) -> str:
        """What paths to something of an item begin with: `span`, `datapoint` or `log`."""
        return _CONTEXTS[self]


_ITEMS = {Signal.TRACES: "spans", Signal.METRICS: "metric_points", Signal.LOGS: "log_records"}
_CONTEXTS = {Signal.TRACES: "span", Signal.METRICS: "datapoint", Signal.LOGS: "log"}
_UNITS = {Signal.TRACES: "{span}", Signal.METRICS: "{datapoint}", Signal.LOGS: "{record}"}


Arrival: TypeAlias = "Mapping[str, tuple[int, int]]"
"""How a receiver received a batch: items and requests by transport, such as `grpc`."""


class Batch:
    """Spans, data points or log records of one signal, as OTLP bytes with an index.

    Nothing changes a batch: every edit returns a new one, which shares what it did not touch.
    `len()` counts items; a metric's data points are its items.
    """

    __slots__ = ("arrival", "native", "peers", "signal")

    def __init__(
        self,
        native: _kernel.Batch,
        arrival: Arrival | None = None,
        peers: Column | None = None,
    ) -> None:
        self.native = native
        self.peers = peers
        """The address that each item came from, where somebody asks receivers for it. Edits and
        `keep` know it still; what is split, joined or put together anew does not."""
        self.arrival = arrival
        """How it came; on what a receiver received, and on nothing that is made of it."""
        self.signal = Signal(native.signal)

    @classmethod
    def from_otlp(cls, signal: str, *payloads: Buffer) -> Batch:
        """Index the protobuf encodings of `Export…ServiceRequest` messages (OTLP 1.x).

        Raises `MalformedPayload` for bytes that the message's protobuf parser would refuse.
        """
        return cls.concat([cls(_kernel.Batch.from_otlp(signal, payload)) for payload in payloads])

    @classmethod
    def from_json(cls, signal: str, *payloads: Buffer) -> Batch:
        """Read OTLP/JSON: hex ids, integer enums, 64-bit integers as strings or numbers.

        Raises `MalformedPayload` for text that is not a request's JSON encoding.
        """
        return cls.concat([cls(_kernel.Batch.from_json(signal, payload)) for payload in payloads])

    @classmethod
    def concat(cls, batches: Iterable[Batch]) -> Batch:
        """Join batches of one signal, in order; no bytes are copied.

        Raises `ValueError` for none, or for batches of different signals.
        """
        joined = list(batches)
        if len(joined) == 1:
            return joined[0]
        return cls(_kernel.Batch.concat([batch.native for batch in joined]))

    def __len__(self) -> int:
        return len(self.native)

    def __repr__(self) -> str:
        return f"<Batch of {len(self)} {self.signal.items}, {self.nbytes} bytes>"

    @property
    def nbytes(self) -> int:
        """Size of `to_otlp()`."""
        return self.native.nbytes

    def column(self, path: str) -> Column:
        """One value per item, dictionary-coded. `path` is OTTL's, with its context in front:
        `span.name`, `resource.attributes["service.name"]`, `log.severity_text`.

        Raises `ValueError` for a path that the signal does not have.
        """
        import numpy as np

        codes, values = self.native.column(path)
        return Column(np.frombuffer(codes, dtype=np.uint32), values)

    def columns(self, *paths: str) -> list[Column]:
        """A column for each of the paths; several take little longer than one.

        Raises `ValueError` as `column` does.
        """
        import numpy as np

        found = self.native.columns(paths)
        return [Column(np.frombuffer(codes, dtype=np.uint32), values) for codes, values in found]

    def owners(self) -> NDArray[np.uint32]:
        """For each span event, the position of its span: columns whose path begins with `spanevent`
        have one value for each event, and so have masks for edits there."""
        import numpy as np

        return np.frombuffer(self.native.owners(), dtype=np.uint32)

    def parents(self, context: str) -> NDArray[np.uint32]:
        """For each item the number of the message that it is in: `resource`, `scope` or `metric`.

        Raises `ValueError` for what the signal does not have.
        """
        import numpy as np

        return np.frombuffer(self.native.parents(context), dtype=np.uint32)

    def keys(self, path: str) -> list[str]:
        """The distinct keys of the attributes at `path`, such as `span.attributes`, in order of
        first appearance.

        Raises `ValueError` for a path that holds no attributes.
        """
        return self.native.keys(path)

    def repeats(self, path: str) -> bool:
        """Whether a key occurs twice in the attributes at `path` of any item, against OTLP: columns
        have the first only. Setting a key leaves one of it.

        Raises `ValueError` for a path that holds no attributes.
        """
        return self.native.repeats(path)

    def numbers(self, path: str) -> NDArray[Any]:
        """One number per item: int64 for times (Unix nanoseconds), durations (nanoseconds), counts
        and flags; float64, NaN where absent, for values.

        Raises `ValueError` for a path that holds no number.
        """
        import numpy as np

        return np.frombuffer(*self.native.numbers(path))

    def series_ids(self) -> NDArray[np.void]:
        """For each data point the identity of its series: of its resource, scope, metric (name,
        unit, type, temporality) and attributes, in whatever order they are.

        Fields `id`, the same in every process, and `check`, keyed by a secret of this one: series
        are the same only if both are. Raises `ValueError` for a batch of another signal.
        """
        import numpy as np

        return np.frombuffer(self.native.series_ids(), dtype=[("id", "u8"), ("check", "u8")])

    def keep(self, mask: Mask) -> Batch | None:
        """The items where `mask` is true; parents left empty vanish. `None` when none is left."""
        import numpy as np

        wanted = np.ascontiguousarray(mask, dtype=np.bool_).view(np.uint8)
        kept = self.native.keep(wanted.data)
        if not len(kept):
            return None
        if self.peers is None:
            return Batch(kept)
        return Batch(kept, peers=Column(self.peers.codes[mask], self.peers.values))

    def stale(self, time: int) -> Batch:
        """The same data points without their values, of that time in Unix nanoseconds: they say
        that their series are gone (`NoRecordedValue`)."""
        return Batch(self.native.stale(time))

    def set(self, path: str, value: Any, where: Mask | None = None) -> Batch:
        """The batch with `value`, or a `Column` of values, at `path`, where the mask is true.

        Several edits are one write with `edit()`, which says more.
        """
        return self.edit().set(path, value, where).apply()

    def delete(self, path: str, where: Mask | None = None) -> Batch:
        """The batch with nothing at `path`, where the mask is true."""
        return self.edit().delete(path, where).apply()

    def edit(self) -> Edits:
        """Begin edits, which are written together."""
        from penstock.pipeline.edits import Edits

        return Edits(self)

    def compact(self) -> Batch:
        """The same items under as few resources, scopes and metrics as possible: those that say the
        same, byte by byte, become one, where the first of them is."""
        return Batch(self.native.compact())

    def partition(self, codes: NDArray[np.uint32]) -> list[tuple[int, Batch]]:
        """Split by code: one batch for each distinct code, in order of first appearance."""
        import numpy as np

        parts = self.native.partition(np.ascontiguousarray(codes, dtype=np.uint32).data)
        return [(code, Batch(part)) for code, part in parts]

    def split(self, *, max_items: int = 0, max_bytes: int = 0) -> list[Batch]:
        """Consecutive batches within the limits; 0 is no limit.

        An item that is over `max_bytes` by itself comes alone in its batch.
        """
        return [Batch(part) for part in self.native.split(max_items, max_bytes)]

    def rows(self) -> list[dict[str, Any]]:
        """Plain dicts, one per item, with its resource, scope and metric: for documents,
        debugging and tests. Keys are the protobuf field names; ids are hex."""
        return self.native.rows()

    def to_otlp(self) -> bytes:
        """The protobuf encoding of one `Export…ServiceRequest`; untouched bytes are as received."""
        return self.native.to_otlp()

    def to_json(self) -> bytes:
        """The OTLP/JSON encoding of one `Export…ServiceRequest`."""
        return self.native.to_json()

    def to_arrow(self, *paths: str) -> pa.Table:
        """A table for pyarrow with a column for each of `paths`; without any, for what an item
        usually has and for every attribute of items and resources.

        Raises `ValueError` as `column` does, `ModuleNotFoundError` without `penstock[arrow]`.
        """
        from penstock.pipeline.arrow import table

        return table(self, paths)

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """That table for any library that takes Arrow's streams: `polars.DataFrame(batch)`."""
        return self.to_arrow().__arrow_c_stream__(requested_schema)
