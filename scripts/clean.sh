#!/usr/bin/env bash
# Stop the embedded servers and remove everything set-up and the programs made, the database included.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/steps.sh

if [ -x .venv/bin/zaitu ]; then
    .venv/bin/zaitu stack stop > /dev/null || say "The embedded servers did not stop: see zaitu stack status"
fi
# In a directory only root can enter, the servers' files are elsewhere and linked to.
for link in .zaitu/stack .zaitu/test-stack; do
    [ ! -L "$link" ] || rm -rf "$(readlink -f "$link")"
done
rm -rf .zaitu .venv build dist ./*.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
find native -name '*.so' -delete
find native -name '*.pyx' | sed 's/\.pyx$/.c/' | xargs -r rm -f
find . -name __pycache__ -type d -prune -exec rm -rf {} +
say "Clean."
