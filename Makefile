# Everything a person or CI runs. Each target does all of its own set-up: Python >= 3.11, git, make
# and the package registries are all that has to be there before.
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
UV := $(VENV)/bin/uv
RUN := $(UV) run --frozen --no-sync
STAMP := $(VENV)/.synced
ARGS ?=

.PHONY: demo test install dev lint bench format openapi clean

demo: install ## show the main job on a synthetic clinic (ARGS=--once ends after the verified event)
	@$(RUN) afterglow demo $(ARGS)

test: lint ## every check and every test
	@$(RUN) pytest $(ARGS)

lint: install ## formatting, lints, strict types, import contracts
	@$(RUN) ruff format --check .
	@$(RUN) ruff check .
	@$(RUN) mypy
	@$(RUN) lint-imports

dev: install ## database, API and worker in one process group (ARGS="--port 8000 --data-dir D")
	@$(RUN) afterglow dev $(ARGS)

bench: install ## measure check-ins against a bare route and bare statements, in ratios
	@$(RUN) python -m tests.bench $(ARGS)

format: install ## rewrite the sources as the formatter wants them
	@$(RUN) ruff format .
	@$(RUN) ruff check --fix .

openapi: install ## write openapi/openapi.json from the code
	@$(RUN) afterglow openapi --output openapi/openapi.json

install: $(STAMP) ## the locked environment in .venv

$(STAMP): pyproject.toml uv.lock
	@test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	@test -x $(UV) || $(VENV)/bin/python -m pip install --quiet --disable-pip-version-check 'uv>=0.9'
	@$(UV) sync --frozen --quiet --inexact
	@touch $(STAMP)

clean: ## remove what make made
	rm -rf $(VENV) dist build
