from __future__ import annotations

import pytest

from penstock.config.deprecated import RENAMED, REPLACED, modernised
from penstock.config.document import plain
from penstock.config.read import read_text
from penstock.pipeline.delivery.delivery import DeliveryConfig

OLDER = """\
exporters:
  otlp: {sending_queue: {blocking: true, queue_size: 5}}
  otlp/b: {sending_queue: {block_on_overflow: true}}
  otlp/c:
  otlp/d: {sending_queue: false}
"""


def test_an_older_name_is_read_as_todays_in_its_place() -> None:
    document = modernised(read_text(OLDER, "f", {}))

    queue = plain(document.root)["exporters"]["otlp"]["sending_queue"]
    assert list(queue.items()) == [("block_on_overflow", True), ("queue_size", 5)]
    (warning,) = document.warnings
    assert warning.place.named == "f:2:26"
    assert warning.message == "the older name of `block_on_overflow`; use that"


def test_what_has_no_older_name_is_left_alone() -> None:
    text = "exporters: {otlp/b: {sending_queue: {block_on_overflow: true}}}\nservice: {x: 1}"
    document = read_text(text, "f", {})

    assert modernised(document) == document


def test_todays_names_are_options() -> None:
    (renamed,) = RENAMED
    queue = DeliveryConfig.model_fields[renamed.path[-1]].annotation

    assert renamed.new in getattr(queue, "model_fields", {})
    assert renamed.old not in getattr(queue, "model_fields", {})


@pytest.mark.parametrize("path", REPLACED)
def test_what_has_been_replaced_is_told(path: tuple[str, ...]) -> None:
    text = "".join(f"{'  ' * depth}{step}:\n" for depth, step in enumerate(path))

    (warning,) = modernised(read_text(text, "f", {})).warnings
    assert warning.path == path
    assert warning.message.startswith("deprecated in the Collector; use `")
