#!/usr/bin/env bash
# What systemd itself says about the units, and what they must and must not grant: units.sh FOLDER (with the units).
set -euo pipefail

command -v systemd-analyze > /dev/null || { echo "skipped: systemd-analyze is not installed"; exit 77; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
fail() { echo "FAILED: $*"; failed=1; }

# The programs are found where this build put them; instance and target as somebody would start them.
for unit in "$1"/*@.service "$1"/*@.target; do
    name=$(basename "$unit")
    sed -E "s,^ExecStart=[^ ]*/,ExecStart=$ORBITD_BIN/," "$unit" > "$work/${name/@/@test}"
done
for program in orbitd orbit-model orbit-epics orbit-fieldbus orbit-stream; do # not all of them need be built for this test
    [ -x "$ORBITD_BIN/$program" ] || fail "$program is not built"
done

for unit in "$work"/*; do
    name=$(basename "$unit")
    SYSTEMD_UNIT_PATH="$work:" systemd-analyze verify --man=no "$unit" > "$work.said" 2>&1 || fail "$name: verify"
    if grep -F "$work" "$work.said" || grep -E '(orbit-?[a-z]*)@test' "$work.said"; then
        fail "$name: systemd warns"
    fi
    rm -f "$work.said"
done

has() { grep -qx "$2" "$1/$3" || fail "$3 lacks '$2'"; }
has_not() { ! grep -qE "$2" "$1/$3" || fail "$3 has '$2'"; }

has "$1" 'Type=notify' orbitd@.service
has "$1" 'CapabilityBoundingSet=CAP_SYS_NICE CAP_IPC_LOCK' orbitd@.service
has_not "$1" '^CPUScheduling|^CPUAffinity' orbitd@.service # orbitd gives them to the loop's thread alone
# All of an instance meet in these two; a private /tmp is no place to.
for unit in orbitd@.service orbit-model@.service orbit-epics@.service orbit-fieldbus@.service orbit-stream@.service; do
    has "$1" 'RuntimeDirectory=orbitd' "$unit"
    has "$1" 'RuntimeDirectoryPreserve=yes' "$unit"
    has "$1" 'StateDirectory=orbitd' "$unit"
    has "$1" 'User=orbitd' "$unit"
done
for unit in orbit-model@.service orbit-stream@.service; do
    has "$1" 'PrivateNetwork=yes' "$unit"
done
for unit in orbit-model@.service orbit-epics@.service orbit-fieldbus@.service orbit-stream@.service; do
    has "$1" 'RestrictRealtime=yes' "$unit"
    has "$1" 'CapabilityBoundingSet=' "$unit"
    has_not "$1" '^(Requires|BindsTo)=' "$unit"
done

# Exposure from 0 to 10 in tenths; the limits are a little above what was reached.
for pair in orbitd:16 orbit-model:9 orbit-epics:18 orbit-fieldbus:17 orbit-stream:9; do
    unit=${pair%:*}@test.service
    systemd-analyze security --offline=yes --threshold="${pair#*:}" "$work/$unit" > "$work/said" 2>&1 ||
        fail "$unit: more exposed than ${pair#*:} tenths"
    grep -a 'Overall exposure' "$work/said" || fail "$unit: no score"
done
exit $failed
