#!/usr/bin/env bash
# Sets what can be set without a reboot so that the loop's processor is left alone. Says what it would change and how to
# undo it; changes nothing without --apply:
#   tune-host.sh --core N [--apply]
# What is right already is left, so it may run again and again (at each start, say: none of this outlives a reboot).
set -euo pipefail

core=
apply=0
while [ $# -gt 0 ]; do
    case $1 in
        --core) core=${2:-}; shift; [ $# -gt 0 ] && shift ;;
        --apply) apply=1; shift ;;
        --help) sed -n '2,5s/^# \{0,1\}//p' "$0"; exit 0 ;;
        *) echo "tune-host: what is '$1'? See --help" >&2; exit 2 ;;
    esac
done
case $core in '' | *[!0-9]*) echo "tune-host: --core wants the number of the loop's processor" >&2; exit 2 ;; esac
[ -d "/sys/devices/system/cpu/cpu$core" ] || { echo "tune-host: there is no processor $core" >&2; exit 2; }
[ $apply = 0 ] || [ "$(id -u)" = 0 ] || { echo "tune-host: --apply needs root" >&2; exit 1; }

n_wrong=0
n_failed=0

# want FILE VALUE WHY: FILE should hold VALUE.
want() {
    local file=$1 value=$2 why=$3 now
    [ -e "$file" ] || return 0
    now=$(cat "$file" 2> /dev/null) || { echo "cannot read  $file ($why)"; return 0; }
    case " $now " in "$value" | " $value " | *"[$value]"*) return 0 ;; esac
    n_wrong=$((n_wrong + 1))
    echo "change       $why"
    echo "    do       echo $value > $file"
    echo "    undo     echo $now > $file"
    [ $apply = 1 ] || return 0
    if ! (echo "$value" > "$file") 2> /dev/null; then
        n_failed=$((n_failed + 1))
        echo "    refused  by the kernel"
    fi
}

# Processors but the loop's, as the kernel writes lists.
others=
for path in /sys/devices/system/cpu/cpu[0-9]*; do
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
for irq in /proc/irq/[0-9]*; do
    [ -r "$irq/smp_affinity_list" ] || continue
    now=$(cat "$irq/smp_affinity_list")
    while IFS=- read -r from to; do
        if [ -n "$from" ] && [ "$core" -ge "$from" ] && [ "$core" -le "${to:-$from}" ]; then
            want "$irq/smp_affinity_list" "$first" "interrupt ${irq##*/} off processor $core"
        fi
    done <<< "${now//,/$'\n'}"
done

if [ $n_wrong = 0 ]; then
    echo "nothing to change"
elif [ $apply = 0 ]; then
    echo "$n_wrong would be changed: again with --apply, as root"
else
    echo "$((n_wrong - n_failed)) changed, $n_failed refused"
fi
