#!/usr/bin/env bash
# No function of more than 60 lines; prints the median. A function is what stands between a brace in
# column 0 after a line without '=' (which would be a table) and the next closing brace in column 0.
. "$(dirname "$0")/files.sh"

limit=60
mapfile -t sources < <(list_sources)
must_have_looked ${#sources[@]}
awk -v limit=$limit '
    FNR == 1 { start = 0 }
    /^\{/ { start = FNR; name = last; sub(/\(.*/, "(", name) }
    /^\}/ && start {
        n = FNR - start - 1
        print n
        if (n > limit)
            printf "%s:%d: %s) has %d lines, %d are allowed\n", FILENAME, start, name, n, limit > "/dev/stderr"
        start = 0
    }
    /^[A-Za-z_].*\(/ { last = $0 }' "${sources[@]}" |
    sort -n | awk -v limit=$limit '
    { length_of[NR] = $1; if ($1 > limit) bad++ }
    END {
        printf "%d functions: median %d, 90 %% up to %d, longest %d lines; %d too long\n",
            NR, length_of[int((NR + 1) / 2)], length_of[int(NR * 0.9 + 0.5)], length_of[NR], bad
        exit bad > 0 || NR == 0
    }'
