# make demo     data written by a model on this machine, from real documents; the only thing to type after cloning
# make test     all tests
#
# Both make what they need in .venv first. Another Python than python3: make demo PYTHON=python3.12

PYTHON = python3
VENV = .venv
BIN = $(VENV)/bin
PIP = $(BIN)/python -m pip --disable-pip-version-check
SEEDBED = $(BIN)/seedbed
DEMO = examples/quickstart.yaml

.PHONY: help setup fmt check test bench docs demo clean
.DELETE_ON_ERROR:

help:
	@echo "make demo    data by a model on this machine, from real documents"
	@echo "make setup   .venv with all that the tests need, fetched once"
	@echo "make fmt     format the code, bring what is generated in docs/ up to date"
	@echo "make check   linter, formatting, types, layout"
	@echo "make test    all tests"
	@echo "make bench   the benchmarks; about half an hour on a quiet machine"
	@echo "make docs    the documentation as a site, in site/"
	@echo "make clean   remove what these made, but for .venv and your runs"

# --- .venv: a stamp for each thing that was installed into it -----------------------------------------------------

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "seedbed needs Python 3.11 or later, and $(PYTHON) is not that." >&2; \
	  echo "Name one that is, for instance: make $(firstword $(MAKECMDGOALS) setup) PYTHON=python3.12" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --quiet --upgrade 'pip>=25.1'
	@touch $@

$(VENV)/.local: $(VENV)/.python pyproject.toml
	$(PIP) install --quiet --editable '.[local]'
	@touch $@

$(VENV)/.dev: $(VENV)/.local
	$(PIP) install --quiet --editable '.[local,parquet,fast]' --group dev
	$(SEEDBED) models get 135m
	@touch $@

$(VENV)/.docs: $(VENV)/.dev
	$(PIP) install --quiet --group docs
	@touch $@

setup: $(VENV)/.dev

# --- the house ----------------------------------------------------------------------------------------------------

fmt: setup
	$(BIN)/ruff check --fix --quiet .
	$(BIN)/ruff format --quiet .
	$(BIN)/python docs/generate.py
	$(SEEDBED) show $(DEMO) -o docs/assets/graph.svg

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest tests/test_layout.py

test: setup
	$(BIN)/python -m pytest --numprocesses auto --dist worksteal

bench: setup
	@for name in imports graph engine resume memory; do \
	  echo; echo "# benchmarks/$$name.py"; $(BIN)/python benchmarks/$$name.py || exit 1; done

docs: $(VENV)/.docs
	$(BIN)/python docs/generate.py
	$(BIN)/zensical build --clean --strict
	@rm -f site/generate.py

demo: $(VENV)/.local
	@$(SEEDBED) run $(DEMO) --max-failed 20
	@$(BIN)/python examples/quickstart/look.py

clean:
	rm -rf site build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find src tests docs examples benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
