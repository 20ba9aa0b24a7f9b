# shellcheck shell=bash disable=SC2154 # $log is set by run
# Mosquitto and PostgreSQL with TimescaleDB. Sourced by setup.sh.
#
# Debian 13 has them packaged. Debian 12's Mosquitto 2.0.11 does not hold its inflight window, and there is no TimescaleDB:
# there both are built from Debian's own source packages of suite trixie, fetched from the mirror this machine uses.

install_servers() {
    case $(debian_release) in
        trixie) install_packages "mosquitto postgresql-17 postgresql-17-timescaledb" ;;
        bookworm)
            install_packages "postgresql-15"
            [ -x .zaitu/mosquitto/sbin/mosquitto ] || build_mosquitto
            [ -e /usr/share/postgresql/15/extension/timescaledb.control ] || build_timescaledb
            ;;
        *) stop "Set-up knows Debian 12 and 13: elsewhere set DATABASE_URL and MQTT_URL to servers of your own, or use docker compose." ;;
    esac
    if [ "$(id -u)" = 0 ] && ! id zaitu >/dev/null 2>&1; then
        useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin zaitu
    fi
}

servers_found() {
    case $(debian_release) in
        bookworm) echo ", Mosquitto 2.0.21 in .zaitu/mosquitto, PostgreSQL 15 with TimescaleDB 2.19" ;;
        *) echo ", Mosquitto and PostgreSQL 17 with TimescaleDB from Debian" ;;
    esac
}

build_mosquitto() {
    install_packages "dpkg-dev gcc libc6-dev libssl-dev make"
    fetch_source mosquitto
    run mosquitto "Building Mosquitto (half a minute)" make -C "$source_dir/src" -j "$(nproc)" mosquitto \
        WITH_BUNDLED_DEPS=yes WITH_CJSON=no WITH_SYSTEMD=no WITH_WEBSOCKETS=no ||
        stop "Building Mosquitto failed: see $log."
    mkdir -p .zaitu/mosquitto/sbin
    install -m 755 "$source_dir/src/mosquitto" .zaitu/mosquitto/sbin/mosquitto
    rm -rf "$source_dir"
}

build_timescaledb() {
    install_packages "cmake dpkg-dev gcc libc6-dev libkrb5-dev libssl-dev make postgresql-server-dev-15"
    fetch_source timescaledb
    run timescaledb "Building TimescaleDB for PostgreSQL 15 (half a minute)" compile_timescaledb ||
        stop "Building TimescaleDB failed: see $log."
    run timescaledb-install "Installing TimescaleDB into PostgreSQL 15's extension folder" \
        as_root make -C "$source_dir/build" install ||
        stop "Installing TimescaleDB failed: see $log. It needs root or sudo, once."
    rm -rf "$source_dir"
}

compile_timescaledb() {
    cmake -S "$source_dir" -B "$source_dir/build" -DCMAKE_BUILD_TYPE=Release -DREGRESS_CHECKS=OFF -DAPACHE_ONLY=1 \
        -DWARNINGS_AS_ERRORS=OFF -DUSE_TELEMETRY=OFF -DPG_CONFIG=/usr/lib/postgresql/15/bin/pg_config &&
        make -C "$source_dir/build" -j "$(nproc)"
}

# fetch_source NAME: put the unpacked source package in $source_dir.
fetch_source() {
    source_dir=$PWD/.zaitu/source/$1
    run "$1-source" "Fetching Debian's source package $1 (suite trixie)" unpack_source "$1" ||
        stop "The source package $1 of Debian trixie cannot be had: see $log. The Debian mirror this machine uses must offer suite trixie; or set DATABASE_URL and MQTT_URL to servers of your own."
}

unpack_source() {
    private_apt || return 1
    (cd .zaitu/source && apt-get "${apt_options[@]}" source --download-only "$1") || return 1
    rm -rf "$source_dir"
    dpkg-source --extract .zaitu/source/"$1"_*.dsc "$source_dir"
}

# An apt of our own, which reads suite trixie from the machine's mirror and leaves the system's package lists alone.
private_apt() {
    local apt=$PWD/.zaitu/apt mirror
    apt_options=(
        -o "Dir::Etc::SourceList=$apt/sources.list" -o Dir::Etc::SourceParts=/dev/null
        -o "Dir::State::Lists=$apt/lists" -o "Dir::Cache=$apt/cache" -o APT::Sandbox::User=
    )
    mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" .zaitu/source
    # shellcheck disable=SC2016 # apt expands these
    mirror=$(apt-get indextargets --format '$(RELEASE) $(COMPONENT) $(CREATED_BY) $(REPO_URI) $(CODENAME)' |
        awk '($1 == "bookworm" || $5 == "bookworm") && $2 == "main" && $3 == "Packages" { print $4; exit }')
    [ -n "$mirror" ] || { echo "apt's sources name no mirror for bookworm main"; return 1; }
    echo "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror trixie main" > "$apt/sources.list"
    apt-get "${apt_options[@]}" update
}
