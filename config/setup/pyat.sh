#!/usr/bin/env bash
# pyAT (Accelerator Toolbox for Python) of one version in the cache, the yardstick of bench/: prints the Python
# that has it. The package comes from wherever pip is configured to get packages.
set -euo pipefail

version=0.7.1
cache=${ORBITD_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/orbitd}
place=$cache/pyat-$version
python=$place/bin/python

say() { echo "pyat: $*" >&2; }

has_version() {
    [ -x "$python" ] && [ "$("$python" -c 'import at; print(at.__version__)' 2>/dev/null | tail -1)" = $version ]
}

if ! has_version; then
    say "installing accelerator-toolbox $version into $place"
    mkdir -p "$cache"
    python3 -m venv "$place" >&2 || { say "python3 has no venv (Debian: python3-venv)"; exit 1; }
    "$place/bin/pip" install -q "accelerator-toolbox==$version" >&2 || { say "pip could not install it"; exit 1; }
    has_version || { say "$place does not have $version"; exit 1; }
fi
echo "$python"
