#!/usr/bin/env bash
# Finds Debian's PREEMPT_RT kernel, or downloads it once into the cache (the image alone, 8 MB; nothing is installed).
# Prints the image's path on the last line; fails with the reason if it cannot be had.
set -euo pipefail

cache=${ORBITD_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/orbitd}
image=$cache/vmlinuz-rt-amd64
work=

say() { echo "rt_kernel: $*" >&2; }
die() { say "$*"; exit 1; }

clean_up() { [ -z "$work" ] || rm -rf "$work"; }
trap clean_up EXIT

if [ ! -s "$image" ]; then
    command -v apt-get > /dev/null || die "no apt-get: put a PREEMPT_RT kernel image at $image"
    package=$(apt-cache depends linux-image-rt-amd64 2> /dev/null |
        sed -n 's/^ *Depends: \(linux-image-[0-9].*-rt-amd64\)$/\1/p' | head -1)
    [ -n "$package" ] || die "apt knows no linux-image-rt-amd64"
    mkdir -p "$cache"
    work=$(mktemp -d "$cache/rt-kernel.XXXXXX")
    say "downloading $package"
    (cd "$work" && apt-get download -q "$package" >&2) || die "$package cannot be downloaded"
    dpkg --fsys-tarfile "$work"/linux-image-*.deb | tar -x -C "$work" "./boot/vmlinuz-${package#linux-image-}"
    mv "$work/boot/vmlinuz-${package#linux-image-}" "$image"
fi
echo "$image"
