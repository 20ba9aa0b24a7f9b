# shellcheck shell=bash
# How set-up speaks, logs, gains root and installs Debian packages. Sourced by setup.sh.

say() { printf '%s\n' "zaitu: $*"; }
stop() { printf '%s\n' "zaitu: $*" >&2; exit 1; }

# run NAME MESSAGE COMMAND...: say what a long step does and keep its output in .zaitu/log/NAME.log.
run() {
    log=.zaitu/log/$1.log
    say "$2"
    shift 2
    "$@" > "$log" 2>&1 9>&-
}

# as_root COMMAND...: run as root, directly or through sudo.
as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        echo "root is needed for: $*" >&2
        return 1
    fi
}

debian_release() { (. /etc/os-release 2>/dev/null && [ "${ID:-}" = debian ] && echo "${VERSION_CODENAME:-}") || true; }

missing_packages() {
    local package
    for package in "$@"; do
        dpkg-query --show --showformat '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || echo "$package"
    done
}

# install_packages NAMES: install those Debian packages that are not there yet.
install_packages() {
    local missing
    command -v dpkg-query >/dev/null || stop "This is not Debian: set-up knows Debian 12 and 13 (elsewhere: docker compose up)."
    # shellcheck disable=SC2086 # names are words
    missing=$(missing_packages $1 | tr '\n' ' ')
    [ -n "${missing// /}" ] || return 0
    # shellcheck disable=SC2086
    run apt "Installing Debian packages: $missing" as_root sh scripts/install-packages.sh $missing ||
        stop "Installing Debian packages failed: see $log. Run as root or with sudo, with a Debian mirror in reach: apt-get install $missing"
}
