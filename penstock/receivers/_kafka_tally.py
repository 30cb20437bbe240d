"""What the `kafka` receiver counts, and what becomes of messages that cannot be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.pipeline.faults import FaultLog
from penstock.pipeline.telemetry.registry import Level

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from penstock.pipeline import Context, Signal
    from penstock.receivers._kafka_letters import Letters
    from penstock.receivers._kafka_reading import Bad


class Tally:
    """Counts, and keeps or at least names what is not taken."""

    def __init__(self, context: Context, letters: Letters | None) -> None:
        self.faults = FaultLog(context.logger)
        self._context = context
        self._letters = letters
        counter, receiver = context.telemetry.counter, context.id
        self.invalid = counter(
            "penstock_receiver_dropped_items",
            "Items taken over that no stage took.",
            "{item}",
            Level.BASIC,
            receiver=receiver,
            reason="invalid",
        )
        self._malformed = counter(
            "penstock_receiver_dropped_messages",
            "Messages that cannot be read, by reason.",
            "{message}",
            Level.BASIC,
            receiver=receiver,
            reason="malformed",
        )
        self._kept = counter(
            "penstock_receiver_dead_letter_messages",
            "Messages that cannot be read and are kept in a file.",
            "{message}",
            Level.BASIC,
            receiver=receiver,
        )

    async def bad(self, bad: Sequence[Bad]) -> None:
        """Count, name and keep messages that cannot be read."""
        self._malformed.add(len(bad))
        message, fault = bad[0]
        place = f"topic {message.topic}, partition {message.partition}, offset {message.offset}"
        self.faults.report("Dropped messages that cannot be read", len(bad), f"{place}: {fault}")
        if self._letters is None:
            return
        try:
            await self._letters.keep(bad)
        except OSError as error:
            why = f"cannot write to dead_letter.directory: {error.strerror}"
            self.faults.report("Lost, since dead letters cannot be kept", len(bad), why)
        else:
            self._kept.add(len(bad))

    def show_lag(self, signal: Signal, lag: Callable[[], int]) -> None:
        """Let `lag` answer for a signal's messages that are to be taken yet."""
        self._context.telemetry.gauge(
            "penstock_receiver_lag_messages",
            "Messages that a consumer of Kafka has yet to take.",
            lag,
            "{message}",
            Level.BASIC,
            receiver=self._context.id,
            data_type=signal.value,
        )
