#!/usr/bin/env bash
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

work=
make_pid=

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

# The machine's own entries for the Debian archive, as apt resolves them from either file format, as sources in
# a list of our own: /etc/apt and its lists stay as they are.
private_sources() {
    local codename uri release component origin key=/usr/share/keyrings/debian-archive-keyring.gpg options=
    codename=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
    [ ! -r "$key" ] || options="[signed-by=$key] "
    # shellcheck disable=SC2016 # these $(...) are apt's
    apt-get indextargets 'Created-By: Packages' --format '$(REPO_URI)|$(RELEASE)|$(COMPONENT)|$(ORIGIN)' |
        sort -u | while IFS='|' read -r uri release component origin; do
        case "$release|$component|$origin" in
        # apt knows no origin before it has fetched the lists for the first time
        "$codename|main|Debian" | "$codename|main|" | "$codename|main|\$"*)
            echo "deb-src $options$uri $release main"
            ;;
        esac
    done > "$1"
    [ -s "$1" ] && return
    say "apt has no entry for the main archive of Debian '$codename'; install EPICS Base 7 and set EPICS_BASE"
    return 1
}

fetch() {
    local work=$1 options
    options=(-o "Dir::Etc::sourcelist=$work/sources.list" -o Dir::Etc::sourceparts=/dev/null
        -o "Dir::State::lists=$work/lists" -o "Dir::Cache=$work/apt" -o APT::Sandbox::User=
        -o Acquire::Retries=3)
    mkdir -p "$work/lists/partial" "$work/apt/archives/partial" "$work/source"
    apt-get "${options[@]}" update -q >&2 &&
        (cd "$work/source" && apt-get "${options[@]}" source -q --download-only "epics-base=$debian" >&2)
}

fetch_with_retries() {
    local attempt
    private_sources "$1/sources.list" || return 1
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
    while sleep 5 && kill -0 "$make_pid" 2> /dev/null; do
        say "building: $(find "$tree" -name '*.o' | wc -l) of about 480 objects, $((SECONDS - started)) s"
    done
}

# However this ends, no make and no half-built tree stay behind; an install folder without its mark is built anew.
clean_up() {
    if [ -n "$make_pid" ]; then
        kill "$make_pid" 2> /dev/null || true
        wait "$make_pid" 2> /dev/null || true
    fi
    [ -z "$work" ] || rm -rf "$work"
}

build() {
    local status=0
    say "building Base $version with PVA and QSRV into $prefix (two to five minutes, once)"
    rm -rf "$prefix"
    (cd "$work/source" && dpkg-source --no-check -x "epics-base_$debian.dsc" base > "$work/unpack.log" 2>&1)
    cd "$work/source/base"
    slim
    # In the background, so that a signal is not kept waiting until make has ended.
    env -u EPICS_BASE -u MAKEFLAGS make -j"$(nproc)" > "$work/build.log" 2>&1 < /dev/null &
    make_pid=$!
    progress "$work/source/base"
    wait "$make_pid" || status=$?
    make_pid=
    cd /
    if [ $status != 0 ] || ! complete "$prefix"; then
        tail -n 30 "$work/build.log" >&2
        cp "$work/build.log" "$cache/epics-build.log"
        say "the build failed; its log: $cache/epics-build.log"
        return 1
    fi
    touch "$prefix/.complete"
}

if base=$(find_base) && [ -n "$base" ]; then
    say "using $base"
    echo "$base"
    exit 0
fi
case $cache in *[[:space:]]*)
    say "EPICS Base cannot be built below a folder with blanks in its name: $cache (set ORBITD_CACHE)"
    exit 1
    ;;
esac
mkdir -p "$cache"
trap clean_up EXIT
trap 'exit 130' INT TERM HUP
exec 9> "$cache/epics.lock"
flock 9
if [ ! -e "$prefix/.complete" ]; then
    work=$(mktemp -d "$cache/epics-build.XXXXXX")
    fetch_with_retries "$work"
    verify "$work"
    build
fi
echo "$prefix"
