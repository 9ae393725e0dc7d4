# make demo: everything from a fresh clone to a chat page. make test: everything, and the tests.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip install --disable-pip-version-check -c requirements.lock

.PHONY: demo test explore lint fix bench eval-gate clean system

demo: $(VENV)/.serving
	$(BIN)/shopkeeper demo

test: system lint
	$(BIN)/shopkeeper models setup --training
	$(BIN)/python -m pytest

# The property tests with examples that no run has drawn before; what they find is kept and drawn again.
explore: system $(VENV)/.testing
	$(BIN)/shopkeeper models setup --training
	$(BIN)/python -m pytest --hypothesis-profile=explore

lint: $(VENV)/.testing
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy bot retrieval training
	$(BIN)/python -m tests.dependency_audit

fix: $(VENV)/.testing
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.testing
	$(BIN)/shopkeeper models setup --training
	$(BIN)/python -m bench.turn
	$(BIN)/python -m bench.retrieval

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, this is " + sys.version.split()[0])'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.serving: pyproject.toml requirements.lock | $(VENV)/bin/python
	@echo "Installing what serving needs (about a minute)…"
	$(PIP) --quiet -e .
	@touch $@

$(VENV)/.testing: pyproject.toml requirements.lock | $(VENV)/bin/python
	@echo "Installing what serving, training and the tests need (a few minutes)…"
	$(PIP) --quiet -e '.[train,dev]'
	@touch $@ $(VENV)/.serving

# The browser and the database server that the tests run against.
system:
	@sh tests/system_packages.sh

# Fails when the shipped system falls below the scores in training/gate.json (about ten minutes).
eval-gate: $(VENV)/.testing
	$(BIN)/shopkeeper models setup
	$(BIN)/python -m training.gate

clean:
	rm -rf $(VENV) var build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
