#!/usr/bin/env bash
# No path of somebody's machine and no package host in the tree: where packages come from is decided by
# the configuration of the machine that installs.
. "$(dirname "$0")/files.sh"

pattern='(^|[^A-Za-z0-9_.$}])/(work|root|home/[a-z]+|Users)/'
pattern+='|(deb|ftp|security|snapshot)[.]debian[.]org|pypi[.](org|python)|pythonhosted'
pattern+='|registry[.]npmjs|crates[.]io|proxy[.]golang|repo[0-9]?[.]maven'

mapfile -t files < <(list_files ! -path './tests/lint/no_machine_paths.sh' ! -path './tests/lint/selftest.sh')
must_have_looked ${#files[@]}
status=0
grep -InE "$pattern" "${files[@]}" || status=$?
if [ $status != 1 ]; then
    echo "the lines above name a machine's path or a package host, or could not be read"
    exit 1
fi
echo "${#files[@]} files name no machine"
