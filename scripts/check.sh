#!/usr/bin/env bash
# Every check of the source: style, types, layers, weaknesses, secrets, vulnerable packages, the kernels' style and who
# may name them. All run; any failure fails.
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

no_secrets() {
    local baseline files found=0
    # The tool brings line numbers up to date in the file it is given, and ends with 3 when it did.
    baseline=$(mktemp) && cp .secrets.baseline "$baseline"
    mapfile -d '' files < <(git ls-files -z -- . ':!tests' ':!.secrets.baseline')
    detect-secrets-hook --baseline "$baseline" "${files[@]}" > "$baseline.found" || found=$?
    [ "$found" = 3 ] || [ "$found" = 0 ] || cat "$baseline.found"
    rm -f "$baseline" "$baseline.found"
    [ "$found" = 3 ] || [ "$found" = 0 ] || return 1
    # Tests are full of made-up passwords: there, only what has the form of a real key counts.
    mapfile -d '' files < <(git ls-files -z -- tests)
    detect-secrets-hook --disable-plugin KeywordDetector --disable-plugin HexHighEntropyString \
        --disable-plugin Base64HighEntropyString --disable-plugin BasicAuthDetector "${files[@]}"
}

check "ruff check" ruff check .
check "ruff format" ruff format --check .
check "mypy" mypy .
check "import-linter" lint-imports
check "bandit" bandit -q -ll -c pyproject.toml -r api domain geo ingest migrations runtime simulators store watch scripts
check "dependencies" python scripts/audit_dependencies.py
check "no secrets" no_secrets
kernels=(native/*.p[yx][xd])
[ ! -e "${kernels[0]}" ] || check "cython-lint" cython-lint "${kernels[@]}"
[ ! -x web/node_modules/.bin/svelte-check ] || check "pages" npm --silent --prefix web run check
check "only geo/kernels.py names native" only_geo_names_the_kernels

if [ ${#failed[@]} -gt 0 ]; then
    printf 'failed: %s\n' "${failed[@]}" >&2
    exit 1
fi
echo "all checks passed"
