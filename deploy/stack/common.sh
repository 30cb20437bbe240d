# shellcheck shell=bash disable=SC2034  # what recipes use
# Shared by the recipes of this folder; sourced, not run. What they install is kept below STACK_HOME.
set -euo pipefail

STACK_HOME=${PENSTOCK_STACK_HOME:-$HOME/.cache/penstock-stack}
HERE=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")

say() { printf '%s\n' "$*" >&2; }

need() { # need PROGRAM WHY
  command -v "$1" >/dev/null || { say "$(basename "$0") needs $1 ($2) on PATH." && exit 1; }
}

# program NAME VERSION: the path of one, which is the machine's own if it has it: that has web pages.
program() { command -v "$1" || echo "$STACK_HOME/bin/$1-$2"; }

# build NAME PACKAGE MODULE VERSION [FLAGS OF go build...]
# Builds a program in a copy of its module: `go install` refuses modules that replace others, and a
# copy can be prepared, by a function of the recipe of that name.
build() {
  local name=$1 package=$2 module=$3 version=$4 told copy
  shift 4
  [ -x "$(program "$name" "$version")" ] && return
  need go "1.26 or newer"
  say "Building $name $version from source, which takes some minutes."
  told=$(cd / && go mod download -json "$module@$version") || { say "$told" && exit 1; }
  copy=$(mktemp -d)
  cp -r "$(sed -n 's/^\t"Dir": "\(.*\)".*/\1/p' <<<"$told")" "$copy/module"
  chmod -R u+w "$copy"
  (
    cd "$copy/module"
    sed -i -E '/ => \.\.?\//d' go.mod # siblings in its repository
    prepare
    CGO_ENABLED=0 GOWORK=off quietly go build -mod=mod -trimpath "$@" -o "$STACK_HOME/bin/$name-$version" "./$package"
  )
  rm -rf "$copy"
}

prepare() { :; }

# quietly COMMAND...: shows what it says only if it fails.
quietly() {
  local said
  said=$("$@" 2>&1) || { say "$said" && exit 1; }
}

# jars FOLDER GROUP:ARTIFACT:VERSION...
# Puts jars and all that they need in FOLDER/libs.
jars() {
  local folder=$1 each group artifact version
  shift
  [ -e "$folder/.done" ] && return
  need mvn "Maven"
  say "Fetching $(basename "$folder") from Maven Central."
  mkdir -p "$folder"
  {
    echo '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>'
    echo '<groupId>penstock</groupId><artifactId>stack</artifactId><version>1</version><packaging>pom</packaging><dependencies>'
    for each; do
      IFS=: read -r group artifact version <<<"$each"
      echo "<dependency><groupId>$group</groupId><artifactId>$artifact</artifactId><version>$version</version></dependency>"
    done
    echo '</dependencies></project>'
  } >"$folder/pom.xml"
  quietly mvn --quiet --batch-mode --file "$folder/pom.xml" dependency:copy-dependencies \
    -DincludeScope=runtime -DoutputDirectory="$folder/libs"
  touch "$folder/.done"
}

# The last line of every recipe: install, or run with its data in a folder.
recipe() {
  case ${1:-} in
    install) install ;;
    run) install && mkdir -p "${2:?the folder for its data}" && run "$(readlink -f "$2")" ;;
    *) say "usage: $0 install | run FOLDER" && exit 2 ;;
  esac
}
