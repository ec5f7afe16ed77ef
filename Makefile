# Two commands do everything: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
STAMP := $(VENV)/.installed

.PHONY: demo test browser faults slow api screenshots check clean

demo: $(STAMP)
	$(VENV)/bin/ucid demo

test: $(STAMP) browser
	$(VENV)/bin/python -m pytest

# The tests of the console want a Chromium. In a container of Debian's it is installed; elsewhere, without one, these
# tests are skipped and say so.
browser:
	@command -v chromium >/dev/null || [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null || \
	  { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium; } >/dev/null 2>&1 || \
	  echo "no Chromium could be installed"

# Every fault, at length: 300 kills, 20 restarts of the broker, 10,000 races, 100,000 broken messages.
faults: $(STAMP)
	UCID_FAULTS=full $(VENV)/bin/python -m pytest tests/faults tests/triggers/test_running.py

# What takes many minutes of Spark: 50 kills of a batch, a cluster, erasures in every table, ten increments.
slow: $(STAMP)
	UCID_FAULTS=full $(VENV)/bin/python -m pytest --minutes

# The HTTP API against its description, at length, with requests that are made up.
api: $(STAMP)
	UCID_API_EXAMPLES=500 $(VENV)/bin/python -m pytest tests/serving/test_description.py

# The pictures of the README, as the tests of the console make them.
screenshots: $(STAMP)
	UCID_SCREENSHOTS=docs/images $(VENV)/bin/python -m pytest -n0 tests/console -k "pictures or phone"

check: $(STAMP)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

$(STAMP): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --editable '.[dev]'
	touch $@

clean:
	rm -rf $(VENV)
