# Campanile: the commands. `make help` lists them.
# Needs python3 (3.11 or newer, with venv) and a package index; everything else is installed in .venv.

PYTHON ?= python3
UV_VERSION := $(shell sed -n 's/^uv==\([^ ]*\).*/\1/p' requirements.lock)
UV := .venv/bin/uv
READY := .venv/.ready

# The first start of a Prefect server migrates its database, which takes long on a small machine.
export PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS := 180
export PREFECT_SERVER_ANALYTICS_ENABLED := false
export DO_NOT_TRACK := 1
# Python images often set this. Each process would then compile Prefect and pandas again, which takes five seconds.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup demo test unit lint up bench prove kill-test mutants browser samples lock clean

help: ## show this list
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1	\2/p' Makefile

setup: $(READY) ## set up .venv from requirements.lock (the other targets do this automatically)

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "Campanile needs Python 3.11 or newer with venv (Debian: python3-venv); $(PYTHON) is not that. Name another: make PYTHON=python3.12" >&2; \
		exit 1; }
	@test -x .venv/bin/python || $(PYTHON) -m venv --clear .venv
	@$(UV) --version 2>/dev/null | grep -qF 'uv $(UV_VERSION)' || { \
		echo "Installing uv $(UV_VERSION)"; \
		sed -n '/^uv==/,/[^\\]$$/p' requirements.lock > .venv/uv.txt; \
		.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r .venv/uv.txt; }
	@# uv does not read pip's settings: give it pip's index address, and use pip if uv cannot install.
	@index=$$(.venv/bin/python -m pip config get global.index-url 2>/dev/null); index=$${PIP_INDEX_URL:-$$index}; \
		if [ -n "$$index" ]; then export UV_DEFAULT_INDEX="$${UV_DEFAULT_INDEX:-$$index}"; fi; \
		$(UV) pip sync --python .venv/bin/python --require-hashes requirements.lock || { \
			echo "uv could not install requirements.lock; trying with pip" >&2; \
			.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock; }
	@$(UV) pip install --python .venv/bin/python --offline --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(READY) ## run the main job on data/samples, from files to results, and print each step
	.venv/bin/python -m scripts.demo

# Three workers, as many tests wait for a process. A file runs on one worker; all that need the Prefect server share one
# (tests/lanes.py).
TEST := .venv/bin/python -m pytest --numprocesses 3 --dist loadgroup --no-loadscope-reorder

test: lint ## lint, types and all tests except the browser's and the long ones
	$(TEST) -m "not browser and not soak"

unit: $(READY) ## the quick tests: rules, files, pages; no store, no process, no Prefect
	$(TEST) --lane unit -m "not soak"

lint: $(READY) ## ruff and mypy
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy

up: $(READY) ## start sandbox gateway, Prefect server and workers; Ctrl-C stops all (ARGS="--port 4300")
	@.venv/bin/python -m scripts.up $(ARGS)

bench: $(READY) ## measure speed and memory
	.venv/bin/python bench/run.py $(ARGS)

prove: $(READY) kill-test mutants ## the long tests: kills, faults, random days, five years, each property on many examples
	$(TEST) -m soak
	CAMPANILE_PROVE=1 $(TEST) --lane store -m "not soak"

kill-test: $(READY) ## kill senders at random moments and compare the ledger with the bill (ARGS="--kills 1000")
	.venv/bin/python -m scripts.kill_test $(ARGS)

mutants: $(READY) ## remove each guard of sending once and check that a test fails
	.venv/bin/python -m scripts.mutants

browser: $(READY) ## test the UI in headless Chromium
	.venv/bin/python -m pytest -m browser

samples: $(READY) ## write data/samples again
	.venv/bin/python -m scripts.make_samples

lock: $(READY) ## update requirements.lock from pyproject.toml (ARGS=--upgrade takes newer versions)
	$(UV) pip compile --universal --generate-hashes --group dev pyproject.toml -q -o requirements.lock \
		--no-emit-index-url --no-annotate --no-header $(ARGS)

clean: ## remove .venv, caches and builds; never anything in data/
	rm -rf .venv build dist *.egg-info .cache .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . \( -path ./data -o -path ./.git \) -prune -o -type d -name __pycache__ -exec rm -rf {} +
