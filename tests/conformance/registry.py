"""The components that the contract checks are run with. Each new one adds its lines here."""

from __future__ import annotations

from typing import Any

from penstock.prometheus.remote_write import V1, V2
from tests.conformance import back_ends, clients, gathered, pulled

LEAST: dict[tuple[str, str], dict[str, Any]] = {
    ("receivers", "filelog"): {"include": ["/var/log/app/*.log"]},
    ("receivers", "hostmetrics"): {"scrapers": {"load": None}},
    ("receivers", "otlp"): {"protocols": {"grpc": {"endpoint": "localhost:0"}}},
    ("receivers", "prometheus"): {"config": {"scrape_configs": [{"job_name": "app"}]}},
    ("receivers", "statsd"): {"endpoint": "localhost:0"},
    ("processors", "attributes"): {"actions": [{"key": "user.email", "action": "delete"}]},
    ("processors", "business_metrics"): {
        "indicators": {"points": {"kind": "count", "from": "datapoints"}}
    },
    ("processors", "deltatorate"): {"metrics": ["requests"]},
    ("processors", "k8sattributes"): {"passthrough": True},
    ("processors", "memory_limiter"): {"check_interval": "1s", "limit_percentage": 100},
    ("processors", "python"): {"file": "mask.py"},
    ("processors", "relabel"): {"relabel_configs": [{"action": "labeldrop", "regex": "pod"}]},
    ("processors", "resource"): {"attributes": [{"key": "host.ip", "action": "delete"}]},
    ("processors", "span"): {"status": {"code": "Ok"}},
    ("exporters", "elasticsearch"): {"endpoint": "http://backend:9200"},
    ("exporters", "file"): {"path": "telemetry.json"},
    ("exporters", "loadbalancing"): {"resolver": {"static": {"hostnames": ["gateway:4317"]}}},
    ("exporters", "otlp"): {"endpoint": "backend:4317"},
    ("exporters", "otlphttp"): {"endpoint": "http://backend:4318"},
    ("exporters", "prometheus"): {"endpoint": "localhost:0"},
    ("exporters", "prometheusremotewrite"): {"endpoint": "http://backend:9090/api/v1/write"},
    ("connectors", "business_metrics"): {
        "indicators": {
            "spans": {"kind": "count", "from": "spans"},
            "records": {"kind": "count", "from": "logs"},
            "points": {"kind": "count", "from": "datapoints"},
        }
    },
    ("connectors", "routing"): {
        "table": [{"condition": 'attributes["env"] == "eu"', "pipelines": ["traces"]}]
    },
    ("extensions", "basicauth"): {"client_auth": {"username": "penstock", "password": "secret"}},
    ("extensions", "bearertokenauth"): {"token": "secret"},
    ("extensions", "file_storage"): {"directory": "storage"},
}
"""The least settings of the components that need some, by kind and type."""

LISTENING: dict[tuple[str, str], dict[str, Any]] = {
    ("receivers", "otlp"): {"protocols": {"grpc": {}, "http": {}}},
}
"""Settings with which a component listens wherever it can by default, if the least do not do it."""

BACK_ENDS: dict[str, back_ends.BackEnd] = {
    "debug": back_ends.Debug(),
    "elasticsearch": back_ends.Elasticsearch(),
    "file": back_ends.File(),
    "loadbalancing": back_ends.LoadBalancing(),
    "kafka": back_ends.Kafka(),
    "kafka json": back_ends.Kafka("otlp_json"),
    "nop": back_ends.Nop(),
    "otlp": back_ends.OtlpGrpc(),
    "otlphttp": back_ends.OtlpHttp(),
    "otlphttp json": back_ends.OtlpHttp("json"),
    "prometheus": back_ends.Prometheus(),
    "prometheusremotewrite": back_ends.RemoteWrite(V2),
    "prometheusremotewrite 1.0": back_ends.RemoteWrite(V1),
}
"""A back end for every exporter, and for every protocol of it."""

CLIENTS: dict[str, clients.Client] = {
    "otlp grpc": clients.OtlpGrpc(),
    "otlp http": clients.OtlpHttp(),
    "otlp http json": clients.OtlpHttp("json"),
    "prometheusremotewrite": clients.RemoteWrite(V2),
    "prometheusremotewrite 1.0": clients.RemoteWrite(V1),
    "push_http": clients.PushHttp(),
}
"""A client for every receiver, and for every protocol of it."""

PULLED: dict[str, pulled.Pulled] = {
    "prometheus": pulled.Prometheus(),
}
"""Targets for every receiver that asks instead of being sent to."""

GATHERED: dict[str, gathered.Gathered] = {
    "kafka": gathered.Kafka(),
    "statsd udp": gathered.Statsd("udp"),
    "statsd tcp": gathered.Statsd("tcp"),
}
"""Senders to every receiver that tells them nothing, and for every protocol of it."""

LOOKING = {"filelog", "hostmetrics"}
"""Receivers that look at the machine they run on; their own tests have what they keep."""
