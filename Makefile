# Two commands on a fresh machine: `make demo` and `make test`. Each makes its own virtual environment where there is none.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: setup demo test test-unit test-store test-system lint docs bench bench-monitor bench-learning screenshots up-compose down-compose lock clean

setup: $(READY)

# --compile: every process would otherwise compile Great Expectations and Evidently anew, 20 seconds each time
$(READY): requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --compile --no-deps --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --editable .
	touch $@

demo: $(READY)
	$(BIN)/leeway demo

test: $(READY)
	$(BIN)/python -m pytest

# By what they need: no server and no process, the embedded PostgreSQL, or processes, Prefect and a browser
test-unit test-store test-system: test-%: $(READY)
	$(BIN)/python -m pytest -m $*

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# The documentation site, in build/site; a broken link or a page that is listed nowhere is an error
docs: $(READY)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

bench: $(READY)
	for script in benchmarks/*.py; do $(BIN)/python $$script || exit 1; done

# What the monitor promises, on made-up and real streams, and what other tools do there; longer than all the others.
# It makes an environment of its own, .nannyml, for tools that do not import beside ours.
bench-monitor: $(READY)
	missed=0; for script in targets estimates policies others elec2 real_streams speed; do \
		$(BIN)/python benchmarks/monitor/$$script.py || missed=1; done; exit $$missed

# Leeway's default against plain pipelines, FLAML and AutoGluon; hours. It makes environments of its own, .flaml and .autogluon.
bench-learning: $(READY)
	$(BIN)/python benchmarks/learning/compare.py

# Pictures of the dashboards for the README, over the demo's data; needs Chromium
screenshots: $(READY)
	test -e leeway-demo/.leeway-demo || $(BIN)/leeway demo
	$(BIN)/python -m tests.dashboards.screenshots leeway-demo docs/images

# On a server: everything in containers; docs/server.md
COMPOSE ?= docker compose

# A secret that an older .env has not is added to it.
up-compose: .env
	@umask 077; sed -n 's/=change-me$$//p' .env.example | while read -r name; do grep -q "^$$name=" .env \
		|| echo "$$name=$$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')" >> .env; done
	$(COMPOSE) up --build --detach --wait
	@echo "up; where its pages are: docs/server.md"

down-compose:
	$(COMPOSE) down

# A password for each, of what only this machine knows; once, for the databases keep them
.env:
	umask 077; while read -r line; do case "$$line" in \
		*=change-me) echo "$${line%change-me}$$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')" ;; \
		*) echo "$$line" ;; \
	esac; done < .env.example > .env.new && mv .env.new .env

# After a change of the ranges in pyproject.toml; needs uv
lock:
	uv pip compile pyproject.toml --extra dev --extra dask --extra docs --extra s3 --extra server --universal --python-version 3.11 --no-annotate --no-header \
		--no-emit-index-url --quiet --output-file requirements.lock

clean:
	rm -rf $(VENV) .nannyml .flaml .autogluon leeway-demo .leeway
