# Each target works on a fresh machine with Python >= 3.10: it creates .venv and installs what it needs.
# PYTHON=... selects another interpreter, and ELASTICSEARCH_URL=... a running cluster for demo and test.

PYTHON ?= python3
UV_VERSION := 0.13.9
BIN := .venv/bin
UV := $(BIN)/uv
INSTALLED := .venv/.installed
CLIENT9 := .venv/client9
# Other projects' rerankers, which benchmarks compare with ours; some need older libraries than this package.
PEERS := .venv/peers
PEER_PACKAGES := "sentence-transformers>=5,<6" "optimum-onnx[onnxruntime]" "optimum-intel[openvino]" datasets flashrank fastembed "rerankers[transformers]"
# Tests of code that uses an Elasticsearch client; they run a second time with the 9.x client.
CLIENT_TESTS := tests/contract tests/embedded tests/engines tests/clients tests/facade
# The ends of what pyproject.toml admits: versions, or paths of interpreters. 3.14 is the newest Python that all
# dependencies have wheels for.
OLDEST ?= 3.10
NEWEST ?= 3.14
OLDEST_VENV := .venv/bounds/oldest-$(subst /,_,$(OLDEST))
NEWEST_VENV := .venv/bounds/newest-$(subst /,_,$(NEWEST))
OFFLINE := HF_HUB_OFFLINE=1
# Two processes for two cores. All tests of a file run in the same one, and each starts its own nodes (3 GB).
# WORKERS=0 runs all tests in one process.
WORKERS ?= 2
PARALLEL := -n $(WORKERS) --dist loadfile
# Without cached bytecode, every process would compile its libraries again, including torch.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo test test-faults test-fast test-bounds test-oldest test-newest lint format docs docs-cli bench bench-peers eval-models lock clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/\1|\2/' | awk -F'|' '{printf "make %-11s %s\n", $$1, $$2}'

demo: $(INSTALLED) ## index this Python's documentation, search it, show what each stage contributes (ELASTICSEARCH_URL=... for a cluster)
	$(OFFLINE) $(BIN)/connector demo $(if $(ELASTICSEARCH_URL),--url "$(ELASTICSEARCH_URL)")

test: $(INSTALLED) $(CLIENT9)/.installed ## run every test, on the embedded engine and on real nodes, with both client majors
	@failed=0; \
	$(OFFLINE) $(BIN)/pytest $(PARALLEL) || failed=1; \
	$(OFFLINE) PYTHONPATH=$(CLIENT9) $(BIN)/pytest $(PARALLEL) $(CLIENT_TESTS) || failed=1; \
	exit $$failed

test-faults: $(INSTALLED) ## inject kill -9, storms of errors, full disks and more into reindex jobs, at full size (about an hour)
	$(OFFLINE) CONNECTOR_FAULTS=full $(BIN)/pytest tests/faults

test-fast: $(INSTALLED) ## run the tests that need no node (about 4 minutes on 2 cores)
	$(OFFLINE) $(BIN)/pytest -q $(PARALLEL) -m "not node"

test-bounds: test-oldest test-newest ## run test-oldest and test-newest

test-oldest: $(OLDEST_VENV)/.installed ## run the fast tests on Python 3.10 with the lowest versions that pyproject.toml admits (OLDEST=...)
	$(OFFLINE) PATH="$(CURDIR)/$(BIN):$$PATH" $(OLDEST_VENV)/bin/python -m pytest -q $(PARALLEL) -m "not node" -W default $(TESTS)

test-newest: $(NEWEST_VENV)/.installed ## run the fast tests on Python 3.14 with the newest version of everything (NEWEST=...)
	$(OFFLINE) PATH="$(CURDIR)/$(BIN):$$PATH" $(NEWEST_VENV)/bin/python -m pytest -q $(PARALLEL) -m "not node" $(TESTS)

lint: $(INSTALLED) ## run ruff, mypy --strict and the import rules of the packages
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict
	$(BIN)/lint-imports

format: $(INSTALLED) ## let ruff fix what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(INSTALLED) ## build the documentation, with the API reference from the docstrings (build/site)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict --site-dir build/site

docs-cli: $(INSTALLED) ## write docs/cli.md from the help of the commands
	$(BIN)/python -m tests.cli.reference

