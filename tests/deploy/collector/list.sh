#!/usr/bin/env bash
# Writes the options of the Collector's components: list.sh > options.tsv. Needs Go and the Go module proxy.
set -euo pipefail
VERSION=0.155.0
CORE=go.opentelemetry.io/collector CONTRIB=github.com/open-telemetry/opentelemetry-collector-contrib
MODULES="
  $CONTRIB/receiver/kafkareceiver
  $CONTRIB/receiver/prometheusreceiver
  $CONTRIB/receiver/statsdreceiver
  $CORE/receiver/otlpreceiver
  $CONTRIB/processor/attributesprocessor
  $CONTRIB/processor/cumulativetodeltaprocessor
  $CONTRIB/processor/deltatocumulativeprocessor
  $CONTRIB/processor/deltatorateprocessor
  $CONTRIB/processor/filterprocessor
  $CONTRIB/processor/groupbyattrsprocessor
  $CONTRIB/processor/intervalprocessor
  $CONTRIB/processor/metricsgenerationprocessor
  $CONTRIB/processor/metricstransformprocessor
  $CONTRIB/processor/probabilisticsamplerprocessor
  $CONTRIB/processor/redactionprocessor
  $CONTRIB/processor/resourceprocessor
  $CONTRIB/processor/spanprocessor
  $CONTRIB/processor/transformprocessor
  $CORE/processor/batchprocessor
  $CORE/processor/memorylimiterprocessor
  $CONTRIB/exporter/fileexporter
  $CONTRIB/exporter/kafkaexporter
  $CONTRIB/exporter/prometheusexporter
  $CONTRIB/exporter/prometheusremotewriteexporter
  $CORE/exporter/debugexporter
  $CORE/exporter/nopexporter
  $CORE/exporter/otlpexporter
  $CORE/exporter/otlphttpexporter
  $CONTRIB/connector/countconnector
  $CONTRIB/connector/spanmetricsconnector
  $CORE/connector/forwardconnector
  $CONTRIB/extension/basicauthextension
  $CONTRIB/extension/bearertokenauthextension
  $CONTRIB/extension/healthcheckextension
  $CONTRIB/extension/storage/filestorage
"
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cp "$here/list.go" .
go mod init options 2>/dev/null

# all.go: a factory of every module, by kind.
{
  printf 'package main\nimport (\n'
  n=0; for module in $MODULES; do printf 'm%d "%s"\n' $((n++)) "$module"; done
  printf ')\nvar all = map[string][]factory{\n'
  for kind in receiver processor exporter connector extension; do
    printf '"%ss": {\n' $kind
    n=0; for module in $MODULES; do
      [[ $module != */$kind/* ]] || printf 'm%d.NewFactory(),\n' $n
      n=$((n + 1))
    done
    printf '},\n'
  done
  printf '}\n'
} >all.go
for module in $MODULES; do go mod edit -require="$module@v$VERSION"; done
CGO_ENABLED=0 go build -mod=mod -trimpath -ldflags '-s -w' -o list .
./list | LC_ALL=C sort -s -k1,2
