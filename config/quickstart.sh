#!/bin/bash
# From a clone to a closed orbit loop on a virtual BESSY II: installs what is missing, builds, runs.
#   bash config/quickstart.sh [--seconds N] [--no-install]
# Without --seconds it runs until Ctrl-C.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=
install=1
while [ $# -gt 0 ]; do
    case $1 in
    --seconds)
        [[ "${2:-}" =~ ^[0-9]+$ ]] || { echo "--seconds wants a whole number, e.g. --seconds 30" >&2; exit 2; }
        seconds=$2
        shift
        ;;
    --no-install) install=0 ;;
    --help)
        sed -n '2,4s/^# //p' "$0"
        exit 0
        ;;
    *)
        echo "unknown argument '$1'; see --help" >&2
        exit 2
        ;;
    esac
    shift
done

timed() {
    local name=$1 started=$SECONDS
    shift
    "$@" < /dev/null
    echo "quickstart: $name: $((SECONDS - started)) s"
}

build() {
    mkdir -p build
    [ -e build/release/build.ninja ] || cmake --preset release > build/release-configure.log 2>&1 ||
        { cat build/release-configure.log; return 1; }
    cmake --build --preset release --target orbitd orbit-model orbit-epics orbit-ring orbitctl
}

[ $install = 0 ] || timed "packages" bash config/setup/packages.sh run
started=$SECONDS
EPICS_BASE=$(bash config/setup/epics.sh)
export EPICS_BASE
echo "quickstart: EPICS Base: $((SECONDS - started)) s"
timed "build" build
exec bash config/demo.sh build/release/bin config/bessy2-virtual.yaml "$seconds" \
    "$EPICS_BASE/bin/${EPICS_HOST_ARCH:-linux-$(uname -m)}"
