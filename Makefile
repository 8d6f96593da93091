# Logharbor. `make demo` shows it; `make test` proves it; `make bench` measures it. Needs Python 3.11 to 3.13, git, make.

PYTHON := $(shell for p in $${PYTHON:-python3.13 python3.12 python3.11 python3 python}; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' >/dev/null 2>&1 \
	&& $$p -c 'import sys; print(sys.executable)' && break; done)
UV := $(shell command -v uv 2>/dev/null || echo .cache/uv/bin/uv)
BIN := .venv/bin
export UV_PYTHON_DOWNLOADS := never

.PHONY: setup demo test check unit live e2e checkov bench fuzz lock clean
.DEFAULT_GOAL := demo

setup: .venv/.synced

.venv/.synced: pyproject.toml uv.lock
ifeq ($(PYTHON),)
	$(error Logharbor needs Python 3.11, 3.12 or 3.13 on the PATH, and found none)
endif
	@test -x $(UV) || { echo "setting up uv …"; $(PYTHON) -m venv .cache/uv && .cache/uv/bin/pip -q install 'uv>=0.9,<1'; }
	@echo "installing what uv.lock names for $$($(PYTHON) --version) …"
	@$(UV) sync -q --locked --python $(PYTHON) --extra explore --group bench
	@touch $@

demo: setup  ## the main job on examples/, a summary, and the explorer (SERVE=0: only the summary)
	@$(BIN)/python examples/demo.py $(if $(filter 0,$(SERVE)),--no-serve)

test: check unit live  ## everything

check: setup  ## format, lint, types, import floors, generated files
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/logharbor schemas lint
	$(BIN)/logharbor filters build --check

unit: setup
	$(BIN)/pytest -n 2 -m 'not live' tests

live: setup  ## against a real Elasticsearch and a real browser; LOGHARBOR_REQUIRE_LIVE=1 refuses to skip
	$(BIN)/pytest -n 0 -m live tests

checkov: setup  ## terraform/ and examples/ against checkov's rules, in an environment of its own
	$(UV) tool run --python 3.11 'checkov>=3.2,<4' -d terraform -d examples --framework terraform --compact --quiet --skip-download

e2e: setup  ## both examples applied to a local AWS and destroyed again (KEEP=1: left running)
	@$(BIN)/python -m tests.e2e $(if $(KEEP),--keep)

bench: setup  ## CPU time, memory and cold start against the floor, in one run
	@$(BIN)/python -m bench

fuzz: setup  ## the coverage-guided fuzz targets, one minute each
	$(UV) sync -q --locked --python $(PYTHON) --extra explore --group bench --group fuzz
	for target in tests/fuzz/fuzz_*.py; do $(BIN)/python $$target -max_total_time=60 || exit 1; done

lock:
	$(UV) lock

clean:
	rm -rf .venv .cache build dist demo-out .mypy_cache .ruff_cache .pytest_cache .hypothesis
