#!/bin/bash
# Builds what orbitctl bench needs (preset release) and runs it:
#   bash bench/run.sh [--no-install] [--json FILE] [--only PART] [--quick] [--core N] ...
# Arguments but --no-install go to orbitctl bench. The build lies in build/release; ORBIT_BUILD_DIR names
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

only=
[[ " ${arguments[*]} " =~ " --only "([a-z,]+) ]] && only=${BASH_REMATCH[1]}
# wants PART: it runs, as far as these arguments tell.
wants() { [ -z "$only" ] || [[ ,$only, = *,$1,* ]]; }

# A running set is needed by two parts only.
build() {
    local targets=(orbit-bench orbitctl)
    if wants disturb || wants storm; then
        targets+=(orbit-load orbitd orbit-model orbit-epics orbit-ring)
    fi
    [ -e "$build_dir/build.ninja" ] || (cd "$source_dir" && cmake --preset release -B "$build_dir")
    cmake --build "$build_dir" --target "${targets[@]}"
}

# The part "model" has pyAT as its yardstick; without it that part is not judged.
yardstick() {
    wants model || return 0
    ORBIT_BENCH_PYTHON=$(bash "$source_dir/config/setup/pyat.sh") || unset ORBIT_BENCH_PYTHON
    export ORBIT_BENCH_PYTHON
}

prepare >&2
yardstick
log=$(mktemp)
trap 'rm -f "$log"' EXIT
build >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
"$build_dir/bin/orbitctl" bench "${arguments[@]}"
