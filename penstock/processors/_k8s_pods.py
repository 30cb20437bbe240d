"""The pods of a cluster as they are now, found by what resources say of them."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from penstock.processors._k8s_pod import Pod

MAX_PODS = 50_000
"""Pods that are remembered, at some 2 KB each: more than a node or most clusters have."""

Names = tuple[str, ...]
"""By what pods are found: names within their identity."""


class Pods:
    """Remembers pods for a while after they are gone: what they sent may still be on its way."""

    def __init__(self, finds: Iterable[Names], grace: float, clock: Callable[[], float]) -> None:
        self._finds = list(dict.fromkeys(finds))
        self._grace = grace
        self._clock = clock
        self._by_uid: dict[str, Pod] = {}
        self._found: dict[tuple[Names, Names], Pod] = {}
        self._going: deque[tuple[float, str]] = deque()
        self._gone: set[str] = set()
        self.ignored = 0
        """Pods that were too many."""

    def __len__(self) -> int:
        return len(self._by_uid)

    def find(self, names: Names, values: Sequence[Any]) -> Pod | None:
        """The pod whose identity has these values under these names."""
        return self._found.get((names, tuple(values)))

    def replace(self, pods: Sequence[Pod]) -> None:
        """These are all that there are."""
        for uid in self._by_uid.keys() - {pod.uid for pod in pods}:
            self.remove(uid)
        for pod in pods:
            self.put(pod)

    def put(self, pod: Pod) -> None:
        """One is there, or has changed."""
        self._let_go()
        self._gone.discard(pod.uid)
        if pod.uid not in self._by_uid and len(self._by_uid) >= MAX_PODS:
            self.ignored += 1
            return
        self._forget(pod.uid)
        self._by_uid[pod.uid] = pod
        for key in self._keys(pod):
            other = self._found.get(key)
            # The address of a pod that is gone may be another's already.
            if other is None or other.created <= pod.created:
                self._found[key] = pod

    def remove(self, uid: str) -> None:
        """One is gone."""
        self._let_go()
        if uid in self._by_uid and uid not in self._gone:
            self._gone.add(uid)
            self._going.append((self._clock() + self._grace, uid))

    def _let_go(self) -> None:
        now = self._clock()
        while self._going and self._going[0][0] <= now:
            _, uid = self._going.popleft()
            if uid in self._gone:
                self._gone.discard(uid)
                self._forget(uid)

    def _forget(self, uid: str) -> None:
        pod = self._by_uid.pop(uid, None)
        for key in self._keys(pod) if pod else ():
            if self._found.get(key) is pod:
                del self._found[key]

    def _keys(self, pod: Pod) -> Iterable[tuple[Names, Names]]:
        for names in self._finds:
            values = tuple(pod.identity.get(name, "") for name in names)
            if all(values):
                yield names, values
