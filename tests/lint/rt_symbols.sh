#!/usr/bin/env bash
# What real-time code refers to is real-time code, data, or named in the list of allowed symbols.
#   rt_symbols.sh OBJECT-FOLDER ALLOWED-LIST
# RT_SAFE puts functions into the section orbit_rt; this reads the relocations of that section. Calls through
# pointers are checked where the pointers come from: constant tables may name functions of that section only,
# and a function that fills a table for the loop (hal_*_bind) is marked itself, so that what it names is checked.
set -euo pipefail

objects_in=$1
allowed_list=$2
mapfile -t objects < <(find "$objects_in" -name '*.o' | LC_ALL=C sort)
if [ ${#objects[@]} = 0 ]; then
    echo "no objects in $objects_in" >&2
    exit 1
fi

# Lines: "defined SYMBOL SECTION" of global symbols, then "refers OBJECT SYMBOL".
facts()
{
    objdump -t "${objects[@]}" | awk '
        / [gw] / && NF >= 5 { print "defined", $NF, $(NF - 2) }'
    objdump -r -j orbit_rt -j .data.rel.ro -j .data.rel.ro.local "${objects[@]}" 2>/dev/null | awk '
        /file format/ { object = $1; sub(/:$/, "", object) }
        $2 ~ /^R_/ { symbol = $3; sub(/[+-]0x[0-9a-f]+$/, "", symbol); print "refers", object, symbol }'
}

facts | awk -v allowed_list="$allowed_list" '
    BEGIN {
        while ((getline line < allowed_list) > 0) {
            split(line, word, " ")
            if (word[1] !~ /^#/)
                allowed[word[1]] = 1
        }
    }
    function is_good(symbol) {
        if (symbol == "orbit_rt")
            return 1
        if (symbol ~ /^\./)
            return symbol !~ /^\.text/
        if (symbol in section)
            return section[symbol] == "orbit_rt" || section[symbol] !~ /^\.text/
        return symbol in allowed
    }
    $1 == "defined" && $3 != "*UND*" { section[$2] = $3 }
    $1 == "refers" {
        n++
        seen_in[$2] = 1
        if (!is_good($3) && !told[$2, $3]++) {
            printf "%s: real-time code, or a table, refers to %s\n", $2, $3
            bad = 1
        }
    }
    END {
        for (object in seen_in)
            n_object++
        printf "%d references from the real-time code of %d objects\n", n, n_object
        exit bad || n == 0
    }'
