#!/bin/bash
# Installs the Debian packages that are missing: packages.sh run|test. With none missing it does nothing.
set -euo pipefail

run_set="build-essential cmake ninja-build pkg-config perl xz-utils libreadline-dev dpkg-dev libyaml-dev
 libjansson-dev liburcu-dev libmodbus-dev libopenblas-serial-dev liblapacke-dev libcairo2-dev libhdf5-dev libfftw3-dev libcmocka-dev rt-tests util-linux iproute2
 procps python3"
test_set="$run_set clang-format shellcheck mandoc python3-jsonschema python3-pymodbus
 python3-serial python3-serial-asyncio socat mbpoll systemd qemu-system-x86 cpio python3-h5py"

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# A mirror may be busy for a moment.
retry() {
    local attempt
    for attempt in 1 2 3 4; do
        "$@" && return 0
        echo "packages: attempt $attempt failed, again in $((attempt * 5)) s" >&2
        sleep $((attempt * 5))
    done
    return 1
}

wanted=$run_set
[ "${1:-run}" = test ] && wanted=$test_set
# What boots in tests/system/preempt_rt; without it that test says why it did not run.
fetch_rt_kernel() {
    [ "$wanted" = "$test_set" ] || return 0
    bash "$(dirname "$0")/rt_kernel.sh" || echo "packages: going on without a PREEMPT_RT kernel" >&2
}
missing=()
for package in $wanted; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
[ ${#missing[@]} = 0 ] && { fetch_rt_kernel; echo "packages: all there"; exit 0; }

echo "packages: installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
retry as_root apt-get update -q
retry as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends \
    -o DPkg::Lock::Timeout=300 "${missing[@]}"
fetch_rt_kernel
