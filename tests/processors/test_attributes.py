"""The attributes processor."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from penstock.processors.attributes import AttributesProcessor, Config
from tests.kit import Backend, Source, in_loop, points, service, spans, wire
from tests.processors.items import attributes_of, items, processed

SET = {"key": "env", "action": "upsert", "value": "prod"}


def subject(**options: Any) -> AttributesProcessor:
    return AttributesProcessor(Config.model_validate(options))


@pytest.mark.parametrize("signal", ["traces", "metrics", "logs"])
def test_actions_are_performed_on_items_of_every_signal(signal: str) -> None:
    batch = items({"a": 1}, {"env": "dev"}, signal=signal)
    done = processed(subject(actions=[SET, {"key": "a", "action": "delete"}]), batch)
    assert attributes_of(done) == [{"env": "prod"}, {"env": "prod"}]
    assert attributes_of(batch) == [{"a": 1}, {"env": "dev"}]


def test_only_what_is_included_and_not_excluded_is_worked_on() -> None:
    done = processed(
        subject(
            actions=[SET],
            include={"match_type": "strict", "attributes": [{"key": "a"}]},
            exclude={"match_type": "regexp", "attributes": [{"key": "a", "value": "^x"}]},
        ),
        items({"a": "y"}, {"a": "xy"}, {"b": 1}),
    )
    assert attributes_of(done) == [{"a": "y", "env": "prod"}, {"a": "xy"}, {"b": 1}]


def test_a_batch_without_anything_to_do_is_passed_on_as_it_is() -> None:
    batch = spans(3)
    chosen = {"match_type": "strict", "span_names": ["other"]}
    assert subject(actions=[SET], include=chosen).process(batch) is batch
    update = {"key": "env", "action": "update", "value": 1}
    assert subject(actions=[update]).process(batch) is batch


def test_without_actions_it_is_refused() -> None:
    with pytest.raises(ValidationError, match="at least 1 item"):
        Config.model_validate({"actions": []})


@in_loop
async def test_a_service_runs_with_it() -> None:
    source, backend = Source(), Backend()
    settings = wire(
        "traces: in -> attributes -> out",
        "metrics: in -> attributes -> out",
        in_=source,
        attributes=Config.model_validate({"actions": [SET]}),
        out=backend,
    )
    async with service(settings):
        await source.send(spans(2))
        await source.send(points(1))
    assert [attributes_of(batch) for batch in backend.got] == [
        [{"env": "prod"}] * 2,
        [{"env": "prod"}],
    ]
