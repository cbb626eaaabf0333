# Everything works on a fresh machine with Python 3.11+, make and git. `make help` lists the targets.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
NORTHWIND ?=

.PHONY: help demo ui test lint format bench clean
.DEFAULT_GOAL := help

help: ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 16

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=python3.12 ..."; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing the packages pinned in constraints.txt into $(VENV) (once) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

demo: $(STAMP) ## run the main job end to end against the sandbox, then say what happened
	@$(BIN)/hardfin demo $(if $(NORTHWIND),--northwind "$(NORTHWIND)")

ui: $(STAMP) ## keep the demo's sandbox, Dagster's UI and daemon up to look around (Ctrl-C ends them)
	@$(BIN)/hardfin demo --keep-up $(if $(NORTHWIND),--northwind "$(NORTHWIND)")

test: $(STAMP) ## run the tests
	@$(BIN)/python -m pytest

lint: $(STAMP) ## ruff (rules and format) and the strict type checker
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

format: $(STAMP) ## let ruff put the files in order
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: $(STAMP) ## run the benchmarks, each beside its bound
	@$(BIN)/python -m benchmarks

clean: ## remove what runs left behind (not .venv)
	@rm -rf .hardfin .tmp_dagster_home_* .pytest_cache .mypy_cache .ruff_cache .hypothesis
