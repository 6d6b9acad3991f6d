# shellcheck shell=bash
# Sourced by every check. The tree to judge is the first argument, else the checkout that the check is in.
set -euo pipefail
root=$(cd "${1:-$(dirname "${BASH_SOURCE[0]}")/../..}" && pwd)
cd "$root"

# list_files FIND-EXPRESSION...: files of the tree, without what is built or belongs to git.
list_files()
{
    find . \( -name .git -o -path ./build -o -name __pycache__ \) -prune -o -type f "$@" -print |
        sed 's,^\./,,' | LC_ALL=C sort
}

list_sources()
{
    list_files \( -name '*.c' -o -name '*.h' \)
}

# A check that looked at nothing has found nothing out.
must_have_looked()
{
    if [ "$1" = 0 ]; then
        echo "nothing to check in $root" >&2
        exit 1
    fi
}
