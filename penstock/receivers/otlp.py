"""Receive OTLP over gRPC and HTTP: traces, metrics and logs, protobuf and JSON."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING

from pydantic import model_validator

from penstock._kernel import Intake, Tls
from penstock.config.types import HostPort, Section
from penstock.pipeline import (
    Batch,
    Column,
    Consume,
    Context,
    Invalid,
    Receiver,
    ReceiverConfig,
    Refused,
    Signal,
    StartError,
)
from penstock.pipeline.delivery.custody import Custody
from penstock.pipeline.exposure import warn_if_exposed
from penstock.receivers._gate import Gatekeeper
from penstock.receivers._listener import MIB, Admission, Grpc, Http

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Self

    from penstock._kernel import Gate, Group
    from penstock.config.tls import Identity, ServerTLS
    from penstock.pipeline.auth import ServerAuth

GRPC_METHODS = {
    Signal.TRACES: "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
    Signal.METRICS: "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
    Signal.LOGS: "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
}

MAX_CREDIT = 4 * MIB
"""Bytes whose senders may be answered before the next stage has them: some requests of each of many
senders, and a small part of what the process takes."""

STOP_GRACE = 5.0
"""Seconds that open requests have to be answered once the receiver is told to stop."""


_DELAYS = frozenset({"accept_failed", "connection_limit"})
"""Counters of the server that are not about requests."""


class Protocols(Section):
    """Which protocols to serve: those that are named."""

    grpc: Grpc | None = None
    """OTLP/gRPC."""
    http: Http | None = None
    """OTLP/HTTP, protobuf and JSON."""

    @model_validator(mode="before")
    @classmethod
    def _named_is_enabled(cls, value: object) -> object:
        """`grpc:` with nothing after it means gRPC with its defaults, as in the Collector."""
        if isinstance(value, dict):
            return {name: {} if settings is None else settings for name, settings in value.items()}
        return value

    @model_validator(mode="after")
    def _some_protocol(self) -> Self:
        if self.grpc is None and self.http is None:
            msg = "expected at least one of grpc and http"
            raise ValueError(msg)
        return self


class Config(ReceiverConfig):
    """Options of the `otlp` receiver."""

    protocols: Protocols
    """Which protocols to serve, and where."""
    admission: Admission = Admission()
    """How much may wait inside the receiver."""

    @model_validator(mode="after")
    def _one_request_fits(self) -> Self:
        grpc, http = self.protocols.grpc or Grpc(), self.protocols.http or Http()
        largest = max(grpc.max_recv_msg_size_mib, -(-http.max_request_body_size // MIB))
        if self.admission.request_limit_mib < largest:
            msg = (
                f"admission.request_limit_mib ({self.admission.request_limit_mib}) must not be "
                f"less than the largest request ({largest} MiB), which would never be taken"
            )
            raise ValueError(msg)
        return self

    def build(self, context: Context) -> Receiver:
        """The receiver these settings describe."""
        return Otlp(self, context)


class Otlp(Receiver):
    """Takes what has arrived since it last looked as one batch, whose verdict answers all."""

    transports = ("grpc", "http")

    def __init__(self, config: Config, context: Context) -> None:
        self._config = config
        self._context = context
        self._intake: Intake | None = None
        self._gatekeepers: dict[str, Gatekeeper] = {}
        self._watches: list[asyncio.Task[None]] = []
        self.ports: dict[str, int] = {}

    async def start(self, consume: Consume) -> None:
        """Listen on every configured address. Raises `StartError` where one cannot be had."""
        protocols = self._config.protocols
        grpc, http = protocols.grpc or Grpc(), protocols.http or Http()
        intake = Intake(
            routes={**self._grpc_routes(), **self._http_routes(http)},
            max_grpc_bytes=grpc.max_recv_msg_size_mib * MIB,
            max_http_bytes=http.max_request_body_size,
            max_waiting_bytes=self._config.admission.request_limit_mib * MIB,
        )
        for name, settings in (("grpc", protocols.grpc), ("http", protocols.http)):
            if settings is not None:
                self.ports[name] = self._listen(intake, settings)
        self._intake = intake
        self._observe(intake)
        welcome = partial(self._welcome, intake)
        welcome(True)  # noqa: FBT003  (an answer to a question)
        self._custody = Custody(consume, self._context, welcome)
        take = partial(self._take, intake, self._custody, consume)
        asyncio.get_running_loop().add_reader(intake.fileno(), take)
        self._take_the_rest = take
        intake.start()

    async def stop(self) -> None:
        """Stop listening; what has been received is answered first."""
        while self._watches:
            self._watches.pop().cancel()
        intake, self._intake = self._intake, None
        if intake is not None:
            try:
                await asyncio.to_thread(intake.stop, STOP_GRACE)
            finally:  # also when the stop is cut short: nobody could take what still comes
                asyncio.get_running_loop().remove_reader(intake.fileno())
            self._take_the_rest()
            await self._custody.end()
        while self._gatekeepers:
            self._gatekeepers.popitem()[1].close()

    def warn(self, signal: Signal, text: str, seconds: float) -> None:
        """Say `text` with every success, as a partial success that rejects nothing."""
        if self._intake is not None:
            self._intake.warn(signal, text, seconds)

    def _grpc_routes(self) -> dict[str, str]:
        return {GRPC_METHODS[signal]: signal for signal in self._context.signals}

    def _http_routes(self, http: Http) -> dict[str, str]:
        return {http.path(signal): signal for signal in self._context.signals}

    def _listen(self, intake: Intake, listener: Grpc | Http) -> int:
        """Returns the port, 0 for a unix socket."""
        gate = self._gatekeeper(listener.auth).gate if listener.auth else None
        tls = self._tls(listener.tls) if listener.tls else None
        try:
            port = self._open(intake, listener, gate, tls)
        except OSError as error:
            msg = f"{self._context.id}: cannot listen on {listener.endpoint}: {error}"
            raise StartError(msg) from error
        if isinstance(listener.endpoint, HostPort):
            protected = bool(gate or tls)
            warn_if_exposed(self._context.logger, listener.endpoint, protected=protected)
        return port

    def _open(
        self, intake: Intake, listener: Grpc | Http, gate: Gate | None, tls: Tls | None
    ) -> int:
        place, terms = listener.endpoint, listener.terms(tls)
        if isinstance(place, HostPort):
            return intake.listen(place.host, place.port, gate, terms, family=listener.family)
        permissions = int(listener.socket_permissions, 8)
        intake.listen_unix(place.path, gate, terms, permissions=permissions)
        return 0

    def _tls(self, settings: ServerTLS) -> Tls:
        owner = self._context.id
        identity = settings.read(owner)
        with _blaming(owner):
            tls = Tls(
                *identity,
                system_authorities=settings.include_system_ca_certs_pool,
                min_version=settings.min_version,
                max_version=settings.max_version,
                cipher_suites=settings.cipher_suites,
                curves=settings.curve_preferences,
            )

        def renew(identity: Identity) -> None:
            with _blaming(owner):
                tls.renew(*identity)

        if settings.reloads:
            watch = settings.watch(owner, self._context.logger, identity, renew)
            self._watches.append(self._context.tasks.create_task(watch))
        return tls

    def _gatekeeper(self, auth: ServerAuth) -> Gatekeeper:
        if auth.authenticator not in self._gatekeepers:
            keeper = Gatekeeper(auth.find(self._context), self._context)
            self._gatekeepers[auth.authenticator] = keeper
        return self._gatekeepers[auth.authenticator]

    def _observe(self, intake: Intake) -> None:
        """Show what the server counts by itself."""
        observe = partial(self._context.telemetry.observe, receiver=self._context.id)
        observe(
            "penstock_receiver_connections",
            "Connections that the server accepted.",
            lambda: intake.stats()["connections"],
            "{connection}",
        )
        for reason in _DELAYS:
            observe(
                "penstock_receiver_delayed_connections",
                "Times that the server could not accept connections for a while, by reason.",
                _reading(intake.stats, reason),
                "{time}",
                reason=reason,
            )
        for reason in intake.stats().keys() - {"connections", *_DELAYS}:
            observe(
                "penstock_receiver_turned_away_requests",
                "Requests that the server answered with an error by itself, by reason.",
                _reading(intake.stats, reason),
                "{request}",
                reason=reason,
            )
        for reason in intake.endings():
            observe(
                "penstock_receiver_ended_connections",
                "Connections that the server ended by itself, by reason.",
                _reading(intake.endings, reason),
                "{connection}",
                reason=reason,
            )

    def _welcome(self, intake: Intake, more: bool) -> None:  # noqa: FBT001
        """While batches are only put aside, let the server answer before that is done."""
        vouched = min(MAX_CREDIT, self._config.admission.request_limit_mib * MIB // 4)
        intake.grant(vouched if more and not self._context.may_wait else 0)

    def _take(self, intake: Intake, custody: Custody, consume: Consume) -> None:
        # What a sender was answered for came before what it waits to be answered for.
        for group in sorted(intake.take(), key=attrgetter("answered"), reverse=True):
            if group.answered:
                custody.keep(self._batch(group), group.accept)
            else:
                self._context.tasks.create_task(self._answer(group, consume))

    async def _answer(self, group: Group, consume: Consume) -> None:
        try:
            await consume(self._batch(group))
        except Refused as refusal:
            group.refuse(str(refusal), refusal.retry_after)
        except Invalid as refusal:
            group.reject(str(refusal))
        else:
            group.accept()

    def _batch(self, group: Group) -> Batch:
        peers = Column.of_runs(group.peers()) if self._context.tells_peers else None
        return Batch(group.batch, group.transports, peers)


def _reading(counts: Callable[[], dict[str, int]], name: str) -> Callable[[], float]:
    return lambda: counts()[name]


@contextmanager
def _blaming(owner: str) -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        msg = f"{owner}: tls: cannot use the {error}"
        raise StartError(msg) from error
