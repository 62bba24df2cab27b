# Any Python with venv and make are all that a fresh machine needs: everything else goes into .venv, and where no Python
# from 3.11 on is found, uv fetches one.
#
#   make install   make .venv and install the project with its demo and test tools
#   make demo      write a synthetic recording, process it, show what is in the database and draw the figures
#   make test      run the tests
#   make lint      check the style, the rooms and the types of the code
#   make docs      build the documentation into site/
#   make lock      choose the versions of requirements/lock.txt anew
#   make orchestration run the flows of orchestration/ on the demo's recording, by Prefect and by Airflow
#   make notebooks open the notebooks in the browser, on your data or the demo's
#   make clean     remove .venv, the demo and what the tools left

# A version (3.13) or the path of a Python.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && command -v $$p && break; done)
VENV ?= .venv
# Installed first and pinned: without that a build with several GB of GPU libraries is chosen on Linux.
# Replace it by what PyTorch's site recommends for your machine, such as its index of CPU builds: make install TORCH="..."
TORCH ?= torch==2.13.0
# Where the demo lives. `make clean` removes it.
DEMO ?= demo
# What the tests are run with.
PYTEST ?= -n auto

UV := .uv/bin/uv
INSTALLED := $(VENV)/.installed

# What orchestration/ is tried with, each in an environment of its own: neither is a part of the project.
PREFECT ?= prefect>=3.9,<4
AIRFLOW ?= apache-airflow>=3.3,<4

.PHONY: install demo test lint docs lock orchestration notebooks clean

install: $(INSTALLED)

# The installer: uv, from PyPI, in an environment of its own.
$(UV):
	@for p in "$(PYTHON)" python3 python; do $$p -m venv .uv 2>/dev/null && break; done; test -x .uv/bin/pip || \
		{ echo "No Python with venv was found. Install Python 3.11 or newer (Debian: python3-venv)."; exit 1; }
	.uv/bin/pip install --quiet --disable-pip-version-check "uv>=0.9,<1"

# A file of its own tells that the install was finished, so that the next command does not install again.
$(INSTALLED): pyproject.toml requirements/lock.txt Makefile | $(UV)
	@test -x $(VENV)/bin/python || $(UV) venv --quiet --seed --python "$(or $(PYTHON),3.13)" $(VENV) || \
		{ echo "No Python from 3.11 on was found, and none could be fetched. Name one: make install PYTHON=/path/to/python3"; exit 1; }
	$(VENV)/bin/python -m pip --disable-pip-version-check install --progress-bar on "$(TORCH)"
	$(UV) pip install --python $(VENV)/bin/python --no-deps --compile-bytecode --requirement requirements/lock.txt
	$(UV) pip install --python $(VENV)/bin/python --no-deps --editable .
	@# once and for all: where PYTHONDONTWRITEBYTECODE is set each command would compile what it imports, for seconds
	$(VENV)/bin/python -m compileall -q workflow_miniscope
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

lock: $(UV)
	$(UV) pip compile --universal --python-version 3.11 --upgrade --no-header --no-annotate \
		--override requirements/overrides.txt --extra face --extra demo --extra test --extra docs \
		--output-file requirements/lock.txt pyproject.toml

orchestration: install
	$(UV) venv --quiet --clear --python $(VENV)/bin/python .venv-prefect
	$(UV) pip install --quiet --python .venv-prefect/bin/python "$(PREFECT)"
	$(UV) venv --quiet --clear --python $(VENV)/bin/python .venv-airflow
	$(UV) pip install --quiet --python .venv-airflow/bin/python "$(AIRFLOW)"
	$(VENV)/bin/python orchestration/trial.py prefect airflow

# Without a configuration of your own they open on the demo's data.
notebooks: $(if $(wildcard dj_local_conf.json),install,demo)
	$(if $(wildcard dj_local_conf.json),,WORKFLOW_MINISCOPE_CONFIG=$(abspath $(DEMO))/dj_local_conf.json) \
		$(VENV)/bin/jupyter lab notebooks

clean:
	@test ! -x $(VENV)/bin/python || $(VENV)/bin/python -m workflow_miniscope.demo --folder $(DEMO) --clean
	rm -rf $(VENV) .venv-prefect .venv-airflow .uv build dist site *.egg-info .pytest_cache .ruff_cache .mypy_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
