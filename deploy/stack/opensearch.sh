#!/usr/bin/env bash
# OpenSearch, one node without users or TLS, of the jars on Maven Central. Ready when
# /_cluster/health answers. OPENSEARCH_PORT (9200), OPENSEARCH_TRANSPORT_PORT (9300), OPENSEARCH_HEAP (384m).
# Maven Central has no archive of it, so OpenSearch.java starts a node of the jars.
. "$(dirname "$0")/common.sh"

VERSION=2.19.6 # the 3.x line needs Java 21
FOLDER=$STACK_HOME/opensearch-$VERSION
MODULES=(transport-netty4-client analysis-common mapper-extras-client reindex-client ingest-common)

install() {
  local modules=("${MODULES[@]/#/org.opensearch.plugin:}")
  need javac "a JDK, 11 to 21"
  jars "$FOLDER" "org.opensearch:opensearch:$VERSION" org.apache.logging.log4j:log4j-core:2.25.4 \
    "${modules[@]/%/:$VERSION}"
}

run() {
  local data=$1 heap=${OPENSEARCH_HEAP:-384m}
  mkdir -p "$data/config"
  cat >"$data/config/opensearch.yml" <<YAML
cluster.name: penstock-stack
discovery.type: single-node
network.host: 127.0.0.1
http.port: ${OPENSEARCH_PORT:-9200}
transport.port: ${OPENSEARCH_TRANSPORT_PORT:-9300}
cluster.routing.allocation.disk.threshold_enabled: false
YAML
  exec java -Xms"$heap" -Xmx"$heap" -XX:TieredStopAtLevel=1 -Djava.awt.headless=true -Dorg.apache.logging.log4j.level=INFO \
    -cp "$FOLDER/libs/*" "$HERE/OpenSearch.java" "$data"
}

recipe "$@"
