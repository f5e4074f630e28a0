# Two commands do everything from a bare clone: `make demo` and `make test`.
# Each target makes .venv itself when it is missing, or older than what it is made from.

PYTHON ?= python3
VENV := .venv/bin
EXTRAS := train,sweep,analysis,dev

.PHONY: install demo test long faults lint bench clean

install: .venv/installed

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or later is needed: make PYTHON=python3.11")'
	test -x $(VENV)/python || $(PYTHON) -m venv .venv
	$(VENV)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[$(EXTRAS)]'
	touch $@

# A sweep over real trials on the embedded default, and its front; it may be run again.
demo: install
	$(VENV)/sweep run --replace sweep/specs/miniature.yaml

# Four at a time on two cores, each file by one of them: real sweeps wait for processes to start.
test: install
	$(VENV)/python -m pytest -m 'not faults and not long' -n 4 --dist loadfile --no-loadscope-reorder

# Real weights, whole published sets, the pages of docs from beginning to end, an older store,
# sweeps on PostgreSQL and S3, jobs, deaths and surroundings that are rare or slow to wait for.
long: install
	$(VENV)/python -m pytest -m long -n 2 --dist loadfile

# Kills driver, workers, node and server of real sweeps at random moments: some minutes, alone.
faults: install
	$(VENV)/python -m pytest -m faults

lint: install
	$(VENV)/ruff check .
	$(VENV)/ruff format --check .
	$(VENV)/mypy

# Measurements against the peers, in one run each; prints tables, asserts nothing.
bench: install
	$(VENV)/python -m tests.benchmarks.orchestration
	$(VENV)/python -m tests.benchmarks.together
	$(VENV)/python -m tests.benchmarks.tracking
	$(VENV)/python -m tests.benchmarks.reading
	$(VENV)/python -m tests.benchmarks.driver_memory
	$(VENV)/python -m tests.benchmarks.memory
	$(VENV)/python -m tests.benchmarks.step
	$(VENV)/python -m tests.benchmarks.trial
	$(VENV)/python -m tests.benchmarks.swapping
	$(VENV)/python -m tests.benchmarks.evaluation
	$(VENV)/python -m tests.benchmarks.harness_tasks

clean:
	rm -rf .venv build *.egg-info .pytest_cache .mypy_cache .ruff_cache
