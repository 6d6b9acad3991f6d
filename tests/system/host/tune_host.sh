#!/usr/bin/env bash
# tune-host.sh on a small tree of /proc and /sys: says, changes, leaves what is right, puts back. tune_host.sh SCRIPT
set -euo pipefail

script=$1
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
failed=0
fail() { echo "FAILED: $*"; failed=1; }
said=
tune() { said=$(bash "$script" --root "$root" "$@" 2>&1); }
status_of() { local s=0; tune "$@" || s=$?; echo $s; }
says() { [[ $said = *"$1"* ]] || fail "not said: '$1' but: $said"; }
state() { (cd "$root" && find proc sys -type f -exec sha256sum {} + | sort); }

put() { mkdir -p "$root/${1%/*}"; echo "$2" > "$root/$1"; }
make_host() {
    rm -rf "${root:?}"/*
    put sys/devices/system/cpu/cpu0/online 1
    put sys/devices/system/cpu/cpu1/online 1
    put sys/devices/system/cpu/cpu2/cpufreq/scaling_governor powersave
    put sys/devices/system/cpu/cpu3/cpufreq/scaling_governor powersave
    put proc/sys/kernel/sched_rt_runtime_us 950000
    put proc/sys/kernel/timer_migration 0
    put proc/sys/vm/stat_interval 1
    put proc/irq/7/smp_affinity_list 0-3
    put proc/irq/8/smp_affinity_list 0-1
    put proc/irq/9/smp_affinity_list 0,3
}

make_host
before=$(state)
tune --core 3
says '5 would be changed'
says 'undo     echo 950000 > /proc/sys/kernel/sched_rt_runtime_us'
[ "$(state)" = "$before" ] || fail "it changed something without --apply"
[ ! -e "$root/run" ] || fail "it kept something without --apply"

tune --core 3 --apply
says '5 changed, 0 refused'
[ "$(cat "$root/proc/sys/kernel/sched_rt_runtime_us")" = -1 ] || fail "throttling is not off"
[ "$(cat "$root/proc/irq/7/smp_affinity_list")" = 0 ] || fail "interrupt 7 was not moved"
[ "$(cat "$root/proc/irq/8/smp_affinity_list")" = 0-1 ] || fail "interrupt 8 was moved"
[ "$(cat "$root/sys/devices/system/cpu/cpu3/cpufreq/scaling_governor")" = performance ] || fail "no governor"
[ "$(cat "$root/sys/devices/system/cpu/cpu2/cpufreq/scaling_governor")" = powersave ] || fail "another's governor"
tune --core 3 --apply
says 'nothing to change'

# Somebody changes a thing in between; what is put back is what was there at first.
echo 0-3 > "$root/proc/irq/7/smp_affinity_list"
echo 900000 > "$root/proc/sys/kernel/sched_rt_runtime_us"
tune --core 3 --apply
says '2 changed'
tune --core 3 --undo
says '5 put back, 0 refused'
[ "$(state)" = "$before" ] || fail "--undo does not lead back"
tune --core 3 --undo
says 'nothing to undo'

# A file that reads but cannot be written: a link to a constant of the kernel.
make_host
rm "$root/proc/sys/vm/stat_interval"
ln -s /proc/sys/kernel/ngroups_max "$root/proc/sys/vm/stat_interval"
tune --core 3 --apply
says '4 changed, 1 refused'
tune --core 3 --undo
says '4 put back, 0 refused'

[ "$(status_of --core 9)" = 2 ] || fail "a processor that is not there"
[ "$(status_of)" = 2 ] || fail "no processor"
[ "$(status_of --core x)" = 2 ] || fail "no number"
[ "$(status_of --core 3 --frobnicate)" = 2 ] || fail "an unknown option"
[ "$(status_of --core 3 --apply --undo)" = 2 ] || fail "--apply with --undo"
[ "$(bash "$script" --root /dev/null/x --core 0 > /dev/null 2>&1; echo $?)" = 2 ] || fail "a root that is no folder"
bash "$script" --help | grep -q -- '--undo' || fail "--help does not name --undo"

# On this host: it only looks.
bash "$script" --core 0 > /dev/null || fail "it does not run on this host"
exit $failed
