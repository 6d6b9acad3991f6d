#!/usr/bin/env bash
# The text of every C file is as clang-format leaves it. `format.sh --fix` makes it so.
mode=(--dry-run -Werror)
if [ "${1:-}" = --fix ]; then
    mode=(-i)
    shift
fi
. "$(dirname "$0")/files.sh"

mapfile -t sources < <(list_sources)
must_have_looked ${#sources[@]}
clang-format --style=file "${mode[@]}" "${sources[@]}"
echo "${#sources[@]} files are formatted"
