#!/bin/bash
# Finds EPICS Base, or builds it once from Debian's source package into the cache. Prints its folder on the last
# line. Order: $EPICS_BASE, known places, the cache, build. Wants Channel Access, PV Access and QSRV.
set -euo pipefail

version=7.0.3.1
debian=$version-4
orig_sha256=1de65638a806be6c0eebc0b7840ed9dd1a1a7879bcb6ab0da88a1e8e456b709c
patch_sha256=2ad1ad0b0c7bb20d6b533e66f069d5ce18a2cddbb39b5489083a8676657d1943
cache=${ORBITD_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/orbitd}
prefix=$cache/epics-base-$version
arch=${EPICS_HOST_ARCH:-linux-$(uname -m)}

say() { echo "epics: $*" >&2; }

complete() {
    [ -x "$1/bin/$arch/caget" ] && [ -x "$1/bin/$arch/pvget" ] && [ -x "$1/bin/$arch/softIoc" ] &&
        [ -e "$1/lib/$arch/libqsrv.so" ] && [ -e "$1/include/epicsVersion.h" ]
}

find_base() {
    local place
    if [ -n "${EPICS_BASE:-}" ]; then
        complete "$EPICS_BASE" && echo "$EPICS_BASE" && return 0
        say "EPICS_BASE=$EPICS_BASE has no Base with PVA and QSRV for $arch"
    fi
    for place in /opt/epics-base /opt/epics/base /usr/local/epics/base /epics/base; do
        complete "$place" && echo "$place" && return 0
    done
    [ -e "$prefix/.complete" ] && complete "$prefix" && echo "$prefix"
}

# The machine's own Debian sources with deb-src, in lists of our own: /etc/apt stays as it is.
private_sources() {
    local parts=$1 codename file
    codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
    mkdir -p "$parts"
    for file in /etc/apt/sources.list.d/*.sources; do
        [ -e "$file" ] || continue
        grep -qE "^Suites:.*\b$codename\b" "$file" || continue
        grep -q debian-archive-keyring "$file" || continue
        sed -e 's/^Types:.*/Types: deb-src/' "$file" > "$parts/$(basename "$file")"
    done
    for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
        [ -e "$file" ] || continue
        sed -nE "s/^deb(-src)? +(.*debian.* $codename .*main.*)/deb-src \2/p" "$file" \
            > "$parts/$(basename "$file" .list)-orbitd.list"
    done
}

fetch() {
    local work=$1 options
    options=(-o Dir::Etc::sourcelist=/dev/null -o "Dir::Etc::sourceparts=$work/parts"
        -o "Dir::State::lists=$work/lists" -o "Dir::Cache=$work/apt" -o APT::Sandbox::User=
        -o Acquire::Retries=3)
    mkdir -p "$work/lists/partial" "$work/apt/archives/partial" "$work/source"
    private_sources "$work/parts"
    apt-get "${options[@]}" update -q >&2 &&
        (cd "$work/source" && apt-get "${options[@]}" source -q --download-only "epics-base=$debian" >&2)
}

fetch_with_retries() {
    local attempt
    for attempt in 1 2 3 4; do
        fetch "$1" && return 0
        say "download failed, attempt $attempt of 4"
        sleep $((attempt * 5))
    done
    return 1
}

verify() {
    (cd "$1/source" && sha256sum --quiet -c - >&2) <<SUMS
$orig_sha256  epics-base_$version.orig.tar.gz
$patch_sha256  epics-base_$debian.debian.tar.xz
SUMS
}

# Base builds its own tests, examples and modules that nobody here uses; leave them out.
slim() {
    echo "INSTALL_LOCATION=$prefix" > configure/CONFIG_SITE.local
    echo "HOST_WARN=NO" >> configure/CONFIG_SITE.local
    local drop='test|RTEMS|vxWorks|testApp|testCa|examples' file
    for file in Makefile modules/libcom/Makefile modules/database/Makefile modules/pvData/Makefile \
        modules/pvAccess/Makefile; do
        sed -i -E "/^DIRS \+= ($drop)\$/d; /^($drop)_DEPEND/d" "$file"
    done
    sed -i -E 's/^DIRS \+= .*wildcard \*App.*/DIRS += pdbApp/; /iocBoot/d; /^testApp_DEPEND/d' \
        modules/pva2pva/Makefile
    drop='normativeTypes|pvaClient|pvDatabase|example'
    sed -i -E "/^SUBMODULES \+= ($drop)\$/d; /^($drop)_DEPEND/d" modules/Makefile
}

# One line every few seconds, so that nobody takes a long build for a dead one.
progress() {
    local tree=$1 started=$SECONDS
    while sleep 10; do
        say "building: $(find "$tree" -name '*.o' | wc -l) of about 480 objects, $((SECONDS - started)) s"
    done
}

build() {
    local work=$1 watcher status=0
    say "building Base $version with PVA and QSRV into $prefix (two to five minutes, once)"
    rm -rf "$prefix"
    (cd "$work/source" && dpkg-source --no-check -x "epics-base_$debian.dsc" base > "$work/unpack.log" 2>&1)
    cd "$work/source/base"
    slim
    progress "$work/source/base" &
    watcher=$!
    make -j"$(nproc)" > "$work/build.log" 2>&1 < /dev/null || status=$?
    kill "$watcher" 2>/dev/null || true
    wait "$watcher" 2>/dev/null || true
    cd /
    if [ $status != 0 ] || ! complete "$prefix"; then
        tail -n 30 "$work/build.log" >&2
        say "the build failed; its log: $work/build.log"
        return 1
    fi
    touch "$prefix/.complete"
}

if base=$(find_base) && [ -n "$base" ]; then
    say "using $base"
    echo "$base"
    exit 0
fi
mkdir -p "$cache"
exec 9> "$cache/epics.lock"
flock 9
if [ ! -e "$prefix/.complete" ]; then
    work=$(mktemp -d "$cache/epics-build.XXXXXX")
    fetch_with_retries "$work"
    verify "$work"
    build "$work"
    rm -rf "$work"
fi
echo "$prefix"
