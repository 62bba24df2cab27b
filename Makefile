# Python 3.10 to 3.12 and make are all that a fresh machine needs: everything else goes into .venv.
#
#   make install   make .venv and install the project with its demo and test tools
#   make demo      write a synthetic recording, process it, show what is in the database and draw the figures
#   make test      run the tests
#   make lint      check the style of the code
#   make docs      build the documentation into site/
#   make notebooks open the notebooks in the browser, on your data or the demo's
#   make clean     remove .venv, the demo and what the tools left

PYTHON ?= $(shell for p in python3 python3.12 python3.11 python3.10 python; do \
	$$p -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null && echo $$p && break; done)
VENV ?= .venv
# Installed first and pinned: without that a newer build with several GB of GPU libraries may be chosen.
# Replace it by what PyTorch's site recommends for your machine: make install TORCH="..."
TORCH ?= torch==2.13.0
# Where the demo lives. `make clean` removes it.
DEMO ?= demo

PIP := $(VENV)/bin/python -m pip --disable-pip-version-check
INSTALLED := $(VENV)/.installed

.PHONY: install demo test lint docs notebooks clean

install: $(INSTALLED)

# A file of its own tells that the install was finished, so that the next command does not install again.
$(INSTALLED): pyproject.toml Makefile
	@test -n "$(PYTHON)" || { echo "No Python 3.10, 3.11 or 3.12 was found. Name one: make install PYTHON=/path/to/python3.11"; exit 1; }
	@test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install --quiet --upgrade "pip>=24"
	$(PIP) install --progress-bar on "$(TORCH)"
	$(PIP) install --progress-bar on --editable ".[demo,test,docs]"
	@# Two packages that others require write the same cv2 folder. Whichever came last has won; the one
	@# without windows works on every machine, so it is written over the other and then tried.
	$(PIP) install --quiet --force-reinstall --no-deps "$$($(VENV)/bin/python -m workflow_miniscope.opencv --requirement)"
	$(VENV)/bin/python -m workflow_miniscope.opencv
	@touch $@

demo: install
	$(VENV)/bin/python -m workflow_miniscope.demo --folder $(DEMO)

test: install
	$(VENV)/bin/python -m pytest $(PYTEST)

lint: install
	$(VENV)/bin/ruff check .
	$(VENV)/bin/lint-imports
	$(VENV)/bin/mypy

docs: install
	NO_MKDOCS_2_WARNING=1 $(VENV)/bin/mkdocs build

# Without a configuration of your own they open on the demo's data.
notebooks: $(if $(wildcard dj_local_conf.json),install,demo)
	$(if $(wildcard dj_local_conf.json),,WORKFLOW_MINISCOPE_CONFIG=$(abspath $(DEMO))/dj_local_conf.json) \
		$(VENV)/bin/jupyter lab notebooks

clean:
	@test ! -x $(VENV)/bin/python || $(VENV)/bin/python -m workflow_miniscope.demo --folder $(DEMO) --clean
	rm -rf $(VENV) build dist site *.egg-info .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
