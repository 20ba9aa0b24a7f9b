#!/usr/bin/env bash
# Every check of the source: style, types, layers, the kernels' style and who may name them. All run; any failure fails.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit
PATH=$PWD/.venv/bin:$PATH
failed=()

check() {
    local name=$1
    shift
    echo "── $name"
    "$@" || failed+=("$name")
}

# import-linter does not read .pyx files, and a layer above the arrays would bring objects into the kernels.
only_geo_names_the_kernels() {
    ! grep -rnE '^\s*(from|import|cimport)\s+native\b' --include='*.py' --include='*.pyx' --include='*.pxd' . \
        --exclude-dir=.venv --exclude-dir=.zaitu --exclude-dir=build --exclude-dir=native --exclude-dir=tests |
        grep -v '^\./geo/kernels\.py:'
}

check "ruff check" ruff check .
check "ruff format" ruff format --check .
check "mypy" mypy .
check "import-linter" lint-imports
kernels=(native/*.p[yx][xd])
[ ! -e "${kernels[0]}" ] || check "cython-lint" cython-lint "${kernels[@]}"
check "only geo/kernels.py names native" only_geo_names_the_kernels

if [ ${#failed[@]} -gt 0 ]; then
    printf 'failed: %s\n' "${failed[@]}" >&2
    exit 1
fi
echo "all checks passed"
