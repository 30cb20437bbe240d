#!/usr/bin/env bash
# Stand-ins for the images that deploy/compose takes from others, where no registry of images is reached: the
# same programs in the same versions, at the places and for the users of those images.
# stand_ins.sh FOLDER: where the recipes of deploy/stack have installed them. Needs what bases.sh leaves.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
readonly FOLDER=$1

# Makes an image of another by a function, unless it is there: image NAME OF FUNCTION.
image() {
  local container
  podman image exists "$1" && return
  container=$(buildah from --pull-never "$2")
  "$3" "$container"
  buildah commit --quiet --rm --format docker "$container" "$1" >/dev/null
}

in_debian() { # in_debian CONTAINER PACKAGE...
  local container=$1
  shift
  buildah run "$container" -- sh -ec "mkdir -p /usr/share/man/man1; apt-get update -qq
    apt-get install -qq --yes --no-install-recommends $* >/dev/null; rm -rf /var/lib/apt/lists/*"
}

tools() {
  in_debian "$1" busybox curl
  buildah run "$1" -- ln -s /bin/busybox /usr/local/bin/wget
}

java() { in_debian "$1" openjdk-17-jdk-headless; }

# has CONTAINER USER START FOLDER...: who starts it, by what, and the folders that are the user's.
has() {
  local container=$1 user=$2 start=$3
  shift 3
  buildah run "$container" -- sh -ec "mkdir -p $*; chown -R $user $*"
  buildah config --user "$user" --entrypoint "[\"$start\"]" --cmd '' "$container"
}

copy() { buildah copy --quiet "$@" >/dev/null; }

prometheus() {
  copy "$1" "$FOLDER"/bin/prometheus /bin/prometheus
  copy "$1" "$FOLDER"/bin/promtool /bin/promtool
  has "$1" 65534 /bin/prometheus /prometheus
}

alertmanager() {
  copy "$1" "$FOLDER"/bin/alertmanager /bin/alertmanager
  has "$1" 65534 /bin/alertmanager /alertmanager
}

jaeger() {
  copy "$1" "$FOLDER"/bin/jaeger-all-in-one /go/bin/all-in-one-linux
  has "$1" 10001 /go/bin/all-in-one-linux /tmp
}

# starts CONTAINER FILE <SCRIPT: what such an image is started by.
starts() {
  cat >"$SCRIPT"
  copy --chmod 755 "$1" "$SCRIPT" "$2"
}

kafka() { # makes options of its variables, as the image does
  copy "$1" "$FOLDER"/kafka-*/libs /opt/kafka/libs
  starts "$1" /opt/kafka/start <<'START'
#!/bin/bash
set -e
env | sed -n 's/^KAFKA_//p' | grep -v ^HEAP_OPTS | while IFS== read -r name value; do
  name=${name,,}
  echo "${name//_/.}=$value"
done >/opt/kafka/data/server.properties
[ -e "$KAFKA_LOG_DIRS/meta.properties" ] || java -cp '/opt/kafka/libs/*' kafka.tools.StorageTool format \
  --cluster-id AAAAAAAAAAAAAAAAAAAAAQ --config /opt/kafka/data/server.properties
exec java $KAFKA_HEAP_OPTS -cp '/opt/kafka/libs/*' kafka.Kafka /opt/kafka/data/server.properties
START
  has "$1" 1000 /opt/kafka/start /opt/kafka/data /var/lib/kafka/data
}

opensearch() {
  copy "$1" "$FOLDER"/opensearch-*/libs /opt/opensearch/libs
  copy "$1" deploy/stack/OpenSearch.java /opt/opensearch/
  starts "$1" /opt/opensearch/start <<'START'
#!/bin/bash
env | sed -n 's/^\([a-z.]*[.][a-z.]*\)=/\1: /p' >/usr/share/opensearch/config/opensearch.yml
echo 'network.host: 0.0.0.0' >>/usr/share/opensearch/config/opensearch.yml
exec java $OPENSEARCH_JAVA_OPTS -cp '/opt/opensearch/libs/*' /opt/opensearch/OpenSearch.java /usr/share/opensearch
START
  has "$1" 1000 /opt/opensearch/start /usr/share/opensearch/config /usr/share/opensearch/data
}

SCRIPT=$(mktemp)
trap 'rm -f "$SCRIPT"' EXIT
image localhost/tools localhost/debian tools
image localhost/java localhost/tools java
sed -n 's/^ *image: \(.*:.*\)/\1/p' deploy/compose/compose.yaml | while read -r name; do
  case $name in
    prom/prometheus:*) image "docker.io/$name" localhost/tools prometheus ;;
    prom/alertmanager:*) image "docker.io/$name" localhost/tools alertmanager ;;
    jaegertracing/all-in-one:*) image "docker.io/$name" localhost/tools jaeger ;;
    apache/kafka:*) image "docker.io/$name" localhost/java kafka ;;
    opensearchproject/opensearch:*) image "docker.io/$name" localhost/java opensearch ;;
  esac </dev/null
done
