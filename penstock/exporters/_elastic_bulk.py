"""The bulk API: what its answers say of every item."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import orjson

from penstock._kernel import bulk_outcomes
from penstock.exporters._answers import retry_after
from penstock.exporters._client import quote
from penstock.exporters._http import name_of
from penstock.pipeline import Permanent, Rejected, Retryable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from penstock.exporters._http import Answer
    from penstock.pipeline import Batch

DELIVERED, REJECTED, LATER = 0, 1, 2
"""What becomes of an item, the worst of its documents last."""

FILTER = "items.*.status,items.*.error.type,items.*.error.reason,items.*.error.caused_by.reason"
"""What an answer tells (`filter_path`): not where each document went."""

_CONFLICT, _TOO_MANY, _FIRST_FAILURE, _FIRST_FAULT = 409, 429, 300, 500

_REMEDIES = {
    401: "check user and password, api_key or auth",
    403: "give these credentials the index privileges create_doc and auto_configure",
    404: "check the path of the endpoint",
    405: "check the path of the endpoint",
}


class Body(NamedTuple):
    """A request: its bytes, how many documents it has, and pairs of an item and the place of a
    document of it."""

    data: bytes
    documents: int
    items: NDArray[np.uint32]
    places: NDArray[np.uint32]


class Outcome:
    """What became of every item of a batch."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self.verdicts = np.zeros(len(batch), dtype=np.uint8)
        self._told = np.zeros(len(batch), dtype=np.bool_)
        self._reasons: dict[int, str] = {}
        self._after: float | None = None

    def put(self, items: NDArray[np.integer], verdict: int, reason: str) -> None:
        """These items had that verdict."""
        self._told[items] = True
        self.verdicts[items] = np.maximum(self.verdicts[items], verdict)
        self._reasons.setdefault(verdict, reason)

    def later(self, items: NDArray[np.integer], fault: Retryable) -> None:
        """These are to be sent again."""
        self.put(items, LATER, str(fault))
        self._after = max(self._after or 0.0, fault.after) if fault.after else self._after

    def rest_later(self, fault: Retryable) -> None:
        """Those of which nothing is known are to be sent again."""
        self.later(np.flatnonzero(~self._told), fault)

    def put_part(self, items: NDArray[np.integer], part: Outcome) -> None:
        """What became of a part of the batch: of these items."""
        self._told[items] = True
        self.verdicts[items] = np.maximum(self.verdicts[items], part.verdicts)
        self._reasons = part._reasons | self._reasons
        self._after = self._after or part._after

    def read(self, body: Body, answer: Answer) -> None:
        """Note what an answer says of each document. Raises `Retryable` for one that says not."""
        outcomes = bulk_outcomes(answer.body) if answer.body else None
        statuses = np.frombuffer(outcomes[0] if outcomes else b"", dtype=np.uint16)
        if outcomes is None or len(statuses) != body.documents:
            where = name_of(answer.response.url)
            msg = f"{where}: the answer does not tell what became of {body.documents} documents"
            raise Retryable(msg)
        verdicts = _verdicts(statuses)
        self._told[body.items] = True
        np.maximum.at(self.verdicts, body.items, verdicts[body.places])
        for status, kind, reason in outcomes[1]:
            verdict = int(_verdicts(np.array([status], dtype=np.uint16))[0])
            self._reasons.setdefault(verdict, f"{status} {quote(f'{kind}: {reason}')}")

    def settle(self) -> Rejected | None:
        """The end of the attempt. Raises `Retryable` and `Permanent` as an exporter does."""
        rejected = self._rejected()
        if (self.verdicts == LATER).any():
            left = self._batch.keep(self.verdicts == LATER)
            reason = self._reasons.get(LATER, "the server gave no reason")
            raise Retryable(reason, after=self._after, remaining=left, rejected=rejected)
        if rejected and rejected.items == len(self._batch):
            raise Permanent(rejected.reason)
        return rejected

    def _rejected(self) -> Rejected | None:
        mask = self.verdicts == REJECTED
        if not mask.any():
            return None
        reason = self._reasons.get(REJECTED, "the server gave no reason")
        return Rejected(int(mask.sum()), reason, self._batch.keep(mask))


def _verdicts(statuses: NDArray[np.uint16]) -> NDArray[np.uint8]:
    """A conflict is about an id that is there already: the document has arrived before."""
    verdicts = np.full(len(statuses), DELIVERED, dtype=np.uint8)
    verdicts[(statuses >= _FIRST_FAILURE) & (statuses != _CONFLICT)] = REJECTED
    verdicts[(statuses == _TOO_MANY) | (statuses >= _FIRST_FAULT) | (statuses == 0)] = LATER
    return verdicts


def refusal(answer: Answer) -> Retryable | Permanent:
    """What it means that a whole request was refused."""
    response = answer.response
    words = _words(answer.body or b"") or quote(response.reason or "")
    reason = f"{name_of(response.url)}: {response.status} {words}".rstrip()
    if response.status == _TOO_MANY or response.status >= _FIRST_FAULT:
        return Retryable(reason, after=retry_after(response.headers.get("Retry-After")))
    remedy = _REMEDIES.get(response.status)
    return Permanent(f"{reason}; {remedy}" if remedy else reason)


def wrong_media_type(answer: Answer) -> bool:
    """Whether a whole request was refused for the types that it and its answer should have, as
    OpenSearch does, and Elasticsearch from two versions on."""
    status = answer.response.status
    if status == HTTPStatus.BAD_REQUEST:
        return b"media_type_header_exception" in (answer.body or b"")
    return status in {HTTPStatus.NOT_ACCEPTABLE, HTTPStatus.UNSUPPORTED_MEDIA_TYPE}


def _words(body: bytes) -> str:
    """The reason in an error of Elasticsearch, which is an object or a text."""
    try:
        error = orjson.loads(body)["error"]
    except (ValueError, LookupError, TypeError):
        return ""
    told = error.get("reason", "") if isinstance(error, dict) else error
    return quote(str(told))
