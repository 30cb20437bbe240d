"""The secrets of the settings, found wherever they are."""

from __future__ import annotations

from penstock.config.load import load_text
from penstock.config.secrets_of import secrets_of

FILE = """
receivers: {otlp: {protocols: {grpc: }}}
exporters:
  otlp:
    endpoint: backend:4317
    headers: {x-api-key: a secret in a header}
    tls: {cert_pem: public, key_pem: a secret in text}
  otlphttp:
    endpoint: http://backend:4318
    traces_endpoint: https://backend/in?tenant=eu&api_key=a%20secret%20in%20a%20query
extensions:
  bearertokenauth: {tokens: [a-secret, another-one]}
service:
  extensions: [bearertokenauth]
  pipelines: {traces: {receivers: [otlp], exporters: [otlp, otlphttp]}}
  telemetry:
    metrics:
      readers:
        - periodic:
            exporter:
              otlp:
                protocol: grpc
                endpoint: http://backend:4317
                headers: {x-api-key: a secret of a push}
"""


def test_every_secret_is_found_and_nothing_else() -> None:
    assert sorted(secrets_of(load_text(FILE, "file", {}))) == [
        "a secret in a header",
        "a secret in a query",
        "a secret in text",
        "a secret of a push",
        "a-secret",
        "another-one",
    ]


def test_users_in_urls_are_found_and_what_is_no_url_is_none() -> None:
    assert list(secrets_of(["https://me:password@host/", "://[", "http://[::1"])) == ["password"]
