# `make` sets up, builds the site and grades the sample submissions; `make test` runs every test.
# Nothing but Python 3.11+ and make is needed; everything goes into .venv and _build.

PYTHON ?= python3
BIN := .venv/bin
SAMPLES := _build/submissions
PARALLEL ?= -n auto --dist loadgroup
# One numerical thread: the course's arrays are small, and two threads on a busy machine can stall.
export OMP_NUM_THREADS := 1
export OPENBLAS_NUM_THREADS := 1
export MKL_NUM_THREADS := 1

.PHONY: all setup runtime site pdf links grade test test-long lint bench release clean help
.DEFAULT_GOAL := all

all: site grade ## Build the site and grade the sample submissions
	@echo
	@echo "The site: $(CURDIR)/_build/html/index.html"

help: ## Show these targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

setup: .venv/.ready ## Make .venv with everything in it

.venv/.ready: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or later is needed; name one with: make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check torch==2.13.0
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@
	@test "$$(uname)" != Linux || command -v bwrap >/dev/null || \
	  echo "bubblewrap is not installed; the grader makes its sandbox itself (see: $(BIN)/autograder doctor)"

runtime: setup ## Fetch and prepare what exercises on pages load (npm and PyPI; kept in _build/runtime)
	@$(BIN)/python book/_ext/exercise_runtime.py

site: runtime ## Build the site into _build/html
	$(BIN)/jupyter-book build . -W --keep-going -n --quiet

pdf: site ## Print the site as one PDF with bookmarks into _build/unrolled.pdf (needs Chromium)
	$(BIN)/python book/make_pdf.py

links: setup ## Check every link to another site (needs the network)
	$(BIN)/jupyter-book build . --builder linkcheck --keep-going

grade: setup ## Grade the sample submissions and print their scores
	@rm -rf $(SAMPLES)
	$(BIN)/python -m tests.submissions.samples $(SAMPLES)
	@# They are our own, so they may run where there is no sandbox.
	@# Some of them are broken on purpose, so 1 (points lost) and 2 (not gradable) are fine here.
	$(BIN)/autograder grade $(SAMPLES) --timeout 5 --unsafe || test $$? -le 2

test: runtime ## Run every test
	$(BIN)/pytest $(PARALLEL)

test-long: setup ## Run the long tests: whole banks, all mutants, a thousand corruptions
	$(BIN)/pytest $(PARALLEL) -m long

lint: setup ## Check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: setup ## Measure the grader and the site's build
	$(BIN)/python -m tests.bench

release: setup ## Make the answer keys and students' notebooks again
	$(BIN)/autograder release

clean: ## Remove what was built (not .venv)
	rm -rf _build .pytest_cache .mypy_cache .ruff_cache .hypothesis
