"""Receive whatever pushes over HTTP: Pushgateway, JSON, webhooks and Influx' line protocol."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Literal

from pydantic import model_validator

from penstock.config.types import HostPort, ListenAddress
from penstock.pipeline import Consume, Context, Receiver, Signal, StartError
from penstock.receivers import _push_influx, _push_items, _push_openapi, _push_webhooks
from penstock.receivers._posts import Posts, PostsConfig
from penstock.receivers._push_bodies import Intake
from penstock.receivers._push_gateway import Gateway, Pushgateway
from penstock.receivers._push_webhooks import Webhook

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator
    from typing import Self

    from penstock.pipeline.telemetry.registry import Counter
    from penstock.receivers._push_routes import Route

_OWN = (
    "/-/",
    "/api/v2/write",
    "/health",
    "/metrics/job",
    "/openapi.json",
    "/ping",
    "/v1/push/",
    "/write",
)
"""How the paths begin that are no webhooks."""

API = Literal["pushgateway", "json", "influx"]


class Config(PostsConfig):
    """Options of the `push_http` receiver."""

    signals = frozenset({Signal.METRICS, Signal.LOGS})

    endpoint: ListenAddress = HostPort("localhost", 9091)
    """Where to listen: at the port of the Pushgateway."""
    apis: tuple[API, ...] = ("pushgateway", "json", "influx")
    """What is understood, besides webhooks."""
    pushgateway: Pushgateway = Pushgateway()
    """What becomes of groups."""
    webhooks: tuple[Webhook, ...] = ()
    """Paths that take anything."""

    @model_validator(mode="after")
    def _paths_are_distinct(self) -> Self:
        paths = [webhook.path for webhook in self.webhooks]
        twice = next((path for path in paths if paths.count(path) > 1), None)
        if twice:
            msg = f"two webhooks have the path {twice}; give each its own"
            raise ValueError(msg)
        own = next((path for path in paths if path.startswith(_OWN)), None)
        if own:
            msg = f"{own} is a path of another API here; choose another one"
            raise ValueError(msg)
        return self

    def build(self, context: Context) -> Receiver:
        """The receiver these settings describe."""
        return PushHttp(self, context)


class PushHttp(Receiver):
    """A server whose requests are answered when what they brought was taken."""

    transports = ("http",)

    def __init__(self, config: Config, context: Context) -> None:
        self._config = config
        self._context = context
        self._posts = Posts(config, context)
        limit = config.max_request_body_size
        faulty = {way: self._faulty(way) for way in ("metrics", "logs", "events", "influx")}
        texts = self._untranslated("text_field")
        self._intake = Intake(self._posts, limit, faulty, texts)
        self.gateway = Gateway(config.pushgateway, self._intake)
        self._clock: asyncio.Task[None] | None = None
        self.port = 0

    async def start(self, consume: Consume) -> None:
        """Listen. Raises `StartError` where the address cannot be had."""
        if self._config.webhooks and Signal.LOGS not in self._context.signals:
            msg = f"{self._context.id}: webhooks become logs; put it into a pipeline of logs too"
            raise StartError(msg)
        routes = list(self._routes())
        routes.append(_push_openapi.route(routes))
        answers = {(it.method, it.pattern): it.answer(self._posts) for it in routes}
        self.port = await self._posts.open(consume, answers)
        self._clock = self._context.tasks.create_task(self.gateway.keep_time())

    async def stop(self) -> None:
        """Stop listening; what has been received is answered first."""
        clock, self._clock = self._clock, None
        if clock is not None:
            clock.cancel()
        await self._posts.close()

    def _routes(self) -> Iterator[Route]:
        """What there is a pipeline for."""
        config, signals = self._config, self._context.signals
        metrics = Signal.METRICS in signals
        return chain(
            self.gateway.routes() if metrics and "pushgateway" in config.apis else (),
            _push_influx.routes(self._intake) if metrics and "influx" in config.apis else (),
            _push_items.routes(self._intake, signals) if "json" in config.apis else (),
            _push_webhooks.routes(self._intake, config.webhooks),
        )

    def _faulty(self, way: str) -> Counter:
        return self._context.telemetry.counter(
            "penstock_receiver_faulty_items",
            "Items and lines of requests that make no sense, by the way they came.",
            "{item}",
            receiver=self._context.id,
            way=way,
        )

    def _untranslated(self, reason: str) -> Counter:
        return self._context.telemetry.counter(
            "penstock_receiver_untranslated_items",
            "What OpenTelemetry has no words for, by reason.",
            "{item}",
            receiver=self._context.id,
            reason=reason,
        )
