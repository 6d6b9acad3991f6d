#!/usr/bin/env bash
# Who may include whom. The link graph of the CMake targets says the same, but a header is enough to
# make a dependency, and it needs no link.
. "$(dirname "$0")/files.sh"

# folder: what files in it may include, as path prefixes; the longest folder that fits decides.
rules='
rt/base       rt/base/
rt/shm        rt/base/ rt/shm/
rt/sys        rt/base/ rt/sys/
rt/hal        rt/base/ rt/shm/ rt/sys/ rt/hal/
rt/loop/law   rt/base/ rt/loop/law/
rt/loop       rt/base/ rt/shm/ rt/sys/ rt/hal/ rt/loop/
rt            rt/ config/
rt/manager    rt/ config/ model/engine/law_
config        rt/base/ rt/shm/layout.h config/
model         rt/base/ model/
model/plant   rt/base/ model/plant/
model/engine  rt/base/ rt/shm/ rt/loop/law/ config/ model/
io            rt/base/ rt/shm/ rt/loop/law/ rt/loop/excite.h config/ model/ io/
io/replay     rt/base/ rt/shm/ rt/hal/ rt/loop/ config/ io/segment/ io/stream/ io/replay/ io/spectra/
bench         rt/ config/ model/ io/modbus/ bench/
bench/load    rt/base/ rt/shm/ io/ bench/load/
bench/ring    rt/base/ rt/shm/ config/ model/ io/ bench/
tests         rt/ config/ model/ io/ bench/ tests/
'

mapfile -t sources < <(list_sources)
must_have_looked ${#sources[@]}
grep -HnE '^[[:space:]]*#[[:space:]]*include[[:space:]]+"' "${sources[@]}" | awk -v rules="$rules" '
    BEGIN {
        n_line = split(rules, line, "\n")
        for (i = 1; i <= n_line; i++) {
            n = split(line[i], word, " ")
            for (k = 2; k <= n; k++)
                may[word[1]] = may[word[1]] " " word[k]
        }
    }
    {
        split($0, part, ":")
        split($0, quoted, "\"")
        folder = part[1]
        while (!(folder in may) && sub(/\/[^\/]*$/, "", folder)) { }
        if (!(folder in may)) {
            printf "%s: no rule says what this folder may include\n", part[1]
            bad = 1
            next
        }
        n = split(may[folder], prefix, " ")
        ok = 0
        for (i = 1; i <= n; i++)
            ok = ok || index(quoted[2], prefix[i]) == 1
        if (!ok) {
            printf "%s:%s: files in %s may not include %s\n", part[1], part[2], folder, quoted[2]
            bad = 1
        }
    }
    END { printf "%d includes checked\n", NR; exit bad }'