bench: $(INSTALLED) $(PEERS)/.installed ## measure import, cold start, size, overhead of a search; compare rerankers (benchmarks/RESULTS.md)
	$(BIN)/python -m benchmarks.import_time --write
	$(OFFLINE) $(BIN)/python -m benchmarks.cold_start --write --peers $(PEERS)/bin/python
	$(BIN)/python -m benchmarks.install_size --write
	$(OFFLINE) $(BIN)/python -m benchmarks.overhead --write
	$(OFFLINE) $(BIN)/python -m benchmarks.cross_encoders --write --peers $(PEERS)/bin/python
	$(OFFLINE) $(BIN)/python -m benchmarks.concurrent_searches --write
	$(if $(CONNECTOR_DATA),$(OFFLINE) $(BIN)/python -m benchmarks.cascade --work .eval --write)
	$(if $(and $(CONNECTOR_DATA),$(ELASTICSEARCH_URL)),$(OFFLINE) $(BIN)/python -m benchmarks.budget --url $(ELASTICSEARCH_URL) --data $(CONNECTOR_DATA)/squad_dev --write)

bench-peers: $(INSTALLED) ## compare the cost and quality of other ways of hybrid search on a node (ELASTICSEARCH_URL=... CONNECTOR_DATA=...)
	$(UV) pip install --quiet --python $(BIN)/python --constraint requirements.lock --group bench
	$(OFFLINE) $(BIN)/python -m benchmarks.peers --url "$(ELASTICSEARCH_URL)" --write

eval-models: $(INSTALLED) ## measure the bundled reranker on the judged collections (CONNECTOR_DATA=...; hours without a cache)
	$(OFFLINE) $(BIN)/python -m benchmarks.reranker --work .eval --write

lock: $(UV) ## update the pinned versions (requirements.lock)
	echo "elasticsearch<9" | $(UV) pip compile pyproject.toml --all-extras --group dev --universal --python-version 3.10 \
		--constraint - --upgrade --quiet --no-annotate --no-header --output-file requirements.lock

clean: ## delete .venv, builds and caches
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .grimp_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(UV):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null || { \
		echo "$(PYTHON) is missing or older than 3.10: install Python >= 3.10, or name one, as in 'make test PYTHON=python3.12'" >&2; exit 1; }
	@$(PYTHON) -m venv .venv || { rm -rf .venv; \
		echo "$(PYTHON) cannot make a virtual environment: install its venv module (Debian, Ubuntu: apt-get install python3-venv)" >&2; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

$(INSTALLED): requirements.lock pyproject.toml | $(UV)
	$(UV) pip install --quiet --python $(BIN)/python --requirement requirements.lock
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

$(CLIENT9)/.installed: requirements-client9.lock | $(UV)
	rm -rf $(CLIENT9)
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --target $(CLIENT9) --requirement requirements-client9.lock
	@touch $@

# $(call bounds_venv,folder,python,resolution): an environment with versions at one end. Interpreters of pyenv count.
define bounds_venv
	@PATH="$$PATH:$$(echo "$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/*/bin | tr ' ' ':')" \
		$(UV) venv --quiet --clear --no-python-downloads --python $(2) $(1) 2>/dev/null || { \
		echo "Python $(2) is missing: install it, or name another one, as in 'make test-bounds $(4)=3.13' or '$(4)=/path/to/python'" >&2; exit 1; }
	$(UV) pip compile pyproject.toml --all-extras --group dev --resolution $(3) --python $(1)/bin/python \
		--quiet --no-annotate --no-header --output-file $(1)/requirements.txt
	$(UV) pip install --quiet --python $(1)/bin/python --requirement $(1)/requirements.txt
	$(UV) pip install --quiet --python $(1)/bin/python --no-deps --editable .
	@touch $@
endef

$(OLDEST_VENV)/.installed: pyproject.toml | $(UV)
	$(call bounds_venv,$(OLDEST_VENV),$(OLDEST),lowest-direct,OLDEST)

$(NEWEST_VENV)/.installed: pyproject.toml | $(UV)
	$(call bounds_venv,$(NEWEST_VENV),$(NEWEST),highest,NEWEST)

$(PEERS)/.installed: | $(UV)
	$(UV) venv --quiet --clear --python $(BIN)/python $(PEERS)
	$(UV) pip install --quiet --python $(PEERS)/bin/python $(PEER_PACKAGES)
	@touch $@
