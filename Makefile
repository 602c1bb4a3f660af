# Needs only make and Python >= 3.11. Every target makes the virtual environment it needs;
# stamps inside it make a second run instant.
PYTHON ?= python3
VENV ?= .venv
WORKERS ?= 2
# Of these many wait for processes and pages more than they work.
SLOW_WORKERS ?= 4
BENCH_ARGS ?= --workload tests/bench/workload.py

BIN := $(VENV)/bin
PIP := $(BIN)/pip --disable-pip-version-check
INSTALL := $(PIP) install --quiet --require-hashes --no-build-isolation
PYTEST := $(BIN)/python -m pytest --dist worksteal -n $(WORKERS)
# Where the tests are that coverage is measured on.
MEASURED := tests/sync tests/server
COVERED := $(shell find sync server client tests -name '*.py' -o -name '*.toml' -o -name '*.json')

# Some images ask for no compiled files: every process of the tests would compile all again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo serve test soak check format-check lint types contracts coverage sizes site \
	fix vectors bench lock wheel-check desktop dev run clean

help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## /  \1\t/p' $(MAKEFILE_LIST) | expand -t 16

demo: $(VENV)/.stamp-run ## Set up, then run a county centre and its schools on this machine
	$(BIN)/xueshi demo

serve: $(VENV)/.stamp-run ## Run this machine's own node (XUESHI_HOME, or the default folder)
	$(BIN)/xueshi serve

test: $(VENV)/.stamp-dev $(VENV)/.stamp-system ## Set up, then run unit, property, simulation, process and browser tests
	@status=0; \
	$(PYTEST) -rs -m measured --cov --cov-report= $(MEASURED) || status=$$?; \
	$(PYTEST) -n $(SLOW_WORKERS) -rs -m "not (soak or measured)" || status=$$?; \
	exit $$status

soak: $(VENV)/.stamp-dev $(VENV)/.stamp-system ## The long sizes of the same tests (hours)
	$(PYTEST) -m soak

check: format-check lint types contracts coverage site ## Everything but the slow tests: style, types, layers, coverage, site

format-check: $(VENV)/.stamp-dev
	$(BIN)/ruff format --check .

lint: $(VENV)/.stamp-dev
	$(BIN)/ruff check .

types: $(VENV)/.stamp-dev
	$(BIN)/mypy

contracts: $(VENV)/.stamp-dev
	$(BIN)/lint-imports

coverage: .coverage
	$(BIN)/coverage report --fail-under=90

# `make test` leaves it; it is measured again where something changed since.
.coverage: $(VENV)/.stamp-dev $(COVERED)
	$(PYTEST) -m measured --cov --cov-report= $(MEASURED)

sizes: $(VENV)/.stamp-dev ## Ceilings on files and functions, and the other rules of the repository
	$(BIN)/python -m pytest -q tests/repo

site: $(VENV)/.stamp-dev ## Build the training site, warnings are errors
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --config-file site/mkdocs.yml

fix: $(VENV)/.stamp-dev ## Format and repair what can be repaired
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

vectors: $(VENV)/.stamp-dev ## Make the golden vectors again
	$(BIN)/python -m tests.vectors.make

bench: $(VENV)/.stamp-run ## One JSON line a figure; arguments in BENCH_ARGS
	$(BIN)/xueshi bench $(BENCH_ARGS)

wheel-check: $(VENV)/.stamp-dev ## Build the wheel, install it in a clean environment and run it
	tools/wheel-check "$(BIN)/python" "$(PYTHON)"

desktop: $(VENV)/.stamp-dev $(VENV)/.stamp-system site ## Build dist/xueshi: runs without installation on this system, with a window
	tools/desktop "$(BIN)/python"

lock: $(VENV)/.stamp-build ## Resolve the pinned locks again (hashes, no registry address inside)
	$(PIP) install --quiet uv
	tools/lock $(BIN)/uv

dev: $(VENV)/.stamp-dev ## The environment for development, without running anything

run: $(VENV)/.stamp-run

clean: ## Remove the environment and everything built
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage

# What builds other packages, installed first so that no build fetches anything without a hash.
$(VENV)/.stamp-build: requirements-build.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or later is needed; name one with: make PYTHON=/path/to/python3" >&2; exit 1; }
	@echo "Setting up $(VENV) (once) ..."
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) -r requirements-build.lock
	@touch $@

$(VENV)/.stamp-run: $(VENV)/.stamp-build requirements.lock pyproject.toml
	$(INSTALL) -r requirements.lock
	$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.stamp-dev: $(VENV)/.stamp-run requirements-dev.lock
	$(INSTALL) -r requirements-dev.lock
	@touch $@

# Chromium, a virtual display and fonts: installed where that is possible, else said in one line.
$(VENV)/.stamp-system: tools/system-packages | $(VENV)/.stamp-build
	tools/system-packages
	@touch $@
