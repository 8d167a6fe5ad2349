# Two commands do everything on a fresh machine:  make demo   and   make test
PY := .venv/bin/python
# every robot and worker is a process: each would compile its modules anew (a second and a half)
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup demo demo-again demo-clean test test-all rehearse lint check sample bench sbom audit-dependencies clean

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

# both in an environment of their own, so that what they look at is not changed by looking
.venv-supply/.ready: requirements/supply.txt | setup
	uv=$$(command -v uv || echo .venv-uv/bin/uv); $$uv venv --quiet --clear --no-python-downloads --python .venv/bin/python .venv-supply && \
	VIRTUAL_ENV=$$PWD/.venv-supply $$uv pip install --quiet --require-hashes --no-deps -r requirements/supply.txt
	@touch $@

sbom: .venv-supply/.ready  ## What is installed, as a CycloneDX bill of materials: output/sbom.cdx.json
	@mkdir -p output
	.venv-supply/bin/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible --of JSON -o output/sbom.cdx.json .venv/bin/python

audit-dependencies: .venv-supply/.ready  ## Known weaknesses of what the lock file names; needs the network, and fails without it
	.venv-supply/bin/pip-audit --strict --require-hashes --disable-pip -r requirements/lock.txt

clean: demo-clean  ## Remove the environment and caches
	rm -rf .venv .venv-supply .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
