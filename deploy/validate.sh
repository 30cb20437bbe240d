#!/usr/bin/env bash
# Proves every hop of a running stack: what is sent to Penstock has to be found behind it.
# Needs curl, and for Kafka a Python with aiokafka. The addresses are those of `make stack` and of
# deploy/compose, with the same variables for other ports. Exit code 1: a hop failed.
set -euo pipefail

HERE=$(dirname "$(readlink -f "$0")")
OTLP=${OTLP:-http://127.0.0.1:${OTLP_HTTP_PORT:-4318}}
JAEGER=${JAEGER:-http://127.0.0.1:${JAEGER_PORT:-16686}}
PROMETHEUS=${PROMETHEUS:-http://127.0.0.1:${PROMETHEUS_PORT:-9090}}
OPENSEARCH=${OPENSEARCH:-http://127.0.0.1:${OPENSEARCH_PORT:-9200}}
KAFKA=${KAFKA:-127.0.0.1:${KAFKA_PORT:-9092}}
WEBHOOK=${WEBHOOK:-http://127.0.0.1:${WEBHOOK_PORT:-9095}}
GRAFANA=${GRAFANA:-http://127.0.0.1:${GRAFANA_PORT:-3000}}
SYSTEMS=${SYSTEMS-ai-orchestrator orchestrator-platform agent-hive healing-guard multi-agent}
PYTHON=${PYTHON:-$HERE/../.venv/bin/python}
PATIENCE=${PATIENCE:-90} # seconds for each hop

RUN=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n') # the trace's id, and what is looked for
BEGIN=$(date +%s)
TIME=${BEGIN}000000000
FAILED=0

get() { curl --silent --show-error --fail --max-time 10 "$@" 2>&1; }

send() { # send SIGNAL <BODY
  get --header 'Content-Type: application/json' --data @- "$OTLP/v1/$1" >/dev/null
}

send_all() {
  local resource='{"attributes": [{"key": "service.name", "value": {"stringValue": "validate"}}]}'
  send traces <<JSON &&
    {"resourceSpans": [{"resource": $resource, "scopeSpans": [{"spans": [{
      "traceId": "$RUN", "spanId": "${RUN:0:16}", "name": "validate", "kind": 1,
      "startTimeUnixNano": "$TIME", "endTimeUnixNano": "$TIME"}]}]}]}
JSON
    send metrics <<JSON &&
    {"resourceMetrics": [{"resource": $resource, "scopeMetrics": [{"metrics": [{
      "name": "validation_run", "gauge": {"dataPoints": [{"timeUnixNano": "$TIME", "asInt": "1",
        "attributes": [{"key": "run", "value": {"stringValue": "$RUN"}}]}]}}]}]}]}
JSON
    send logs <<JSON
    {"resourceLogs": [{"resource": $resource, "scopeLogs": [{"logRecords": [{
      "timeUnixNano": "$TIME", "severityNumber": 9, "body": {"stringValue": "validation $RUN"}}]}]}]}
JSON
}

# shellcheck disable=SC2329  # called by name, as commands of hops
ask() { get --get --data-urlencode "query=$1" "$PROMETHEUS/api/v1/query"; }

# hop WHAT TEXT COMMAND...: polls the command until its answer has the text.
hop() {
  local what=$1 text=$2 deadline=$((SECONDS + PATIENCE)) answer
  shift 2
  until answer=$("$@" | tr -d '\0') && [[ $answer == *"$text"* ]]; do
    if ((SECONDS >= deadline)); then
      printf 'FAILED  %s: not within %s s. To look at: %s\n' "$what" "$PATIENCE" "$*"
      printf '        The last answer: %.300s\n' "${answer:-none}"
      FAILED=1
      return
    fi
    sleep 0.3
  done
  printf 'ok      %s\n' "$what"
}

dashboards() {
  if ! get "$GRAFANA/api/health" >/dev/null; then
    printf -- '-       dashboards were not looked for: no Grafana at %s\n' "$GRAFANA"
    return
  fi
  local file
  for file in "$HERE"/grafana/dashboards/*.json; do
    hop "Grafana has $(basename "$file")" '"dashboard"' \
      get "$GRAFANA/api/dashboards/uid/$(sed -n 's/^  "uid": "\(.*\)".*/\1/p' "$file")"
  done
}

send_all || {
  printf 'FAILED  Penstock does not take OTLP at %s\n' "$OTLP"
  exit 1
}

hop 'Jaeger has the span' "$RUN" get "$JAEGER/api/traces/$RUN"
hop 'Kafka has the log record' "$RUN" "$PYTHON" "$HERE/stack/read_kafka.py" "$KAFKA" otlp_logs "$BEGIN"
hop 'OpenSearch has the log record' "validation $RUN" get "$OPENSEARCH/logs-*/_search?q=$RUN"
hop 'Prometheus has the metric' "$RUN" ask "validation_run{run=\"$RUN\"}"
hop 'Prometheus reaches all its targets' ',"0"]' ask 'count(up == 0) or vector(0)'
for system in $SYSTEMS; do
  hop "Prometheus hears of $system" "$system" ask "target_info{system=\"$system\"}"
done
hop 'the web hook was told by Alertmanager' "$RUN" get "$WEBHOOK"
dashboards
exit $FAILED
