# The two commands: `make start` shows the platform, `make test` proves it. `make help` lists all.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
PORT ?= 8000
PYTHON ?= python3
BIN := .venv/bin
NODE := node
# Hundreds of processes import the same thousand modules: they are compiled once.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help start test lint types contract unit portal portal-test sample lock clean check-machine

help: ## show the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/'

check-machine:
	@[ "$$(uname -sm)" = "Linux x86_64" ] || { echo "make: needs Linux on x86-64, this is $$(uname -sm)"; exit 2; }
	@command -v git >/dev/null || { echo "make: needs git (apt-get install git)"; exit 2; }
	@command -v $(PYTHON) >/dev/null || { echo "make: needs python3, 3.11 or newer (apt-get install python3 python3-venv)"; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "make: needs python3 3.11 or newer, this is $$($(PYTHON) -V)"; exit 2; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "make: needs the venv module (apt-get install python3-venv)"; exit 2; }

$(BIN)/python: | check-machine
	@$(PYTHON) -m venv .venv

$(BIN)/.runtime: requirements/runtime.txt pyproject.toml | $(BIN)/python
	@echo "make: installing locked dependencies (about two minutes the first time)"
	@$(BIN)/pip install -q --disable-pip-version-check --no-compile --require-hashes --no-deps -r requirements/runtime.txt
	@$(BIN)/pip install -q --disable-pip-version-check --no-build-isolation --no-deps -e .
	@touch $@

$(BIN)/.test: requirements/test.txt $(BIN)/.runtime
	@$(BIN)/pip install -q --disable-pip-version-check --no-compile --require-hashes --no-deps -r requirements/test.txt
	@touch $@

portal: $(BIN)/.runtime ## build the portal's scripts, styles and fonts
	@$(BIN)/python web-ui/build.py

start: $(BIN)/.runtime ## build the demonstration node and serve it on http://127.0.0.1:$(PORT)
	@$(BIN)/python web-ui/build.py --tidy
	@$(BIN)/earthcommons demo $(NODE) --port $(PORT)

test: $(BIN)/.test lint types contract portal-test unit ## lint, types, floors, portal and Python tests

lint: $(BIN)/.test ## style
	@$(BIN)/ruff check -q . && $(BIN)/ruff format -q --check .

types: $(BIN)/.test ## static types
	@$(BIN)/mypy --no-error-summary

contract: $(BIN)/.test ## floors: who may import whom
	@$(BIN)/lint-imports --no-logo 2>/dev/null || $(BIN)/lint-imports

portal-test: $(BIN)/.test ## build the portal and run the tests of its TypeScript
	@$(BIN)/python web-ui/build.py --test

# In memory where there is room: thousands of small catalogues wait for no disk.
unit: $(BIN)/.test ## Python tests
	@room=$$(df --output=avail -k /dev/shm 2>/dev/null | tail -1 || true); \
	scratch=$$(mktemp -d -p "$$([ "$${room:-0}" -gt 4000000 ] && echo /dev/shm || echo "$${TMPDIR:-/tmp}")"); \
	trap 'rm -rf "$$scratch"' EXIT; \
	$(BIN)/python -m pytest -q -n 2 --dist worksteal --basetemp="$$scratch/tests"

sample: $(BIN)/.runtime ## derive the sample pack from EARTHCOMMONS_SOURCES=DIR
	@[ -n "$${EARTHCOMMONS_SOURCES:-}" ] || { echo "make: set EARTHCOMMONS_SOURCES to the folder of the original files"; exit 2; }
	@$(BIN)/python -m earthcommons.commons.demonstration.recipe "$$EARTHCOMMONS_SOURCES"

clean: ## remove the environment, the node and what was built
	@rm -rf .venv $(NODE) dist web-ui/node_modules web-ui/dist src/earthcommons/web/static
