#!/usr/bin/env bash
# Each header compiles alone, so that the order of includes never matters.
#   header_alone.sh [TREE]    EPICS_BASE names the Base whose headers some of ours include
. "$(dirname "$0")/files.sh"

flags=(-std=gnu17 -fsyntax-only -Wall -Wextra -Werror -D_GNU_SOURCE "-I$root")
read -ra packages <<<"$(pkg-config --cflags yaml-0.1 jansson liburcu-qsbr openblas lapacke cmocka)"
flags+=("${packages[@]}")
if [ -n "${EPICS_BASE:-}" ]; then
    flags+=(-DUNIX -Dlinux -DUSE_TYPED_RSET -isystem "$EPICS_BASE/include"
        -isystem "$EPICS_BASE/include/os/Linux" -isystem "$EPICS_BASE/include/compiler/gcc")
fi

n=0
bad=0
while read -r header; do
    n=$((n + 1))
    if ! printf '#include "%s"\n' "$header" | gcc "${flags[@]}" -x c -; then
        echo "$header does not compile alone"
        bad=$((bad + 1))
    fi
done < <(list_files -name '*.h')
must_have_looked $n
echo "$n headers, $bad do not compile alone"
[ $bad = 0 ]
