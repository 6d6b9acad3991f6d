#!/bin/bash
# Builds orbit-bench (preset release) and runs it:
#   bash bench/run.sh [--no-install] [--json FILE] [--only matvec|wake|cycle] [--quick] [--core N] ...
# Arguments but --no-install go to orbit-bench. The build lies in build/release; ORBIT_BUILD_DIR names
# another folder.
set -euo pipefail

source_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build_dir=${ORBIT_BUILD_DIR:-$source_dir/build/release}

install=1
arguments=()
for argument in "$@"; do
    if [ "$argument" = --no-install ]; then install=0; else arguments+=("$argument"); fi
done

prepare() {
    [ $install = 0 ] || bash "$source_dir/config/setup/packages.sh" run
    EPICS_BASE=$(bash "$source_dir/config/setup/epics.sh")
    export EPICS_BASE
}

build() {
    [ -e "$build_dir/build.ninja" ] || (cd "$source_dir" && cmake --preset release -B "$build_dir")
    cmake --build "$build_dir" --target orbit-bench
}

prepare >&2
log=$(mktemp)
trap 'rm -f "$log"' EXIT
build >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
"$build_dir/bin/orbit-bench" "${arguments[@]}"
