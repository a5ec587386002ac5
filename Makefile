# Everything a newcomer needs. Each target makes .venv first and installs what it lacks.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test lint embedded parity bench-speed clean

demo: $(VENV)/.search
	$(BIN)/secondpass demo

test: $(VENV)/.test lint
	$(BIN)/python -m pytest

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Builds the two models that ship in the package from their sources and checks them against it.
embedded: $(VENV)/.int8
	$(BIN)/python scripts/build_embedded.py

# Makes the tiny models and reference scores under tests/parity again; needs torch.
parity: $(VENV)/.torch
	$(BIN)/python scripts/make_parity.py

# Times secondpass against its rivals; needs torch and the rivals.
bench-speed: $(VENV)/.rivals
	$(VENV)-rivals/bin/python -m benchmarks.speed

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.search: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[search]'
	@touch $@

$(VENV)/.test: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[test]'
	@touch $@

$(VENV)/.int8: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[search,int8]'
	@touch $@

$(VENV)/.torch: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check torch==2.13.0
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r scripts/parity-requirements.txt -e .
	@touch $@

# The rivals pin older libraries than ours, so they live in an environment of their own.
$(VENV)/.rivals: pyproject.toml benchmarks/speed/requirements.txt | $(BIN)/python
	$(PYTHON) -m venv $(VENV)-rivals
	$(VENV)-rivals/bin/python -m pip install --quiet --disable-pip-version-check torch==2.13.0
	$(VENV)-rivals/bin/python -m pip install --quiet --disable-pip-version-check -r benchmarks/speed/requirements.txt -e '.[int8]'
	@touch $@

clean:
	rm -rf $(VENV) $(VENV)-rivals build dist
