"""What resources and scopes become in Prometheus."""

from __future__ import annotations

from penstock.prometheus.names import Namer
from penstock.prometheus.origins import Origins, job_and_instance

RESOURCE = [
    ("service.name", "shop"),
    ("service.namespace", "eu"),
    ("service.instance.id", "i1"),
    ("host.name", "b"),
    ("host_name", "a"),
    ("job", "mine"),
]
SCOPE = ["lib", "1.2", ""]


def test_job_and_instance_are_made_of_the_service() -> None:
    assert job_and_instance(RESOURCE) == [("job", "eu/shop"), ("instance", "i1")]
    assert job_and_instance([("service.name", "shop")]) == [("job", "shop")]
    assert job_and_instance([("service.namespace", "eu"), ("service.name", "")]) == []


def test_series_have_labels_of_their_service_and_scope() -> None:
    origins = Origins(Namer(), lambda _: False)
    attributes = [("library.kind", "http"), ("name", "other")]
    assert origins.labels(RESOURCE, SCOPE, attributes) == [
        ("job", "eu/shop"),
        ("instance", "i1"),
        ("otel_scope_name", "lib"),
        ("otel_scope_version", "1.2"),
        ("otel_scope_schema_url", ""),
        ("otel_scope_library_kind", "http"),
    ]


def test_promoted_attributes_come_last_and_take_no_other_labels_place() -> None:
    origins = Origins(Namer(), lambda key: key in {"host.name", "job"}, scope_info=False)
    assert origins.labels(RESOURCE, SCOPE, []) == [
        ("job", "eu/shop"),
        ("instance", "i1"),
        ("host_name", "b"),
    ]


def test_constant_labels_count_before_all_others() -> None:
    constant = (("job", "all"), ("cluster", "x"))
    origins = Origins(Namer(), lambda _: False, scope_info=False, constant=constant)
    assert origins.labels(RESOURCE, SCOPE, []) == [
        ("job", "all"),
        ("cluster", "x"),
        ("instance", "i1"),
    ]


def test_a_target_has_what_else_the_resource_says() -> None:
    """Attributes of one label in the order of their keys: their values will be joined so."""
    assert Origins(Namer(), lambda _: False).target(RESOURCE) == [
        ("job", "eu/shop"),
        ("instance", "i1"),
        ("host_name", "b"),
        ("host_name", "a"),
    ]


def test_a_resource_that_does_not_say_what_it_is_has_no_target() -> None:
    assert Origins(Namer(), lambda _: False).target([("host.name", "a")]) is None
