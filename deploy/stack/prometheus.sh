#!/usr/bin/env bash
# Prometheus, built from its Go module. Ready when /-/ready answers. PROMETHEUS_PORT (9090),
# PROMETHEUS_SETTINGS (prometheus.yml). The module is without the web page, but has the whole API.
. "$(dirname "$0")/common.sh"

VERSION=v0.315.0 # of the module; the release is 3.15.0

install() {
  build prometheus cmd/prometheus github.com/prometheus/prometheus $VERSION -tags remove_all_sd -ldflags '-s -w'
}

run() {
  exec "$(program prometheus $VERSION)" --config.file="${PROMETHEUS_SETTINGS:-prometheus.yml}" \
    --storage.tsdb.path="$1" --storage.tsdb.retention.time=1d --web.enable-lifecycle \
    --enable-feature=exemplar-storage --web.listen-address="127.0.0.1:${PROMETHEUS_PORT:-9090}"
}

recipe "$@"
