# The front door. Every target sets up what it needs first; that takes no time once it is there.
#   make demo [RUNTIME=docker|host] [ARGS=…]    Cats 1.0.0, then 2.0.1, under load, and not one request lost
#   make test [ARGS=…]                          all tests that this machine can run
#   make lint · make format                     linters · what they can mend by themselves
#   make bench                                  measurements; not part of the tests
#   make base-image                             a base image for Cats, where no registry is reachable (root, Docker)

SHELL := /bin/bash
.DEFAULT_GOAL := demo
RUNTIME ?= auto
BIN := .venv/bin

.PHONY: setup demo test lint format bench base-image

setup:
	@scripts/setup tool

demo:
	@scripts/setup demo $(RUNTIME)
	@$(BIN)/ninelives demo --runtime $(RUNTIME) $(ARGS)

test:
	@scripts/setup tests
	@scripts/test $(ARGS)

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
