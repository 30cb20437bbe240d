"""Which topics are consumed: names, and regular expressions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener

PATTERN = "^"
"""What a topic begins with that is a regular expression."""


class Subscribed:
    """The topics that are consumed."""

    def __init__(self, topics: Sequence[str], excluded: Sequence[str]) -> None:
        self._topics = [topic for topic in topics if not topic.startswith(PATTERN)]
        patterns = [topic for topic in topics if topic.startswith(PATTERN)]
        self.pattern = _one(patterns, self._topics, excluded) if patterns else None

    def subscribe(self, consumer: AIOKafkaConsumer, listener: ConsumerRebalanceListener) -> None:
        """Have the consumer read them."""
        if self.pattern:
            consumer.subscribe(pattern=self.pattern, listener=listener)
        else:
            consumer.subscribe(self._topics, listener=listener)

    def ask(self, consumer: AIOKafkaConsumer) -> None:
        """Have the consumer look again for what is not there yet."""
        if any(consumer.partitions_for_topic(topic) is None for topic in self._topics):
            consumer._client.force_metadata_update()  # noqa: SLF001  (nothing else does)


def _one(patterns: Iterable[str], topics: Iterable[str], excluded: Iterable[str]) -> str:
    """A regular expression of all that is wanted and not left out."""
    names = [f"^{re.escape(topic)}$" for topic in topics]
    wanted = "|".join(f"(?:{each})" for each in [*patterns, *names])
    without = "|".join(f"(?:{each})" for each in excluded)
    return f"(?!.*(?:{without}))(?:{wanted})" if without else f"(?:{wanted})"
