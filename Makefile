# The front door. Every target sets up what it needs first; that takes no time once it is there.
#   make demo [RUNTIME=docker|host] [ARGS=…]    Cats 1.0.0, then 2.0.1, under load, and not one request lost
#   make test [ARGS=…]                          all tests that this machine can run
#   make test-matrix [ARGS=…]                   every bad release on both runtimes with every strategy; for a night
#   make simulate [WORLDS=100000] [SEED=…]      worlds of the simulator, for a night; the tests live through 1,000
#   make lint · make format                     linters · what they can mend by themselves
#   make bench                                  measurements; not part of the tests
#   make base-image                             a base image for Cats, where no registry is reachable (root, Docker)

SHELL := /bin/bash
.DEFAULT_GOAL := demo
RUNTIME ?= auto
WORLDS ?= 100000
PROCESSES ?= 2
# Every night other worlds; what failed is named by its seed.
SEED ?= $(shell date -u +%Y%m%d)000000
BIN := .venv/bin

.PHONY: setup demo test test-matrix simulate lint format bench base-image

setup:
	@scripts/setup tool

demo:
	@scripts/setup demo $(RUNTIME)
	@$(BIN)/ninelives demo --runtime $(RUNTIME) $(ARGS)

test:
	@scripts/setup tests
	@scripts/test $(ARGS)

test-matrix:
	@scripts/setup tests
	@for strategy in rolling blue-green canary linear; do \
	  NINELIVES_STRATEGY=$$strategy scripts/test tests/live/test_bad_releases.py $(ARGS) || failed="$$failed $$strategy"; \
	done; [[ -z $$failed ]] || { echo "failed with:$$failed" >&2; exit 1; }

simulate: setup
	@$(BIN)/python -m ninelives.simulator --worlds $(WORLDS) --seed $(SEED) --processes $(PROCESSES)

lint: setup
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

bench: setup
	@$(BIN)/python -m benchmarks $(ARGS)

base-image:
	@scripts/base-image
