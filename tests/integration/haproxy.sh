#!/usr/bin/env bash
# HAProxy from Debian's packages, which are unpacked and not installed, so that no service is started.
#   haproxy.sh install        unpacks what is not there yet below $PEERS_HOME; takes some seconds
#   haproxy.sh run ARGS...    haproxy with these arguments, in the foreground
# One that is on PATH is taken as it is. Otherwise it needs apt-get, and root only where its lists are missing.
set -euo pipefail

HOME_OF_IT=${PEERS_HOME:-$HOME/.cache/penstock-peers}/haproxy
PACKAGES=(haproxy liblua5.3-0 libopentracing-c-wrapper0 libopentracing1)

download() {
  apt-get -q -o APT::Sandbox::User=root download "${PACKAGES[@]}"
}

install() {
  command -v haproxy >/dev/null || [ -d "$HOME_OF_IT" ] && return
  local part=$HOME_OF_IT.part
  rm -rf "$part" && mkdir -p "$part/packages" && cd "$part/packages"
  download || { apt-get -q update && download; }
  local package
  for package in *.deb; do dpkg-deb -x "$package" "$part"; done
  mv "$part" "$HOME_OF_IT"
}

run() {
  command -v haproxy >/dev/null && exec haproxy "$@"
  export LD_LIBRARY_PATH
  LD_LIBRARY_PATH=$(echo "$HOME_OF_IT"/usr/lib/*-linux-gnu*)
  exec "$HOME_OF_IT/usr/sbin/haproxy" "$@"
}

case ${1:-} in
  install) install >&2 ;;
  run) shift; run "$@" ;;
  *) echo "usage: $0 install | run ARGS..." >&2; exit 2 ;;
esac
