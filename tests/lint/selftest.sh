#!/usr/bin/env bash
# Each check passes on a small clean tree and fails on the same tree with one fault planted in it.
set -euo pipefail
checks=$(cd "$(dirname "$0")" && pwd)
tree=$(mktemp -d)
output=$(mktemp)
trap 'rm -rf "$tree" "$output"' EXIT
n_bad=0

clean_tree()
{
    rm -rf "${tree:?}"/*
    mkdir -p "$tree"/{rt/base,rt/loop,io,tests/unit,objects}
    cp "$checks/../../.clang-format" "$tree/"
    printf '#ifndef A_H\n#define A_H\n\nint a_value(void);\n\n#endif\n' >"$tree/rt/base/a.h"
    printf '#include "rt/base/a.h"\n\nint a_value(void)\n{\n    return 1;\n}\n' >"$tree/rt/base/a.c"
    printf '#ifndef B_H\n#define B_H\n\nint b_value(void);\n\n#endif\n' >"$tree/io/b.h"
    printf '#!/bin/bash\necho fine\n' >"$tree/run.sh"
    printf '.Dd November 1, 2026\n.Dt A 1\n.Os\n.Sh NAME\n.Nm a\n.Nd fine\n' >"$tree/a.1"
    printf 'int main(void)\n{\n    return 0;\n}\n' >"$tree/tests/unit/a_test.c"
    echo "$tree/tests/unit/a_test.c" >"$tree/registered"
    printf 'memcpy\n' >"$tree/allowed"
    printf '# none\n' >"$tree/globals"
    compile_rt 'memcpy(to, from, n);'
}

# An object whose real-time function has the given body.
compile_rt()
{
    printf '#include <stdlib.h>\n#include <string.h>\nvoid *f(void *to, const void *from, size_t n);\n%s' \
        'static __attribute__((noinline)) void helper(void *to) { *(volatile char *) to = 0; }' >"$tree/objects/f.c"
    printf '__attribute__((section("orbit_rt"))) void *f(void *to, const void *from, size_t n)\n{%s return to;}' \
        "$1" >>"$tree/objects/f.c"
    gcc -O2 -w -fno-builtin -c "$tree/objects/f.c" -o "$tree/objects/f.o"
    rm "$tree/objects/f.c"
}

# expect pass|fail WHAT COMMAND...
expect()
{
    local wanted=$1 what=$2 got=pass
    shift 2
    "$@" >"$output" 2>&1 || got=fail
    if [ $got = "$wanted" ]; then
        echo "good: $what: $got"
    else
        echo "BAD: $what: wanted $wanted, got $got"
        cat "$output"
        n_bad=$((n_bad + 1))
    fi
}

# judge CHECK FAULT-NAME PLANT-COMMAND...
judge()
{
    local check=$1 fault=$2
    local command=("$checks/$check" "$tree")
    shift 2
    case $check in
    rt_symbols.sh) command=("$checks/$check" "$tree/objects" "$tree/allowed") ;;
    writable_globals.sh) command=("$checks/$check" "$tree/globals" "$tree/objects") ;;
    registered.sh) command+=("$tree/registered") ;;
    esac
    clean_tree
    expect pass "$check on a clean tree" "${command[@]}"
    "$@"
    expect fail "$check with $fault" "${command[@]}"
}

put()
{
    printf '%b' "$2" >>"$tree/$1"
}

long_function()
{
    put rt/base/a.c "\nint long_one(void)\n{\n$(printf '    a_value();\\n%.0s' {1..61})    return 0;\n}\n"
}

judge header_alone.sh "a header that lacks an include" put rt/base/a.h 'size_t a_size(void);\n'
judge function_length.sh "a function of 62 lines" long_function
judge layering.sh "an include of io in the loop" put rt/loop/c.c '#include "io/b.h"\n'
judge layering.sh "a folder without a rule" put c.c '#include "rt/base/a.h"\n'
judge format.sh "a badly laid out line" put rt/base/a.c 'int  c( void ){return 2;}\n'
judge no_machine_paths.sh "a path of a home" put run.sh 'cat /root/notes\n'
judge no_machine_paths.sh "a package host" put run.sh 'curl http://\x64eb.debian.org/\n'
judge scripts.sh "an unquoted, unset variable" put run.sh 'cd $where\n'
judge manuals.sh "an unknown macro" put a.1 '.Zz nothing\n'
judge registered.sh "a test that is in no test" put tests/unit/b_test.c 'int b;\n'
judge writable_globals.sh "a variable of a file" compile_rt 'static volatile int calls; calls++;'
judge writable_globals.sh "a variable in the list that is gone" put globals 'a.c:gone\n'
judge rt_symbols.sh "a call of malloc" compile_rt 'to = malloc(n);'
judge rt_symbols.sh "a helper that is not marked" compile_rt 'helper(to);'
judge rt_symbols.sh "a table with a helper that is not marked" compile_rt 'static void (*const table[2])(void *) = {helper, helper}; table[n % 2](to);'
judge rt_symbols.sh "no real-time code at all" objcopy --rename-section orbit_rt=.text.other "$tree/objects/f.o"

echo "$n_bad of the checks' own checks went wrong"
[ $n_bad = 0 ]
