#!/usr/bin/env bash
# Boots Debian's PREEMPT_RT kernel under software emulation and runs orbitd there, with SCHED_FIFO, locked memory and an
# isolated processor: run.sh GUEST-INIT. Judges what guest_init prints. Functional: an emulator's times mean nothing.
set -euo pipefail

skip() { echo "skipped: $*"; exit 77; }

init=$1
here=$(cd "$(dirname "$0")" && pwd)
root=$ORBITD_SOURCE
[ "$(uname -m)" = x86_64 ] || skip "the kernel is for x86_64"
for program in qemu-system-x86_64 cpio ldd; do
    command -v "$program" > /dev/null || skip "$program is not installed (config/setup/packages.sh test)"
done
kernel=$(bash "$root/config/setup/rt_kernel.sh" | tail -1) || skip "no PREEMPT_RT kernel to boot"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tree=$work/tree
mkdir -p "$tree"/{proc,sys,dev,run,etc,tmp}

# What a program needs beside itself, at the same places.
copy_program() {
    local library
    install -s "$1" "$tree/$2"
    ldd "$1" | grep -oE '/[^ ]+' | while read -r library; do
        install -D "$library" "$tree$library"
    done
}

copy_program "$ORBITD_BIN/orbitd" orbitd
copy_program "$init" init
cp "$here/guest.yaml" "$root"/lattices/fodo/{devices,lattice}.json "$tree/etc/"
(cd "$tree" && find . | cpio -o -H newc --quiet) > "$work/initramfs"

# The emulator's time stamp counter is its host's, so it may be trusted where the kernel would not.
started=$SECONDS
timeout 240 qemu-system-x86_64 -accel tcg,thread=multi -M q35 -cpu max -smp 2 -m 512 -net none -nographic -no-reboot \
    -kernel "$kernel" -initrd "$work/initramfs" -append "console=ttyS0 quiet panic=1 mitigations=off \
isolcpus=1 nohz_full=1 rcu_nocbs=1 irqaffinity=0 clocksource=tsc tsc=reliable" < /dev/null > "$work/console" 2>&1 ||
    echo "qemu: exit $?"
tr -d '\r' < "$work/console" | grep -aE '^(RESULT|guest:|orbitd:)' || tail -30 "$work/console"
echo "guest: $((SECONDS - started)) s from start to end"

failed=0
while read -r line; do
    tr -d '\r' < "$work/console" | grep -qaxF "RESULT $line" || { echo "wanted: $line"; failed=1; }
done << 'END'
preempt_rt=1
connected=1
cycles_ran=1
faults=0
verdict=real-time
verdict_code=0
fifo_priority=80
fifo_thread=1
only_core_1=1
memory_locked=1
exit_code=0
signal=0
end=1
END
exit $failed
