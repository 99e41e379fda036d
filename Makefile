# Every target sets up first; after the first time that takes no time. Works with GNU make 3.81.

PYTHON_IN_VENV := .venv/bin/python

.PHONY: help setup run test check format chaos bench bench-check lock clean
.DEFAULT_GOAL := help

help:
	@echo "make run      start everything and print the URL of the demo (PORT=8000)"
	@echo "make test     pass the tests (ARGS=\"-k hub\" passes arguments to pytest)"
	@echo "make check    check format, lint, types, import directions and pins"
	@echo "make format   format the code, and fix what the linter can fix"
	@echo "make chaos    break everything under load, and count what was lost (ARGS=\"--help\")"
	@echo "make bench    run the benchmarks, print one table, draw one picture (ARGS=\"--help\")"
	@echo "make bench-check  what became slower between two commits (ARGS=\"BASE [HEAD]\")"
	@echo "make setup    make .venv with everything in it (PYTHON=python3.12 chooses the Python)"
	@echo "make lock     pin the newest versions: requirements.in to requirements.txt, both pairs"
	@echo "make clean    remove .venv and caches; instance/, with its data, stays"

setup:
	@bin/setup

run: setup
	@$(PYTHON_IN_VENV) -m app.ops.run

# Most tests wait for processes to start and to fail: three at a time fill two cores.
test: setup
	@$(PYTHON_IN_VENV) -m pytest -n 3 --dist worksteal $(ARGS)

check: setup
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/lint-imports
	@$(PYTHON_IN_VENV) bin/check_pins.py .venv/pins-checked requirements.txt requirements-dev.txt

format: setup
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .

chaos: setup
	@$(PYTHON_IN_VENV) -m tests.chaos $(ARGS)

bench: setup
	@$(PYTHON_IN_VENV) -m bench $(ARGS)

bench-check: setup
	@$(PYTHON_IN_VENV) -m bench.check $(ARGS)

# The order counts: the second file keeps to the versions that the first one pins.
lock: setup
	.venv/bin/uv pip compile --upgrade --universal --python-version 3.11 --no-header --quiet \
		requirements.in --output-file requirements.txt
	.venv/bin/uv pip compile --upgrade --universal --python-version 3.11 --no-header --quiet \
		requirements-dev.in --output-file requirements-dev.txt
	cd bench/yardsticks && ../../.venv/bin/uv pip compile --upgrade --universal \
		--python-version 3.11 --no-header --quiet requirements.in --output-file requirements.txt

clean:
	rm -rf .venv bench/.yardsticks .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find app tests bench -name __pycache__ -type d -prune -exec rm -rf {} +
