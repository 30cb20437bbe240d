from __future__ import annotations

import pytest

from penstock.config.catalog import ALIASES, DEPRECATED, Kind, module_name, summary, types
from penstock.config.collector import in_collector


@pytest.mark.usefixtures("waterworks")
def test_types_are_the_modules_of_the_kinds_package() -> None:
    assert types(Kind.PROCESSORS) == ["bare", "brine", "sieve"]


@pytest.mark.usefixtures("waterworks")
def test_summary_is_told_without_importing_the_component() -> None:
    assert summary(Kind.PROCESSORS, "brine") == "A component whose client library is not installed."


@pytest.mark.usefixtures("waterworks")
def test_both_spellings_of_a_type_name_one_module() -> None:
    assert module_name(Kind.EXPORTERS, "tub") == module_name(Kind.EXPORTERS, "basin")
    assert module_name(Kind.RECEIVERS, "tub") is None


@pytest.mark.parametrize(
    ("kind", "today", "before"),
    [
        (Kind.EXPORTERS, "otlp_grpc", "otlp"),
        (Kind.EXPORTERS, "otlp_http", "otlphttp"),
        (Kind.RECEIVERS, "host_metrics", "hostmetrics"),
        (Kind.RECEIVERS, "file_log", "filelog"),
        (Kind.PROCESSORS, "k8s_attributes", "k8sattributes"),
        (Kind.PROCESSORS, "metrics_transform", "metricstransform"),
        (Kind.PROCESSORS, "resource_detection", "resourcedetection"),
        (Kind.CONNECTORS, "service_graph", "servicegraph"),
        (Kind.CONNECTORS, "span_metrics", "spanmetrics"),
    ],
)
def test_a_type_that_the_collector_renamed_has_both_names(
    kind: Kind, today: str, before: str
) -> None:
    assert ALIASES[kind][today] == before
    assert module_name(kind, today) == module_name(kind, before)
    assert in_collector(kind, before)


def test_no_module_has_the_other_spelling_of_a_type_for_its_name() -> None:
    others = [(kind, other) for kind in Kind for other in ALIASES.get(kind, {})]
    assert [(kind, other) for kind, other in others if other in types(kind)] == []


def test_what_replaced_a_type_is_there() -> None:
    for kind, replaced in DEPRECATED.items():
        for old, today in replaced.items():
            assert module_name(kind, old) == module_name(kind, today) is not None


@pytest.mark.parametrize("type_", ["tail_sampling", "tailsampling", "k8sattributes"])
def test_types_of_the_collector_are_known_with_and_without_underscores(type_: str) -> None:
    assert in_collector(Kind.PROCESSORS, type_)
    assert not in_collector(Kind.RECEIVERS, type_)
