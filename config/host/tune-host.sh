#!/usr/bin/env bash
# Sets what can be set without a reboot so that the loop's processor is left alone. Says what it would change; changes
# nothing without --apply:
#   tune-host.sh --core N [--apply] [--root DIR]
#   tune-host.sh --core N --undo [--root DIR]
# What is right already is left, so it may run again and again (at each start, say: none of this outlives a reboot).
# --undo puts back what --apply found, kept in /run/orbitd/tune-host-N.undo. --root tries it out on copies of /proc and
# /sys below DIR.
set -euo pipefail

core=
action=show
root=
while [ $# -gt 0 ]; do
    case $1 in
        --core) core=${2:-}; shift; [ $# -gt 0 ] && shift ;;
        --root) root=${2:-}; shift; [ $# -gt 0 ] && shift
                [ -d "$root" ] || { echo "tune-host: --root wants a folder" >&2; exit 2; } ;;
        --apply | --undo)
            [ $action = show ] || { echo "tune-host: --apply or --undo, not both" >&2; exit 2; }
            action=${1#--}; shift ;;
        --help) sed -n '2,8s/^# \{0,1\}//p' "$0"; exit 0 ;;
        *) echo "tune-host: what is '$1'? See --help" >&2; exit 2 ;;
    esac
done
case $core in '' | *[!0-9]*) echo "tune-host: --core wants the number of the loop's processor" >&2; exit 2 ;; esac
[ -d "$root/sys/devices/system/cpu/cpu$core" ] || { echo "tune-host: there is no processor $core" >&2; exit 2; }
[ $action = show ] || [ -n "$root" ] || [ "$(id -u)" = 0 ] || { echo "tune-host: --$action needs root" >&2; exit 1; }

kept=$root/run/orbitd/tune-host-$core.undo
n_wrong=0
n_failed=0

# put VALUE FILE: false if the kernel refuses.
put() { (echo "$1" > "$2") 2> /dev/null; }

# The last change is put back first. What the kernel refuses now is kept for another time.
undo() {
    local old file left='' n=0
    [ -s "$kept" ] || { echo "nothing to undo"; return 0; }
    while IFS=$'\t' read -r file old; do
        n=$((n + 1))
        echo "put back     $old > $file"
        put "$old" "$root$file" && continue
        n_failed=$((n_failed + 1))
        left+=$file$'\t'$old$'\n'
        echo "    refused  by the kernel"
    done < <(tac "$kept")
    rm -f "$kept"
    [ -z "$left" ] || printf '%s' "$left" | tac > "$kept"
    echo "$((n - n_failed)) put back, $n_failed refused"
}

# Kept before the change is made, and only the first time: what was there before any of them.
keep() {
    mkdir -p "${kept%/*}"
    grep -q "^$1"$'\t' "$kept" 2> /dev/null || printf '%s\t%s\n' "$1" "$2" >> "$kept"
}

# want FILE VALUE WHY: FILE should hold VALUE.
want() {
    local file=$1 value=$2 why=$3 now
    [ -e "$root$file" ] || return 0
    now=$(cat "$root$file" 2> /dev/null) || { echo "cannot read  $file ($why)"; return 0; }
    [ "$now" != "$value" ] || return 0
    n_wrong=$((n_wrong + 1))
    echo "change       $why"
    echo "    do       echo $value > $file"
    echo "    undo     echo $now > $file"
    [ $action = apply ] || return 0
    keep "$file" "$now"
    put "$value" "$root$file" && return 0
    n_failed=$((n_failed + 1))
    # A refusal changed nothing: there is nothing to put back.
    sed -i "\\|^$file"$'\t'"|d" "$kept"
    echo "    refused  by the kernel"
}

if [ $action = undo ]; then
    undo
    exit
fi

# Processors but the loop's.
others=
for path in "$root"/sys/devices/system/cpu/cpu[0-9]*; do
    [ "${path##*cpu}" = "$core" ] || others+=${others:+,}${path##*cpu}
done
[ -n "$others" ] || { echo "tune-host: one processor only; nothing can be kept off it"; exit 0; }
first=${others%%,*}

want /proc/sys/kernel/sched_rt_runtime_us -1 "real-time throttling off"
want "/sys/kernel/debug/sched/fair_server/cpu$core/runtime" 0 "no time of processor $core for ordinary tasks"
want /proc/sys/kernel/timer_migration 0 "timers stay where they were set"
want /proc/sys/kernel/watchdog 0 "no lockup detector"
want /proc/sys/vm/stat_interval 120 "statistics of the memory rarely"
want "/sys/devices/system/cpu/cpu$core/cpufreq/scaling_governor" performance "processor $core at full clock"

# Interrupts that name processors, each only if it may fire on the loop's.
for irq in "$root"/proc/irq/[0-9]*; do
    [ -r "$irq/smp_affinity_list" ] || continue
    now=$(cat "$irq/smp_affinity_list")
    while IFS=- read -r from to; do
        if [ -n "$from" ] && [ "$core" -ge "$from" ] && [ "$core" -le "${to:-$from}" ]; then
            want "${irq#"$root"}/smp_affinity_list" "$first" "interrupt ${irq##*/} off processor $core"
        fi
    done <<< "${now//,/$'\n'}"
done

if [ $n_wrong = 0 ]; then
    echo "nothing to change"
elif [ $action = show ]; then
    echo "$n_wrong would be changed: again with --apply, as root"
else
    echo "$((n_wrong - n_failed)) changed, $n_failed refused; back with --undo"
fi
