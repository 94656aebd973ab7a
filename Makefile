# Needs make and Python 3.11 or newer; everything else is installed into .venv.
PYTHON = $(shell python3.11 -c '' 2>/dev/null && echo python3.11 || echo python3)
# Asked for in pyproject.toml: Dagster 1.11.0 to 1.11.13 want click before 8.2.
OLDEST = $(shell sed -n 's/.*"dagster>=\([0-9.]*\),.*/\1/p' pyproject.toml)
DAGSTER_HOME ?= $(CURDIR)/.datoria/dagster
export DAGSTER_DISABLE_TELEMETRY := 1

.DEFAULT_GOAL := help
.PHONY: help deploy test test-oldest laws ui bench lint clean

help: ## Show the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

deploy: .venv/.installed ## Load the source tables, migrate, run what is stale
	.venv/bin/python -m definitions.load
	.venv/bin/datoria deploy

test: lint ## Lint, then run the tests
	.venv/bin/pytest

test-oldest: ## Run the Dagster tests on the oldest Dagster that is supported
	@test -x .venv-oldest/bin/pip || $(PYTHON) -m venv .venv-oldest
	@.venv-oldest/bin/python -m pip install -qq --disable-pip-version-check -e '.[dev]' \
		dagster==$(OLDEST) dagster-webserver==$(OLDEST) dagster-graphql==$(OLDEST)
	.venv-oldest/bin/pytest tests/test_dagster_*.py

laws: .venv/.installed ## Try the laws with 5,000 examples each, about 10 minutes
	.venv/bin/pytest --dist load --hypothesis-profile=laws tests/test_laws.py tests/test_laws_of_apply.py tests/test_bigquery_faults.py

ui: .venv/.installed ## Open Dagster on http://127.0.0.1:3000
	@mkdir -p "$(DAGSTER_HOME)"
	DAGSTER_HOME="$(DAGSTER_HOME)" .venv/bin/dagster dev -h 127.0.0.1

bench: .venv/.installed ## Measure
	.venv/bin/python -m compileall -q datoria_dagster
	.venv/bin/python -m bench

lint: .venv/.installed ## Check formatting, lint, import rules and types
	.venv/bin/ruff format --check
	.venv/bin/ruff check
	.venv/bin/lint-imports --no-logo
	.venv/bin/basedpyright

clean: ## Remove .venv, .venv-oldest and the caches; the embedded warehouse in .datoria stays
	rm -rf .venv .venv-oldest .hypothesis .pytest_cache .ruff_cache .import_linter_cache build *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/.installed: pyproject.toml constraints.txt
	@echo "Preparing .venv"
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed" if sys.version_info < (3, 11) else 0)'
	@test -x .venv/bin/pip || $(PYTHON) -m venv .venv
	@.venv/bin/python -m pip install -qq --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@
