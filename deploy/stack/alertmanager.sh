#!/usr/bin/env bash
# Alertmanager, built from its Go module. Ready when /-/ready answers. ALERTMANAGER_PORT (9093),
# ALERTMANAGER_SETTINGS (alertmanager.yml). The module is without the web page, but has the whole API.
. "$(dirname "$0")/common.sh"

VERSION=v0.34.2

install() {
  build alertmanager cmd/alertmanager github.com/prometheus/alertmanager $VERSION -ldflags '-s -w'
}

prepare() { mkdir -p ui/app/dist && echo "The API is here alone." >ui/app/dist/index.html; }

run() {
  exec "$(program alertmanager $VERSION)" --config.file="${ALERTMANAGER_SETTINGS:-alertmanager.yml}" \
    --storage.path="$1" --cluster.listen-address= --web.listen-address="127.0.0.1:${ALERTMANAGER_PORT:-9093}"
}

recipe "$@"
