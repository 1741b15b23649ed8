# Banyan (榕证). `make run` sets everything up and serves a sample installation; `make test` sets everything up and tests.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Compiled modules are kept even where the environment says not to: tests start many processes.
export PYTHONDONTWRITEBYTECODE :=
export BANYAN_HOME ?= $(CURDIR)/.banyan
JOBS ?= 2
FUZZ_SECONDS ?= 300
# Besides the whole domain, what must hold on PostgreSQL as on SQLite.
ON_BOTH := $(addprefix tests/journeys/,test_kill_nine.py test_tampering.py test_leaks.py test_demo_cli.py)
.DEFAULT_GOAL := help
.PHONY: help setup system-packages test-packages run test check format bench soak lock messages clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 18

setup: $(VENV)/.set-up ## Install everything the product needs; leaves the command at .venv/bin/banyan

$(VENV)/.set-up: requirements/runtime.txt requirements/build.txt pyproject.toml package-lock.json scripts/assets.py \
		src/banyan/web/icons.txt $(wildcard web/token/*.mjs web/token/*.json web/token/src/* web/token/example/*) $(wildcard native/gm/* native/src/* native/agent/* native/include/* native/Makefile native/skf.map) $(wildcard src/banyan/locale/*/LC_MESSAGES/*.po) | system-packages
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/runtime.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/build.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --editable .
	$(BIN)/python native/gm/build.py
	$(MAKE) -C native --silent
	npm ci --include=dev --ignore-scripts --no-audit --no-fund --loglevel=error
	node web/token/build.mjs
	$(BIN)/python scripts/assets.py
	$(BIN)/python scripts/compile_messages.py
	$(BIN)/python -m compileall -q src
	@touch $@

system-packages:
	@scripts/system-packages run

test-packages:
	@scripts/system-packages run test

run: setup ## Make a sample installation (or continue it), issue its certificates, serve the pages
	$(BIN)/banyan run --sample

test: test-packages setup $(VENV)/.test-ready ## Set everything up and run every test
	$(BIN)/pytest -n $(JOBS) -q
	BANYAN_TEST_DATABASE=postgresql $(BIN)/pytest -n $(JOBS) -q tests/domain $(ON_BOTH)

$(VENV)/.test-ready: requirements/dev.txt $(VENV)/.set-up
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@

check: setup $(VENV)/.test-ready ## Formatter, linter, types, import contracts, migrations, translations, the commands in the documents
	$(BIN)/ruff format --check src tests scripts native
	$(BIN)/ruff check src tests scripts native
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m django makemigrations --check --dry-run --settings banyan.config.django
	$(BIN)/python scripts/check_messages.py
	$(BIN)/python scripts/write_rights.py --check
	$(BIN)/python scripts/check_documents.py
	$(BIN)/python scripts/check_native.py

format: ## Format and mend what the linter can mend
	$(BIN)/ruff format src tests scripts native
	$(BIN)/ruff check --fix src tests scripts native

bench: setup ## Measure everything; figures as JSON, one a line
	$(BIN)/banyan bench all --json

soak: test-packages setup $(VENV)/.test-ready ## The long runs left out of make test
	$(BIN)/pytest -q -m soak
	$(BIN)/python -c "import atheris" || { echo "no atheris for this processor: nothing fuzzed with coverage"; exit 1; }
	for target in tests/fuzz/*.py; do $(BIN)/python $$target -max_total_time=$(FUZZ_SECONDS) -timeout=10 || exit 1; done

lock: ## Pin the Python packages anew (needs uv)
	for set in runtime dev build; do uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
		requirements/$$set.in --output-file requirements/$$set.txt || exit 1; done

messages: ## Collect the messages for translation
	$(BIN)/python scripts/collect_messages.py

clean: ## Remove what was built; keeps the installation
	rm -rf $(VENV) node_modules build native/build web/token/dist src/*.egg-info
