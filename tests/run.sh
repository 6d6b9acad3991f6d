#!/bin/bash
# Installs what is missing, builds, runs every test. Further arguments go to ctest (then only the dev build runs):
#   bash tests/run.sh            everything: dev, then the sanitizer builds
#   bash tests/run.sh -L epics   tests with that label
# Ends with one line "N passed, N failed" and a non-zero exit if anything failed.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

install=1
ctest_arguments=()
for argument in "$@"; do
    if [ "$argument" = --no-install ]; then install=0; else ctest_arguments+=("$argument"); fi
done

passed=0
failed=0
skipped=0
begun=$SECONDS

# step NAME COMMAND...: runs it, prints how long it took.
step() {
    local name=$1 started=$SECONDS status=0
    shift
    echo "==== $name"
    "$@" < /dev/null || status=$?
    echo "==== $name: $((SECONDS - started)) s, exit $status"
    return $status
}

finish() {
    local line="$passed passed, $failed failed"
    [ "$skipped" = 0 ] || line+=", $skipped skipped"
    echo "==== everything: $((SECONDS - begun)) s"
    echo "$line"
    [ "$failed" = 0 ] && [ "$passed" != 0 ]
    exit
}

# A step without which nothing else makes sense.
must() {
    step "$@" && return
    failed=$((failed + 1))
    finish
}

# run_ctest PRESET CTEST-ARGUMENTS...: counts what ctest says.
run_ctest() {
    local preset=$1 log=build/$1-ctest.log
    shift
    step "tests of $preset" bash -c 'set -o pipefail; log=$1; shift; ctest "$@" 2>&1 | tee "$log"' _ "$log" \
        --preset "$preset" "$@"
    local status=$? bad total not_run
    total=$(sed -nE 's/.*tests passed, ([0-9]+) tests failed out of ([0-9]+).*/\2/p' "$log" | tail -1)
    bad=$(sed -nE 's/.*tests passed, ([0-9]+) tests failed out of ([0-9]+).*/\1/p' "$log" | tail -1)
    if [ -z "$total" ]; then
        failed=$((failed + 1))
        return
    fi
    not_run=$(grep -c '[*][*][*]Skipped' "$log")
    passed=$((passed + total - bad - not_run))
    failed=$((failed + bad))
    skipped=$((skipped + not_run))
    [ $status != 0 ] && [ "$bad" = 0 ] && failed=$((failed + 1))
}

if [ $install = 1 ]; then
    must "packages" bash config/setup/packages.sh test
fi
EPICS_BASE=$(bash config/setup/epics.sh) || { echo "EPICS Base is missing"; failed=1; finish; }
export EPICS_BASE

must "configure dev" cmake --preset dev
must "build dev" cmake --build --preset dev
run_ctest dev "${ctest_arguments[@]}"

if [ ${#ctest_arguments[@]} = 0 ]; then
    for preset in asan tsan; do
        if step "configure $preset" cmake --preset "$preset" &&
            step "build $preset" cmake --build --preset "$preset" --target "orbit_${preset}_tests"; then
            run_ctest $preset
        else
            failed=$((failed + 1))
        fi
    done
fi
finish
