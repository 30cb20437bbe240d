"""What is pushed for Prometheus, as data points of a group."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

import numpy as np

from penstock._kernel import MalformedPayload, Samples
from penstock.prometheus.labels import NAME
from penstock.receivers._posts import Turned
from penstock.receivers._push_bodies import SCOPE, malformed
from penstock.receivers._samples import BYTES_PER_SAMPLE, column, points, told

if TYPE_CHECKING:
    from collections.abc import Mapping

    from penstock.pipeline import Batch

TIME = "datapoint.time_unix_nano"

PUSHED, FAILED = "push_time_seconds", "push_failure_time_seconds"
"""What the Pushgateway tells of each group, whatever is pushed under these names."""

_HELP = {
    PUSHED: "Last Unix time when changing this group in the Pushgateway succeeded.",
    FAILED: "Last Unix time when changing this group in the Pushgateway failed.",
}

_REASONS = {
    "duplicate": "a series comes twice",
    "misplaced": "a sample has a name or labels that make no sense for its type",
    "inconsistent": "the counts of a histogram contradict each other",
}


class InconsistentError(Exception):
    """What was pushed contradicts itself, or what other groups have."""


def exposed(
    body: bytes, format_: str, most: int, labels: Mapping[str, str], now: int
) -> Batch | None:
    """The points of a push, all of the time `now` in Unix nanoseconds; `None` for none. It may have
    `most` bytes of samples.

    Raises `Turned` for what is no exposition, and `InconsistentError`.
    """
    limit = max(most // BYTES_PER_SAMPLE, 1)
    try:
        samples = Samples.parse(body, format_, max_samples=limit, native=True, classic=False)
    except MalformedPayload as error:
        raise malformed(error) from error
    ours = column(samples, NAME).isin([PUSHED, FAILED])
    if ours.any():
        samples.keep((~ours).view(np.uint8).data)
    return _grouped(samples, labels, now)


def times(pushed: float, failed: float, labels: Mapping[str, str], now: int) -> Batch:
    """The points that tell of a group when it was pushed, and when that failed."""
    lines = (
        f"# HELP {name} {_HELP[name]}\n# TYPE {name} gauge\n{name} {seconds!r}\n"
        for name, seconds in ((PUSHED, pushed), (FAILED, failed))
    )
    batch = _grouped(Samples.parse("".join(lines).encode(), "text", max_samples=2), labels, now)
    assert batch is not None, "it has points"
    return batch


def _grouped(samples: Samples, labels: Mapping[str, str], now: int) -> Batch | None:
    """The points, with the labels of the group instead of what they have under those names."""
    if not len(samples):
        return None
    for name, value in labels.items():
        samples.set(name, np.zeros(len(samples), dtype=np.uint32).data, [value])
    batch, dropped = points(samples, told(samples), _resource, SCOPE[0], now)
    wrong = next((reason for reason, count in dropped.items() if count), None)
    if wrong:
        raise InconsistentError(_REASONS[wrong])
    if batch is not None and (batch.numbers(TIME) != now).any():
        msg = "pushed metrics must not have timestamps"
        raise Turned(HTTPStatus.BAD_REQUEST, msg, "malformed")
    return batch


def _resource(job: str, instance: str) -> dict[str, str]:
    attributes = {"service.name": job, "service.instance.id": instance}
    return {name: value for name, value in attributes.items() if value}
