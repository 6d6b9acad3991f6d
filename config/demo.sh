#!/bin/bash
# The main job, shown: a virtual ring, the loop that reads its orbit, and what closing it does.
#   bash config/demo.sh BINDIR CONFIG [SECONDS [EPICS_BIN]]
# BINDIR: the built programs. EPICS_BIN: caget, pvget and so on. With SECONDS it ends after about that
# time, with exit 0 only if the corrected orbit met its limit and nothing failed; without, at Ctrl-C.
#
# Everything runs in a private run-time folder, on loopback and on free ports, and is gone at the end. The
# floor is read with pvget: caget would leave a caRepeater behind.
set -euo pipefail

[ $# -ge 2 ] || { sed -n '3,5s/^# //p' "$0" >&2; exit 2; }
bin=$(cd "$1" && pwd)
config_in=$(cd "$(dirname "$2")" && pwd)/$(basename "$2")
seconds=${3:-}
epics_bin=${4:+$(cd "$4" && pwd)}
patience_s=60
runner=
folder=$(mktemp -d "${TMPDIR:-/tmp}/orbitd-demo.XXXXXX")
config=$folder/$(basename "$config_in")
log=$folder/run.log
begun=$SECONDS

say() { printf 'demo: %s\n' "$*"; }

stop_all() {
    trap - EXIT INT TERM
    if [ -n "$runner" ] && kill -0 "$runner" 2> /dev/null; then
        kill -TERM "$runner"
        wait "$runner" || true
    fi
    runner=
    rm -rf "$folder"
}

fail() {
    printf '\n'
    say "FAILED: $*" >&2
    if [ -s "$log" ]; then
        say "the last lines of the programs:" >&2
        tail -n 15 "$log" >&2
    fi
    stop_all
    exit 1
}

ctl() { "$bin/orbitctl" "$@" --config "$config"; }

# One number or word of the points table, without its unit.
value() { ctl get "$1" 2> /dev/null | awk '{ print $2 }'; }

is_running() { kill -0 "$runner" 2> /dev/null; }

# ---- start ---------------------------------------------------------------------------------

# The same configuration in a private folder: its relative files made absolute.
make_config() {
    {
        echo "runtime_dir: $folder"
        sed -E -e '/^(runtime_dir|state_dir):/d' \
            -e "s#^( +(lattice|devices|reference): *)([^/\"' ][^:]*)\$#\1$(dirname "$config_in")/\3#" \
            "$config_in"
    } > "$config"
    "$bin/orbitctl" check "$config" > /dev/null 2> "$folder/faults" ||
        { cat "$folder/faults" >&2; fail "$config_in has faults"; }
}

# Dies with this script, however that ends.
start() {
    setpriv --pdeathsig TERM "$bin/orbitctl" run "$config" > "$log" 2>&1 < /dev/null &
    runner=$!
}

# ready TEXT COMMAND...: polls until the command succeeds; says what it waits for, once.
wait_for() {
    local text=$1 started=$SECONDS said=
    shift
    until "$@"; do
        is_running || fail "the programs ended while waiting for $text"
        [ $((SECONDS - started)) -lt $patience_s ] ||
            fail "$text did not come within $patience_s s; orbitd says: $(ctl get WHY 2>&1 || true)"
        [ -n "$said" ] || say "waiting for $text"
        said=1
        sleep 0.2
    done
}

answers() { ctl ping > /dev/null 2>&1; }
has_matrices() { [ "$(value REV || echo 0)" -gt 0 ] 2> /dev/null; }
has_orbit() { [ "$(value FRAME:SEQ || echo 0)" -gt 100 ] 2> /dev/null && [ "$(value N:INVALID)" = 0 ]; }
arms() { [ "$(value STATE)" = ARMED ] || ctl mode arm > "$folder/answer" 2>&1; }
closes() { ctl mode closed > "$folder/answer" 2>&1; }

# ---- numbers -------------------------------------------------------------------------------

# Rms of N readings' rms, 10 a second: "x y" in um.
orbit_rms() {
    ctl watch RMS:X RMS:Y --rate 10 --count "$1" |
        awk '!/^#/ { x += $2 * $2; y += $3 * $3; n++ } END { printf "%.3f %.3f\n", sqrt(x / n), sqrt(y / n) }'
}

port_of() { ctl endpoints | awk -v p="$1" -v f="$2" '$1 == p { for (i = 2; i < NF; i += 2) if ($i == f) print $(i + 1) }'; }

ring_value() {
    EPICS_PVA_ADDR_LIST=127.0.0.1 EPICS_PVA_AUTO_ADDR_LIST=NO EPICS_PVA_BROADCAST_PORT=$ring_pva \
        "$epics_bin/pvget" -M raw -w 5 "$1" 2> /dev/null | awk '$2 == "value" && !n++ { print $3 }'
}

read_floor() {
    ring_pva=$(port_of orbit-ring pva_port)
    sim_prefix=$("$bin/orbitctl" check --print "$config" | awk '/^virtual:/ { v = 1 } v && $1 == "prefix:" { gsub(/"/, "", $2); print $2; v = 0 }')
    floor_x=$(ring_value "${sim_prefix}FLOOR:X")
    floor_y=$(ring_value "${sim_prefix}FLOOR:Y")
    noise=$(ring_value "${sim_prefix}BPM:NOISE")
    [[ "$floor_x$floor_y$noise" =~ ^[0-9.e+-]+$ ]] || fail "the ring's floor could not be read: '$floor_x' '$floor_y' '$noise'"
    limit_x=$(limit "$floor_x")
    limit_y=$(limit "$floor_y")
}

limit() { awk -v f="$1" -v n="$noise" 'BEGIN { printf "%.3f", sqrt(1.44 * f * f + n * n) }'; }

within() { awk -v x="$1" -v y="$2" -v a="$limit_x" -v b="$limit_y" 'BEGIN { exit !(x <= a && y <= b) }'; }

largest_kick() { ctl get "U:CMD:$1" | awk '{ k = $2 < 0 ? -$2 : $2; if (k > m) m = k } END { printf "%.1f", m }'; }

# HOLD is a safe state that ends by itself when its cause is gone: told and counted, not a failure.
stays_closed() {
    local state
    is_running || fail "the programs ended"
    state=$(value STATE) || true
    [ "$state" != HOLD ] || {
        say "HOLD: $(ctl get WHY 2>&1 | sed -n '1s/^WHY //p')"
        wait_for "the end of HOLD" left_hold
        state=$(value STATE) || true
    }
    [ "$state" = CLOSED ] || fail "the loop left CLOSED for ${state:-nowhere}: $(ctl get WHY 2>&1 || true)"
}

left_hold() { [ "$(value STATE)" != HOLD ]; }

# ---- acts ----------------------------------------------------------------------------------

bring_up() {
    say "starting virtual ring, loop, model and EPICS in $folder"
    start
    wait_for "orbitd" answers
    wait_for "a parameter set from orbit-model" has_matrices
    wait_for "fresh orbits of all BPMs over Channel Access" has_orbit
    say "loop: $(value RATE | awk '{ printf "%g", $1 * 1000 }') Hz, $(ctl get VERDICT:TEXT | cut -d' ' -f2-)"
    say "model: $(ctl get MODEL:TEXT | cut -d' ' -f2-)"
    read_floor
    read -r before_x before_y <<< "$(orbit_rms 10)"
    say "SHADOW: rms orbit error $before_x um (x), $before_y um (y); nothing is driven"
}

# Without it CLOSED is refused: a corrector of the wrong polarity would only show with the loop closed.
check_correctors() {
    say "checking polarity and gain of every corrector with kicks of 1 urad"
    ctl sysid check > "$folder/check" 2> "$folder/answer" || {
        cat "$folder/check" "$folder/answer" >&2
        fail "the check of the correctors failed"
    }
    say "$(tail -n 1 "$folder/check" | sed 's/^check *//')"
}

close_loop() {
    local started
    wait_for "arming" arms
    wait_for "the gateway's acknowledgement" closes
    started=$SECONDS
    say "CLOSED"
    converged=
    while [ -z "$converged" ] && [ $((SECONDS - started)) -lt $patience_s ]; do
        stays_closed
        read -r after_x after_y <<< "$(orbit_rms 10)"
        say "rms $after_x um (x), $after_y um (y)"
        if within "$after_x" "$after_y"; then converged=1; fi
    done
    [ -n "$converged" ] || fail "no convergence in $patience_s s: rms $after_x / $after_y um, limits $limit_x / $limit_y um"
}

print_table() {
    local wake_p50 wake_p99 late skipped
    wake_p50=$(value TIME:WAKE:P50)
    wake_p99=$(value TIME:WAKE:P99)
    late=$(value COUNT:LATE)
    skipped=$(value COUNT:SKIPPED)
    printf '\n  %-6s %12s %12s %12s %12s %12s\n' plane "rms before" "rms after" floor limit "max kick"
    printf '  %-6s %9s um %9s um %9.3f um %9s um %7s urad\n' \
        x "$before_x" "$after_x" "$floor_x" "$limit_x" "$(largest_kick H)" \
        y "$before_y" "$after_y" "$floor_y" "$limit_y" "$(largest_kick V)"
    printf '  limit: sqrt((1.2 floor)^2 + (BPM noise %s um)^2)\n' "$noise"
    printf '  cycles: %s run, %s missed in %s late events; woken up late by %s us (p50), %s us (p99); holds: %s\n\n' \
        "$(value COUNT:CYCLES)" "$skipped" "$late" "$wake_p50" "$wake_p99" "$(value COUNT:HOLDS)"
}

print_how_to_look() {
    local prefix ca pva
    prefix=$(port_of orbit-epics prefix)
    ca=$(port_of orbit-epics ca_port)
    pva=$(port_of orbit-epics pva_port)
    cat << END
How to look, from another terminal while this runs:
  export PATH=$epics_bin:$bin:\$PATH
  export EPICS_CA_AUTO_ADDR_LIST=NO EPICS_CA_ADDR_LIST="127.0.0.1:$ca 127.0.0.1:$(port_of orbit-ring ca_port)"
  export EPICS_PVA_AUTO_ADDR_LIST=NO EPICS_PVA_ADDR_LIST=127.0.0.1 EPICS_PVA_BROADCAST_PORT=$pva
  export ORBITD_CONFIG=$config
  caget ${prefix}STATE ${prefix}RMS:X ${prefix}RMS:Y      camonitor ${prefix}RMS:X
  pvget ${prefix}FULL:H                            caput ${sim_prefix}DRIFT 5
  orbitctl status                                orbitctl watch RMS:X RMS:Y --rate 2
END
    printf '\n$ pvget %sRMS:X\n%s\n\n' "$prefix" "$(EPICS_PVA_ADDR_LIST=127.0.0.1 \
        EPICS_PVA_AUTO_ADDR_LIST=NO EPICS_PVA_BROADCAST_PORT=$pva "$epics_bin/pvget" -w 5 "${prefix}RMS:X" 2>&1)"
}

# Until the time is over, or for ever.
keep_on() {
    while [ -z "$seconds" ] || [ $((SECONDS - begun)) -lt "$seconds" ]; do
        stays_closed
        read -r after_x after_y <<< "$(orbit_rms 10)"
        [ ! -t 1 ] || printf '\r  %s  rms %s / %s um  missed %s  Ctrl-C ends ' "$(value STATE)" \
            "$after_x" "$after_y" "$(value COUNT:SKIPPED)"
    done
    [ ! -t 1 ] || printf '\n'
}

interrupted() {
    printf '\n'
    say "stopping"
    stop_all
    [ -z "$seconds" ] || { say "FAILED: interrupted before the $seconds s were over" >&2; exit 1; }
    exit 0
}

trap stop_all EXIT
trap interrupted INT TERM

[ -n "$epics_bin" ] || fail "no EPICS_BIN: the ring's floor is read with its pvget"
[ -x "$epics_bin/pvget" ] || fail "there is no pvget in $epics_bin"
make_config
bring_up
check_correctors
close_loop
print_table
print_how_to_look
keep_on
within "$after_x" "$after_y" || fail "rms at the end $after_x / $after_y um, limits $limit_x / $limit_y um"
print_table
ctl mode shadow > /dev/null || fail "the loop could not be opened"
stop_all
say "good: the loop was closed, the orbit met its limit, everything is stopped"
