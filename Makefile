# Everything a person types. Packages go into .venv, again only when the pinned lists change.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help run dev test stress lint bench bench-graphs clean preflight

# The first Python that is new enough; PYTHON=... chooses another.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && exit; \
	done; echo python3)
VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip install -qq --disable-pip-version-check --no-compile --no-deps
RUN_STAMP := $(VENV)/.installed-run-$(shell cksum < requirements.txt | tr -d ' ')
DEV_STAMP := $(VENV)/.installed-dev-$(shell cat requirements.txt requirements-dev.txt | cksum | tr -d ' ')

# Of the whole suite: a file's tests stay together, and each has a database and a server of its own.
WORKERS ?= 2

AGENTOS := .cache/agentos-venv
LANGGRAPH := .cache/langgraph-venv
LANGGRAPH_STAMP := $(LANGGRAPH)/.installed-$(shell cksum < benchmarks/graphs/requirements.txt | tr -d ' ')
AGENTOS_STAMP := $(AGENTOS)/.installed-$(shell cksum < benchmarks/agentos/requirements.txt | tr -d ' ')

help:
	@echo "make run    serve on PORT (8000); DATA_DIR, DATABASE_URL, HOST, SERVER=uvicorn, DEMO=0"
	@echo "make dev    install what tests and lint need; they do it by themselves"
	@echo "make test   the whole test suite in WORKERS (2) processes; ARGS='-k name' for a part in one"
	@echo "make stress tenants interleaved under load, none may see another's rows (3 minutes)"
	@echo "make lint   ruff and types"
	@echo "make bench  measure beside AgentOS (an hour); ARGS=--quick for 15 minutes, --help"
	@echo "make bench-graphs  workflows beside LangGraph, a team beside its slowest member (4 minutes)"
	@echo "make clean  remove .venv and caches, never data"

# exec: the parent takes the place of the shell, so that a signal to make reaches it.
run: preflight $(RUN_STAMP)
	@exec $(PY) manage.py up

dev: $(DEV_STAMP)

test: $(DEV_STAMP)
	@$(PY) -m pytest $(if $(strip $(ARGS)),,-n $(WORKERS) --dist loadfile --no-loadscope-reorder) $(ARGS)

stress: $(DEV_STAMP)
	@exec $(PY) -m tests.stress $(ARGS)

lint: $(DEV_STAMP)
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy

# AgentOS lives in a virtual environment of its own; `make bench` alone needs it.
bench: $(RUN_STAMP) $(AGENTOS_STAMP)
	@exec $(PY) -m benchmarks $(ARGS)

bench-graphs: $(RUN_STAMP) $(LANGGRAPH_STAMP)
	@exec $(PY) -m benchmarks.graphs $(ARGS)

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

preflight:
	@$(PYTHON) -m config.preflight run

# The lists' checksum is in the stamps' names: a changed list has no stamp yet.
# A virtual environment whose Python is gone or too old is made anew.
define venv
	@$(PYTHON) -m config.preflight install
	@$(PY) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
		|| { echo "making $(VENV) with $(PYTHON)"; $(PYTHON) -m venv --clear $(VENV); }
endef

# Unpacking is most of the work, so it is done by two at once, each with every other line; all
# there is to install is pinned, and nothing is left to resolve.
define packages
	@grep -hv -e '^#' -e '^-' -e '^ *$$' $(1) | sort -u | awk '{ print > "$(VENV)/packages-" NR % 2 }'
	@{ $(PIP) -r $(VENV)/packages-0 & first=$$!; $(PIP) -r $(VENV)/packages-1; second=$$?; \
		wait $$first && [ $$second = 0 ] && $(PY) -m pip check >/dev/null; } || { \
		echo "concord: packages could not be installed" >&2; \
		echo "  mend: check the network, or point pip to a package index or folder" >&2; exit 1; }
endef

$(RUN_STAMP):
	$(venv)
	@echo "installing packages (the first time this takes a minute)"
	$(call packages,requirements.txt)
	@rm -f $(VENV)/.installed-run-*; touch $@

$(DEV_STAMP):
	$(venv)
	@echo "installing packages for development"
	$(call packages,requirements.txt requirements-dev.txt)
	@rm -f $(VENV)/.installed-*; touch $@ $(RUN_STAMP)

$(AGENTOS_STAMP):
	@mkdir -p .cache; $(PYTHON) -m venv --clear $(AGENTOS)
	@echo "installing AgentOS beside, for the comparison alone"
	@$(AGENTOS)/bin/python -m pip install -qq --disable-pip-version-check \
		-r benchmarks/agentos/requirements.txt
	@touch $@

$(LANGGRAPH_STAMP):
	@mkdir -p .cache; $(PYTHON) -m venv --clear $(LANGGRAPH)
	@echo "installing LangGraph beside, for the comparison alone"
	@$(LANGGRAPH)/bin/python -m pip install -qq --disable-pip-version-check \
		-r benchmarks/graphs/requirements.txt
	@touch $@
