#!/usr/bin/env bash
# Apache Kafka, one node in KRaft mode, of the jars on Maven Central. Ready when it takes connections.
# KAFKA_PORT (9092), KAFKA_CONTROLLER_PORT (9094), KAFKA_HEAP (384m).
. "$(dirname "$0")/common.sh"

VERSION=4.3.1
FOLDER=$STACK_HOME/kafka-$VERSION

install() {
  need java "17 or newer"
  jars "$FOLDER" "org.apache.kafka:kafka_2.13:$VERSION" org.apache.logging.log4j:log4j-slf4j-impl:2.24.3
}

run() {
  local data=$1 here=127.0.0.1:${KAFKA_PORT:-9092} controller=127.0.0.1:${KAFKA_CONTROLLER_PORT:-9094}
  cat >"$data/server.properties" <<PROPERTIES
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@$controller
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://$here,CONTROLLER://$controller
log.dirs=$data/logs
log.retention.hours=1
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
group.initial.rebalance.delay.ms=0
PROPERTIES
  [ -e "$data/logs/meta.properties" ] ||
    kafka kafka.tools.StorageTool format --cluster-id "$(cluster_id)" --config "$data/server.properties"
  exec_kafka kafka.Kafka "$data/server.properties"
}

kafka() { (exec_kafka "$@"); }

exec_kafka() {
  local heap=${KAFKA_HEAP:-384m}
  exec java -Xms"$heap" -Xmx"$heap" -XX:TieredStopAtLevel=1 -Dlog4j2.level=INFO -cp "$FOLDER/libs/*" "$@"
}

cluster_id() { head -c 16 /dev/urandom | base64 | tr '+/' '-_' | tr -d '='; }

recipe "$@"
