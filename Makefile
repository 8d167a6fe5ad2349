# Two commands do everything on a fresh machine:  make demo   and   make test
PY := .venv/bin/python
# every robot and worker is a process: each would compile its modules anew (a second and a half)
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup demo demo-again demo-clean test test-all rehearse lint check sample bench clean

help:  ## Show the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort

setup: .venv/.ready  ## Install everything: Python environment, Chromium, the ERP

.venv/.ready: requirements/lock.txt requirements/setup.sh pyproject.toml sandbox/erp/requirements.txt
	bash requirements/setup.sh
	@touch $@

demo: setup  ## Close a month against the sandbox portals and a real Tryton
	$(PY) -m retaguarda demo || test $$? -eq 1

demo-clean:  ## Forget the demo: portals, vault, store
	rm -rf output/demo

test: setup lint  ## Everything that CI runs
	$(PY) -m pytest -n 3 --dist loadfile --no-loadscope-reorder

test-all: setup lint  ## What CI runs, and the tests that take long
	$(PY) -m pytest -n 3 --dist loadfile --no-loadscope-reorder -m "thorough or not thorough"

rehearse: setup  ## Rehearse under faults on every level, and catch the broken variants (hours; docs/rehearsal.md)
	for level in mutants sim proc once browser; do $(PY) -m bench.rehearse $$level || exit 1; done

lint: setup  ## Style, types, import contracts
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports

clean: demo-clean  ## Remove the environment and caches
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
