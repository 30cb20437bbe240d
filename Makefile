# Everything a checkout needs. Each target sets up what it takes, and does again only what changed.

PYTHON ?= python3
VENV ?= .venv
PENSTOCK_PEERS ?= ../shared/peers
export PENSTOCK_PEERS

define CHECK_PYTHON
import sys
found = "%d.%d" % sys.version_info[:2]
if sys.version_info < (3, 11):
    sys.exit("$(PYTHON) is Python %s; Penstock needs 3.11 or newer: make PYTHON=..." % found)
endef
export CHECK_PYTHON

BIN := $(VENV)/bin
KERNEL := kernel/Cargo.toml
SOURCES := $(KERNEL) kernel/Cargo.lock $(shell find kernel/src -name '*.rs')

.DEFAULT_GOAL := help
.PHONY: help run stack test faults integration soak fuzz lint bench wheel clean

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /\1	/p' $(MAKEFILE_LIST) | expand -t 14

run: $(VENV)/.installed ## run Penstock on its embedded default configuration
	$(BIN)/penstock run

stack: $(VENV)/.all ## run Penstock among Prometheus, Jaeger, Kafka and others, with five systems to observe
	$(BIN)/python deploy/stack/stack.py

test: $(VENV)/.tools ## run the tests that need nothing but this checkout
	$(BIN)/pytest --numprocesses auto --ignore=tests/integration --ignore=tests/faults

faults: $(VENV)/.tools ## attack it for a short while: floods, bombs, hostile back ends, secrets
	$(BIN)/pytest tests/faults

integration: $(VENV)/.tools ## run the tests with real clients and back ends, from PENSTOCK_PEERS
	$(BIN)/pytest tests/integration

soak: $(VENV)/.tools ## attack it at length and write tests/faults/SCORECARD.md; SOAK holds more arguments
	$(BIN)/python -m tests.faults $(SOAK)

fuzz: $(VENV)/.tools ## fuzz the kernel, a minute each target; FUZZ holds more arguments
	$(BIN)/python -m tests.faults fuzz $(FUZZ)

lint: $(VENV)/.tools ## check style, types and the kernel's warnings
	@command -v cargo >/dev/null || (echo "No cargo on PATH: install Rust, rustup.rs" && false)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	cargo fmt --manifest-path $(KERNEL) --check
	cargo fmt --manifest-path kernel/fuzz/Cargo.toml --check
	cargo clippy --manifest-path $(KERNEL) --all-targets --quiet -- --deny warnings

bench: $(VENV)/.tools ## measure Penstock against its peers; BENCH holds more arguments
	$(BIN)/python -m bench.run $(BENCH)

wheel: $(VENV)/.installed ## build the wheel into dist/
	rm -rf dist
	$(BIN)/pip wheel --quiet --no-deps --wheel-dir dist .

clean: ## remove everything that the other targets made
	rm -rf $(VENV) dist target kernel/target penstock/*.so .stack .hypothesis .*_cache
	find . -name __pycache__ -prune -exec rm -rf {} +

$(VENV)/.created:
	@$(PYTHON) -c "$$CHECK_PYTHON"
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.installed: $(VENV)/.created pyproject.toml $(SOURCES)
	@command -v cargo >/dev/null || echo "No cargo on PATH: pip fetches a Rust toolchain of its own."
	@echo "Building the kernel takes three or four minutes."
	$(BIN)/pip install --quiet --editable .
	@touch $@

$(VENV)/.all: pyproject.toml | $(VENV)/.installed
	$(BIN)/pip install --quiet --editable '.[all]'
	@touch $@

$(VENV)/.tools: pyproject.toml | $(VENV)/.installed
	$(BIN)/pip install --quiet --editable '.[dev]'
	@touch $@
