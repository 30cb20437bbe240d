"""The guide for who comes from the Collector says what the code says."""

from __future__ import annotations

from pydantic import ValidationError

from penstock.config.catalog import Kind, types
from penstock.config.collector import in_collector
from penstock.config.components import config_class
from tests.deploy import migration
from tests.deploy.migration import Standing, collector, compare


def test_the_guide_is_up_to_date() -> None:
    """If not: `python -m tests.deploy.migration`."""
    assert migration.GUIDE.read_text() == migration.guide()


def test_every_component_that_was_listed_is_here() -> None:
    assert [(kind, type_) for kind, type_ in collector() if type_ not in types(kind)] == []
    assert all(in_collector(kind, type_) for kind, type_ in collector())


def test_options_are_told_apart() -> None:
    standing = {row.path: row.standing for row in compare(Kind.RECEIVERS, "otlp").rows}
    assert standing["protocols.grpc.endpoint"] is Standing.SAME
    assert standing["protocols.grpc.tls.tpm"] is Standing.MISSING
    assert "protocols.grpc.tls.tpm.path" not in standing
    assert standing["admission"] is Standing.ONLY_HERE


def test_a_default_that_is_another_is_shown_beside_the_collectors() -> None:
    (row,) = (r for r in compare(Kind.EXTENSIONS, "file_storage").rows if r.path == "directory")
    assert row.standing is Standing.OTHER_DEFAULT
    assert row.remark.endswith("there `/var/lib/otelcol/file_storage`")


def test_what_is_called_missing_is_refused() -> None:
    """At the top of a component's settings, where a value can be tried without others."""
    taken = [
        (kind, type_, row.path)
        for kind, type_ in collector()
        for row in compare(kind, type_).of(Standing.MISSING)
        if "." not in row.path and not _is_refused(kind, type_, row.path)
    ]
    assert taken == []


def _is_refused(kind: Kind, type_: str, option: str) -> bool:
    try:
        config_class(kind, type_).model_validate({option: None})
    except ValidationError as error:
        return any(each["type"] == "extra_forbidden" for each in error.errors())
    return False
