#!/usr/bin/env bash
# Bring a fresh Debian 12 or 13 to where `make demo` and `make test` run: Debian packages, the broker, the database
# extension, and a virtual environment with the project in it. A second run finds everything in place and takes seconds.
#
#   scripts/setup.sh                    everything
#   scripts/setup.sh --without-servers  no broker, no database: what a container image of the services needs
#   scripts/setup.sh --with-browser     and a browser: what the tests and screenshots of the pages need
#
# PYTHON chooses the interpreter (default: Debian's own).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/steps.sh
. scripts/servers.sh
. scripts/pages.sh

python=${PYTHON:-/usr/bin/python3}
with_servers=yes
with_browser=no

main() {
    [ "${1:-}" != --without-servers ] || with_servers=no
    [ "${1:-}" != --with-browser ] || with_browser=yes
    if [ -n "${DATABASE_URL:-}" ] && [ -n "${MQTT_URL:-}" ]; then
        with_servers=no
    fi
    one_setup_at_a_time
    install_packages "$(python_packages)"
    if [ "$with_servers" = yes ]; then
        install_servers
    fi
    if [ "$with_browser" = yes ]; then
        install_packages "chromium fonts-wqy-microhei"
    fi
    create_environment
    install_project
    build_pages
    say "Ready: $("$python" --version) in .venv$([ "$with_servers" = no ] || servers_found)"
}

one_setup_at_a_time() {
    mkdir -p .zaitu/log || stop "Cannot write to $PWD: run this from a checkout you own, or as root."
    exec 9>.zaitu/setup.lock
    flock --nonblock 9 || { say "Waiting for another set-up of this checkout to finish"; flock 9; }
}

python_packages() {
    echo ca-certificates gcc libc6-dev
    [ "$python" != /usr/bin/python3 ] || echo python3 python3-dev python3-venv
}

create_environment() {
    [ -x "$python" ] || command -v "$python" >/dev/null || stop "There is no $python: set PYTHON to a Python of 3.11 or newer."
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        stop "$python is $("$python" --version 2>&1), and Zaitu needs 3.11 or newer: set PYTHON to a newer one."
    # A virtual environment holds absolute paths: one that was moved or lost its interpreter is made again.
    if [ "$(.venv/bin/python -c 'import sys; print(sys.prefix)' 2>/dev/null)" = "$PWD/.venv" ]; then
        return
    fi
    rm -rf .venv
    run venv "Creating .venv" "$python" -m venv .venv ||
        stop "Creating .venv failed: see $log. On Debian the package python3-venv must be there."
}

# The project is installed again when what it declares changed; when only a kernel changed, only kernels are compiled.
install_project() {
    local declared compiled
    declared=$(cat pyproject.toml scripts/setup.sh scripts/requirements.py | sha256sum | cut -c1-64)
    compiled=$(find native -name '*.p[yx][xd]' -print0 2>/dev/null | sort -z | xargs -0 -r cat | sha256sum | cut -c1-64)
    if [ "$(stamp declared)" != "$declared" ]; then
        .venv/bin/python scripts/requirements.py "$([ "$with_servers" = no ] || echo dev)" > .zaitu/requirements.txt
        run pip "Installing Python packages (about a minute)" .venv/bin/pip install --requirement .zaitu/requirements.txt ||
            stop "Installing Python packages failed: see $log. Most often the package index cannot be reached; set PIP_INDEX_URL to one that can."
        rm -f .venv/stamp.compiled
        echo "$declared" > .venv/stamp.declared
    fi
    if [ "$(stamp compiled)" != "$compiled" ] || ! compiled_kernels_exist; then
        # --no-build-isolation: setuptools and Cython of the pinned versions are in .venv already.
        # setuptools compiles a kernel anew when its .pyx is newer: a changed .pxd would go unnoticed.
        [ -z "$(find native -name '*.pxd' -newer .venv/stamp.compiled 2>&1)" ] || touch native/*.pyx
        run compile "Compiling the Cython kernels (about a minute)" .venv/bin/pip install --no-deps --no-build-isolation \
            --config-settings editable_mode=compat --editable . ||
            stop "Compiling the Cython kernels failed: see $log."
        echo "$compiled" > .venv/stamp.compiled
    fi
}

compiled_kernels_exist() {
    local source
    for source in native/*.pyx; do
        [ ! -e "$source" ] || compgen -G "${source%.pyx}.*.so" >/dev/null || return 1
    done
}

stamp() { cat ".venv/stamp.$1" 2>/dev/null || true; }

main "$@"
