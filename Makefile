# The commands of a checkout. `make` alone says what there is.
.DEFAULT_GOAL := help
.PHONY: help setup setup-with-browser demo test screenshots fuzz fuzz-api orders permute checked-kernels oracles check chaos bench clean

SECONDS ?=
TESTS ?= tests
# Most of a test's time is waiting for servers: four at once suit two cores. The longest tests begin first.
PYTEST_OPTIONS ?= -n 4 --dist loadgroup --no-loadscope-reorder
python := .venv/bin/python
zaitu := .venv/bin/zaitu

help: ## say what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/'

setup: ## install everything (Debian 12 or 13; a second run takes seconds)
	@scripts/setup.sh

setup-with-browser:
	@scripts/setup.sh --with-browser

demo: setup ## a fleet driving, seen live (SECONDS=n stops it; default: Ctrl-C)
	@$(zaitu) demo $(if $(SECONDS),--seconds $(SECONDS))

test: setup-with-browser ## every test, on a real broker, database and browser (TESTS=path for some)
	@$(python) -m pytest $(PYTEST_OPTIONS) $(TESTS)

screenshots: setup-with-browser ## every page, both languages, light and dark, phone and desk, into .zaitu/screenshots (ONLY=track for some)
	@ONLY=$(ONLY) ZAITU_PAGES=all $(python) -m pytest -q -s tests/e2e/screenshots.py tests/e2e/test_pages.py

fuzz: setup ## 100,000 payloads made up or spoilt, through decoding and commit
	@ZAITU_FUZZ=100000 $(python) -m pytest $(PYTEST_OPTIONS) tests/property/test_fuzzed_payloads.py

fuzz-api: setup ## every operation of the API's document, as everybody: 50 requests of each kind, and every bound
	@ZAITU_FUZZ_API=$(or $(EXAMPLES),50) $(python) -m pytest $(PYTEST_OPTIONS) --timeout 7200 tests/integration/test_openapi_document.py

orders: setup ## 200 orders of twelve kinds mixed over two simulated days, all that must follow compared
	@ZAITU_MIXED_ORDERS=200 $(python) -m pytest -q -s tests/integration/test_order_archetypes.py

permute: setup ## many arrivals of one fleet's day, shuffled, doubled, cut: one result (EXAMPLES=n)
	@ZAITU_PERMUTATIONS=$(or $(EXAMPLES),500) $(python) -m pytest --timeout 7200 tests/property/test_order_independence.py tests/property/test_when_the_plan_is_known.py

checked-kernels: setup ## the kernels' tests with bounds checks on, and under AddressSanitizer
	@$(python) scripts/checked_kernels.py && $(python) scripts/checked_kernels.py --sanitize

oracles: setup ## the kernels on real data: JTS's cases, Shapely's answers, people's labels; prints the figures
	@$(python) -m pytest -q -s $(addprefix tests/integration/test_realdata_,geometry.py stays.py crossings.py gtfs.py)

check: setup ## ruff, mypy, import-linter, cython-lint, and who may name the kernels
	@scripts/check.sh

chaos: setup ## the long fault tests: 100,000 messages through kills and stops; a minute without database or broker
	@ZAITU_CHAOS=full $(python) -m pytest -s $(addprefix tests/integration/test_,chaos.py broker_killed.py outages.py take_over.py)

bench: setup ## list the benchmarks; `zaitu bench NAME` runs one
	@$(zaitu) bench

clean: ## stop the servers and remove what set-up and the programs made
	@scripts/clean.sh
