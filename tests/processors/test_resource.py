"""The resource processor."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from penstock.processors.resource import Config, ResourceProcessor
from tests.kit import points, records
from tests.processors.items import attributes_of, processed, resources, resources_of


def test_actions_are_performed_on_every_resource() -> None:
    processor = ResourceProcessor(
        Config.model_validate(
            {
                "attributes": [
                    {"key": "env", "action": "insert", "value": "prod"},
                    {"key": "was", "action": "upsert", "from_attribute": "host"},
                    {"key": "host", "action": "delete"},
                ]
            }
        )
    )
    batch = resources({"host": "a", "env": "dev"}, {"host": "b"}, {}, each_has=2)
    done = processed(processor, batch)
    assert resources_of(done) == [
        {"env": "dev", "was": "a"},
        {"env": "prod", "was": "b"},
        {"env": "prod"},
    ]
    assert attributes_of(done) == [{}] * 6


def test_resources_of_metrics_and_logs_are_worked_on_alike() -> None:
    action = {"key": "env", "action": "upsert", "value": 1}
    processor = ResourceProcessor(Config.model_validate({"attributes": [action]}))
    for batch in (points(2), records(2)):
        assert processed(processor, batch).column("resource.attributes").values == [{"env": 1}]


def test_without_actions_it_is_refused() -> None:
    with pytest.raises(ValidationError, match="at least 1 item"):
        Config.model_validate({"attributes": []})
