#!/usr/bin/env bash
# Jaeger with its storage in memory, built from its Go module. Ready when its admin port answers.
# JAEGER_OTLP_PORT (14317, gRPC), JAEGER_PORT (16686, the query API), JAEGER_ADMIN_PORT (14269).
# The module is without the web page: what is shown there is in Grafana, and in the container's Jaeger.
. "$(dirname "$0")/common.sh"

VERSION=v1.76.0

install() {
  build jaeger-all-in-one cmd/all-in-one github.com/jaegertracing/jaeger $VERSION -ldflags '-s -w'
}

run() {
  # Of itself it would send traces to port 4317; what listens there for others is not asked for.
  SPAN_STORAGE_TYPE=memory OTEL_TRACES_SAMPLER=always_off exec "$(program jaeger-all-in-one $VERSION)" \
    --collector.otlp.grpc.host-port="127.0.0.1:${JAEGER_OTLP_PORT:-14317}" \
    --collector.otlp.http.host-port=127.0.0.1:0 \
    --collector.http-server.host-port=127.0.0.1:0 \
    --collector.grpc-server.host-port=127.0.0.1:0 \
    --query.http-server.host-port="127.0.0.1:${JAEGER_PORT:-16686}" \
    --query.grpc-server.host-port=127.0.0.1:0 \
    --admin.http.host-port="127.0.0.1:${JAEGER_ADMIN_PORT:-14269}" \
    --memory.max-traces=20000
}

recipe "$@"
