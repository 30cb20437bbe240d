"""What a delivery counts: one exporter's batches of one signal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.pipeline.telemetry.registry import BATCH_BYTES, BATCH_ITEMS, Histogram, Level

if TYPE_CHECKING:
    from collections.abc import Callable

    from penstock.pipeline.batch import Batch, Signal
    from penstock.pipeline.telemetry.registry import Counter, Telemetry


class DeliveryMetrics:
    """The counters of a delivery, and the sizes of the batches that it takes and sends."""

    def __init__(self, telemetry: Telemetry, exporter: str, signal: Signal) -> None:
        self._telemetry = telemetry
        self._shown: list[tuple[str, Callable[[], float]]] = []
        self._labels = {"exporter": exporter, "data_type": signal}
        self.enqueue_failed = telemetry.counter(
            f"otelcol_exporter_enqueue_failed_{signal.items}",
            "Items that the sending queue refused.",
            signal.unit,
            exporter=exporter,
        )
        self.enqueued = telemetry.counter(
            "penstock_exporter_enqueued_items",
            "Items taken for delivery.",
            "{item}",
            Level.NORMAL,
            **self._labels,
        )
        self.returned = telemetry.counter(
            "penstock_exporter_returned_items",
            "Items taken for delivery and given back to a sender that waited for the outcome.",
            "{item}",
            Level.NORMAL,
            **self._labels,
        )
        self._enqueue_size = self._sizes("enqueue_size", "taken into the sending queue")

    def show_work(self, queued: Callable[[], float], in_flight: Callable[[], float]) -> None:
        """Show what is held and what is being sent."""
        self._show(
            "penstock_exporter_queued_items",
            "Items that wait, are being batched or are being sent.",
            queued,
            "{item}",
            Level.NORMAL,
        )
        self._show(
            "otelcol_exporter_in_flight_requests",
            "Batches that are being sent, or wait to be sent again.",
            in_flight,
            "{request}",
        )

    def show_queue(self, size: Callable[[], float], capacity: int) -> None:
        """Show how full the queue is, both in the unit of its sizer."""
        for name, meaning, read in (
            ("queue_size", "What the sending queue holds, in the unit of its sizer.", size),
            (
                "queue_capacity",
                "What the sending queue holds at most, in the unit of its sizer.",
                lambda: capacity,
            ),
        ):
            self._show(f"otelcol_exporter_{name}", meaning, read, "{batch}")

    def show_batches(self) -> Callable[[Batch], None]:
        """Show how large the batches are that the queue makes; returns what is told of each."""
        sizes = self._sizes("queue_batch_send_size", "made of what was queued")
        return lambda batch: _record(sizes, batch)

    def rerouted(self) -> Counter:
        """What counts the items that went another way, since endpoints came or went."""
        return self._telemetry.counter(
            "penstock_exporter_rerouted_items",
            "Items that were queued when endpoints came or went, and routed anew.",
            "{item}",
            **self._labels,
        )

    def end(self) -> None:
        """Show no more what is held: nothing is, and nothing will be."""
        for name, read in self._shown:
            self._telemetry.forget(name, read)

    def took(self, batch: Batch) -> None:
        """The queue took `batch`."""
        _record(self._enqueue_size, batch)

    def _show(
        self,
        name: str,
        meaning: str,
        read: Callable[[], float],
        unit: str,
        level: Level = Level.BASIC,
    ) -> None:
        self._telemetry.gauge(name, meaning, read, unit, level, **self._labels)
        self._shown.append((name, read))

    def _sizes(self, name: str, what: str) -> tuple[Histogram, Histogram]:
        histogram, full = self._telemetry.histogram, f"otelcol_exporter_{name}"
        return (
            histogram(full, f"Items in batches {what}.", "{item}", BATCH_ITEMS, **self._labels),
            histogram(
                f"{full}_bytes", f"Bytes of batches {what}.", "By", BATCH_BYTES, **self._labels
            ),
        )


def _record(sizes: tuple[Histogram, Histogram], batch: Batch) -> None:
    items, size = sizes
    items.record(len(batch))
    size.record(batch.nbytes)
