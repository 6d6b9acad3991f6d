#!/bin/bash
# Builds orbit-bench (preset release) and runs it; arguments go to orbit-bench:
#   bash bench/run.sh [--json FILE] [--only matvec|wake|cycle] [--quick] [--core N] ...
# The build lies in build/release; ORBIT_BUILD_DIR names another folder.
set -euo pipefail

source_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build_dir=${ORBIT_BUILD_DIR:-$source_dir/build/release}
caller_dir=$PWD

build() {
    cd "$source_dir"
    if [ ! -f "$build_dir/CMakeCache.txt" ]; then
        cmake --preset release -B "$build_dir"
    fi
    cmake --build "$build_dir" --target orbit-bench
}

log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! build >"$log" 2>&1; then
    cat "$log" >&2
    echo "bench/run.sh: the build failed; 'bash config/quickstart.sh' installs what it needs" >&2
    exit 1
fi
command -v cyclictest >/dev/null ||
    echo "bench/run.sh: no cyclictest (Debian package rt-tests): wake-up lateness has no yardstick" >&2
cd "$caller_dir"
"$build_dir/bin/orbit-bench" "$@"
