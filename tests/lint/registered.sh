#!/usr/bin/env bash
# Each test source is in a test: one that nobody runs looks like one that passes.
#   registered.sh TREE LIST    the list is what orbit_add_test wrote, one absolute path a line
. "$(dirname "$0")/files.sh"

list=$2
n=0
bad=0
while read -r source; do
    n=$((n + 1))
    if ! grep -qxF "$root/$source" "$list"; then
        echo "$source is in no test"
        bad=$((bad + 1))
    fi
done < <(list_files -path './tests/*_test.c')
must_have_looked $n
echo "$n test sources, $bad in no test"
[ $bad = 0 ]
