#!/usr/bin/env bash
# Every shell script passes shellcheck.
. "$(dirname "$0")/files.sh"

mapfile -t scripts < <(list_files \( -name '*.sh' -o -path './.ci/run' \))
must_have_looked ${#scripts[@]}
shellcheck --severity=warning --external-sources --source-path=SCRIPTDIR "${scripts[@]}"
echo "${#scripts[@]} scripts are clean"
