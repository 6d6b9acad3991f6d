#!/usr/bin/env bash
# mandoc finds nothing to complain about in the manual pages.
. "$(dirname "$0")/files.sh"

mapfile -t pages < <(list_files -name '*.[1-8]')
must_have_looked ${#pages[@]}
mandoc -T lint -W warning "${pages[@]}"
echo "${#pages[@]} manual pages are clean"
