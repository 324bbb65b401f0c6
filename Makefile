# kidohan: `make demo` plays one working day, `make test` proves it.
PYTHON ?= python3
SERVE  ?= 1
PORT   ?= 8000
# Processes of the test suite; `make test WORKERS=0` runs all in one.
WORKERS ?= 2
BIN    := .venv/bin

.PHONY: help setup demo roads test test-postgresql check lint types contracts package bench bench-compare lock clean

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: ## make .venv and fetch what pages and sheets need
	@$(PYTHON) tools/setup.py

demo: setup ## one working day into out/demo, then serve it (SERVE=0: only write; GEODATA=BUNDLE)
	@$(if $(GEODATA),KIDOHAN_GEODATA_DIR=$(GEODATA) )$(BIN)/kidohan demo --out out/demo --port $(PORT) $(if $(filter 0,$(SERVE)),--no-serve,--serve) $(ARGS)

roads: setup ## road data of the city from an OSM extract (PBF=FILE.osm.pbf)
	@$(BIN)/kidohan roads build $(PBF) $(ARGS)

test: setup ## the whole suite (COVERAGE=1: and how much of the code it covers)
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(if $(COVERAGE),--cov --cov-report=term:skip-covered,--no-cov) $(ARGS)

test-postgresql: setup ## the API's tests served on PostgreSQL, full-size ones too
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-cov --database=postgresql -m "not benchmark and not browser" tests/api tests/contract $(ARGS)

lint: setup ## formatting and lint
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .

types: setup ## strict types
	@$(BIN)/mypy

contracts: setup ## import directions
	@$(BIN)/lint-imports

package: setup ## the wheel holds our four packages, and imports match dependencies
	@rm -rf dist && $(BIN)/python -m hatchling build -t wheel
	@$(BIN)/check-wheel-contents dist/*.whl
	@$(BIN)/deptry .

check: COVERAGE = 1
check: lint types contracts package test ## everything that CI asks

bench: setup ## measure (figures, not pass or fail)
	@$(BIN)/python -m pytest -m benchmark tests/benchmarks --no-cov --benchmark-autosave --benchmark-storage=tests/benchmarks/history $(ARGS)

bench-compare: setup ## measure again and compare with the last saved run
	@$(BIN)/python -m pytest -m benchmark tests/benchmarks --no-cov --benchmark-storage=tests/benchmarks/history --benchmark-compare --benchmark-compare-fail=median:50% $(ARGS)

lock: ## renew the lock files (needs uv)
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --group dev pyproject.toml -o requirements.lock
	uv pip compile -q --universal --python-version 3.11 --no-deps --generate-hashes --no-header --no-annotate --no-emit-index-url requirements-data.in -o requirements-data.lock
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url requirements-node.in -o requirements-node.lock
	uv pip compile -q --python-version 3.12 --python-platform x86_64-manylinux_2_28 --no-deps --generate-hashes --no-header --no-annotate --no-emit-index-url requirements-engine.in -o requirements-engine.lock
	uv pip compile -q --python-version 3.11 --python-platform x86_64-manylinux_2_34 --generate-hashes --no-header --no-annotate --no-emit-index-url requirements-bench.in -o requirements-bench.lock

clean: ## forget the environment and what was written (the database in var/ stays)
	rm -rf .venv node_modules out dist
