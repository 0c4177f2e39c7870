# Countersign. `make demo` sets everything up and starts it; `make test` runs the tests.

PYTHON ?= python3
PORT ?= 8000
COUNTERSIGN_DATA_DIR ?= var
EXTRAS ?= cpu
TORCH_INDEX ?=
VENV := .venv
PY := $(VENV)/bin/python
PYTEST := $(PY) -m pytest

export COUNTERSIGN_DATA_DIR
export COUNTERSIGN_PORT := $(PORT)

.PHONY: help install dev demo run test check soak bench clean

help:
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):[^#]*## /  make \1\t/'

$(VENV)/.python:
	@command -v $(PYTHON) >/dev/null 2>&1 || { echo "Python 3.11 or newer is needed; $(PYTHON) was not found. Try PYTHON=/path/to/python3.11."; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; $$($(PYTHON) --version 2>&1) was found. Try PYTHON=/path/to/python3.11."; exit 2; }
	@$(PYTHON) -m venv $(VENV) || { echo "Could not make $(VENV): on Debian, install python3-venv."; exit 2; }
	@touch $@

$(VENV)/.installed-$(EXTRAS): pyproject.toml constraints.txt | $(VENV)/.python
	@deploy/install "$(PY)" "$(EXTRAS)" "$(TORCH_INDEX)"
	@touch $@

$(VENV)/.dev: $(VENV)/.installed-$(EXTRAS)
	@deploy/install "$(PY)" "$(EXTRAS),dev" "$(TORCH_INDEX)"
	@touch $@

install: $(VENV)/.installed-$(EXTRAS)  ## .venv with the pinned dependencies (EXTRAS=gpu for CUDA)

dev: $(VENV)/.dev  ## the same, with what tests and checks need

demo: install  ## set up a demo company and start everything
	@$(PY) deploy/port_free.py $(PORT)
	@mkdir -p $(COUNTERSIGN_DATA_DIR)
	@test -f $(COUNTERSIGN_DATA_DIR)/countersign.env || cp demo/countersign.env $(COUNTERSIGN_DATA_DIR)/countersign.env
	@echo "Setting up the database ..."
	@$(PY) manage.py migrate --verbosity 0
	@$(PY) manage.py create_people
	@$(PY) manage.py ingest demo/knowledge --collection help
	@$(PY) manage.py import_tickets demo/tickets.jsonl
	@exec $(PY) manage.py start

run: install  ## start everything on what is there
	@exec $(PY) manage.py start

test: dev  ## the tests, browser tests too, without the fault runs
	@OMP_NUM_THREADS=1 $(PYTEST) -n 2 --dist loadgroup -m "not soak and not e2e"
	@$(PYTEST) -m "e2e and not soak"

soak: dev  ## the fault runs: real processes killed
	@$(PYTEST) -m soak

check: dev  ## ruff, mypy, the floors, deployment checks, migrations
	@deploy/check "$(PY)"

bench: dev  ## benchmark tables
	@$(PY) benchmarks/drafting.py
	@$(PY) benchmarks/embedding.py
	@$(PY) benchmarks/searching.py
	@$(PY) benchmarks/publishing.py

clean:  ## remove the virtual environment and caches, never the data
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
