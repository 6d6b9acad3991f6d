#!/usr/bin/env bash
# Nothing that lives for the whole program can be changed, outside a list with the reason of each.
#   writable_globals.sh ALLOWED-LIST OBJECT-FOLDER...
# Reads the objects: variables in .data, .bss, thread-local storage and common blocks. Tables of constant
# pointers (.data.rel.ro) are read-only once relocated. List: one a line, SOURCE:SYMBOL, then why.
set -euo pipefail

allowed_list=$1
shift
mapfile -t objects < <(find "$@" -name '*.o' | LC_ALL=C sort)
if [ ${#objects[@]} = 0 ]; then
    echo "no objects in $*" >&2
    exit 1
fi

objdump -t "${objects[@]}" | awk -v allowed_list="$allowed_list" '
    BEGIN {
        while ((getline line < allowed_list) > 0) {
            split(line, word, " ")
            if (word[1] != "" && word[1] !~ /^#/)
                allowed[word[1]] = 1
        }
    }
    /file format/ {
        source = $1
        sub(/:$/, "", source)
        sub(/\.o$/, "", source)
        sub(/.*\//, "", source)
        n_object++
    }
    $0 ~ /^[0-9a-f]+ .*[ ](\.data|\.bss|\.tdata|\.tbss|\*COM\*)/ && $0 !~ /\.data\.rel\.ro/ && $0 !~ / d  / {
        name = $NF
        sub(/\.[0-9]+$/, "", name)
        used[source ":" name] = 1
        if (!((source ":" name) in allowed)) {
            printf "%s: %s can be changed, and is not in the list\n", source, name
            bad = 1
        }
    }
    END {
        for (entry in allowed)
            if (!(entry in used)) {
                printf "%s is in the list, and no object has it\n", entry
                bad = 1
            }
        printf "%d objects looked at\n", n_object
        exit bad
    }'
