#!/usr/bin/env bash
# Stand-ins for the base images of deploy/docker/Dockerfile, where no registry of images is reached:
# Debian by debootstrap, with Debian's Python or with this machine's Rust toolchain.
# bases.sh: needs root on Debian; where images are kept is said by CONTAINERS_STORAGE_CONF.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
readonly SUITE=bookworm BARE=localhost/debian
readonly TOOLS=(buildah podman runc debootstrap iptables containernetworking-plugins)

install_tools() {
  dpkg --status "${TOOLS[@]}" >/dev/null 2>&1 && return
  apt-get update -qq
  apt-get install -qq --yes --no-install-recommends "${TOOLS[@]}" >/dev/null
}

bare() {
  local root
  root=$(mktemp -d)
  debootstrap --variant=minbase "$SUITE" "$root" >/dev/null
  tar -C "$root" -c . | podman import --quiet - "$BARE"
  rm -rf "$root"
}

install_in() {
  local container=$1
  shift
  buildah run "$container" -- sh -ec "apt-get update -qq
    apt-get install -qq --yes --no-install-recommends ca-certificates $* >/dev/null
    rm -rf /var/lib/apt/lists/*"
}

python() {
  install_in "$1" python3.11 python3-pip python3-venv
  buildah run "$1" -- ln -s /usr/bin/python3.11 /usr/local/bin/python
}

rust() {
  local sysroot host to=/usr/local/cargo
  sysroot=$(rustc --print sysroot)
  host=$(rustc -vV | sed -n 's/^host: //p')
  install_in "$1" gcc libc6-dev
  buildah copy --quiet "$1" "$sysroot/bin" "$to/bin"
  buildah copy --quiet "$1" "$sysroot"/lib/lib* "$to/lib/"
  buildah copy --quiet "$1" "$sysroot/lib/rustlib/$host" "$to/lib/rustlib/$host"
  buildah config --env CARGO_HOME="$to" --env PATH="$to/bin:/usr/local/bin:/usr/bin:/bin" "$1"
}

# Makes the image NAME:TAG, unless it is there, by the function NAME.
base() {
  local image=docker.io/library/$1 container
  podman image exists "$image" && return
  podman image exists "$BARE" || bare
  container=$(buildah from "$BARE")
  "${1%%:*}" "$container"
  buildah commit --quiet --rm "$container" "$image"
}

install_tools
sed -n 's/^FROM \(\S*\).*/\1/p' deploy/docker/Dockerfile | sort -u | while read -r image; do
  base "$image" </dev/null
done
