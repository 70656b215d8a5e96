# Parley. `make run` and `make test` do all the set-up: a Python >= 3.11 and make are enough.
# ARGS="…" goes to pytest, the bench and the like; PYTHON=… names the interpreter of the virtual environment.

PY := .venv/bin/python
.DEFAULT_GOAL := help
.PHONY: help run api dev ui test test-long check bench bench-data bench-page screenshots format lock migrate up down logs ps clean

# Set-up: a stamp a set of locks. A virtual environment that works is kept, anything else is made anew.
define setup
@$(PY) -c 'import sys, pip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	for python in $(or $(PYTHON),python3 python3.14 python3.13 python3.12 python3.11); do \
		"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && break; \
		seen="$${seen:-$$(command -v "$$python" >/dev/null && "$$python" --version 2>&1)}"; python=; \
	done; \
	test -n "$$python" || { echo "parley: Python 3.11 or newer is needed (found: $${seen:-none});" \
		"install it, or name it: make PYTHON=/path/to/python3" >&2; exit 2; }; \
	"$$python" -c 'import ensurepip, venv' 2>/dev/null || { echo "parley: $$python cannot make a virtual" \
		"environment; install its venv module (Debian, Ubuntu: apt-get install python3-venv)" >&2; exit 2; }; \
	echo "Making .venv with $$("$$python" --version) …"; "$$python" -m venv --clear .venv; }
@echo "Installing $^ …"
@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes $(addprefix -r ,$^)
@$(PY) -m compileall -q api ui
@touch $@
endef

.venv/.run: requirements.api.txt requirements.ui.txt ; $(setup)
.venv/.dev: requirements.dev.txt ; $(setup)

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

run: .venv/.run ## Set up and serve the API (API_PORT, 8000) and the page (UI_PORT, 8501) until Ctrl-C
	@$(PY) -m compileall -q api ui
	@exec $(PY) deploy/run.py --die-with-parent

api: .venv/.run ## The API alone
	@$(PY) -m compileall -q api
	@exec $(PY) deploy/run.py --die-with-parent --api-only

dev: .venv/.run ## Like run, but both reload when the code changes
	@exec $(PY) deploy/run.py --die-with-parent --reload

ui: .venv/.run ## The page alone, for an API that runs elsewhere (API_URL, PAGE_SECRET)
	@exec $(PY) deploy/run.py --die-with-parent --ui-only

test: .venv/.dev ## All tests, random ones with a small seeded count; ARGS="tests/services -k chats" for some
	@$(PY) -m pytest -n auto --dist loadgroup $(ARGS)

test-long: .venv/.dev ## All tests, random and repeated ones with their full count
	@PARLEY_LONG=1 $(PY) -m pytest -n auto --dist loadgroup $(ARGS)

check: .venv/.dev ## Format, lint, types, layers, and whether generated files and locks are fresh
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m mypy
	$(PY) .venv/bin/lint-imports
	FLASK_SKIP_DOTENV=1 $(PY) -m flask --app api.cli docs check
	$(PY) deploy/locks.py
	.venv/bin/hadolint Dockerfile.api Dockerfile.ui
	.venv/bin/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml
	@if docker compose version >/dev/null 2>&1; then docker compose --profile '*' config --quiet; fi

bench: .venv/.dev ## Measure ours beside the reference line, in under four minutes
	@$(PY) -m bench.run $(ARGS)
	@$(PY) -m bench.catalogue

bench-data: .venv/.dev ## Ten million calls' usage, a million messages' lists and search, the import of 300 MB
	@$(PY) -m bench.data $(ARGS)
	@$(PY) -m bench.data_chats
	@$(PY) -m bench.imports
	@$(PY) -m bench.imports --postgresql

bench-page: .venv/.dev ## What a person waits for on the page, in Chromium, and what 25 who stream cost
	@$(PY) -m bench.page $(ARGS)

screenshots: .venv/.dev ## Every page in light and dark at three widths, into docs/images
	@$(PY) -m tests.browser.screenshots $(ARGS)

format: .venv/.dev ## Format the code and fix what the linter can
	$(PY) -m ruff check --fix-only .
	$(PY) -m ruff format .

lock: .venv/.dev ## Compile the .in files again; ARGS=--upgrade takes the newest versions allowed
	$(PY) deploy/locks.py --write $(ARGS)

migrate: .venv/.run ## Bring the database up to date (the API does it at its start as well)
	@$(PY) -m flask --app api.cli upgrade

up: ## Build and start the whole stack in containers: PostgreSQL, API, page and proxy; ARGS="--scale api=3"
	@docker compose up --build --detach --wait $(ARGS)
	@if docker compose config | grep -q /tls.conf.template; then s=https; else s=http; fi; \
		echo "Page: $$s://$$(docker compose port proxy 8501)   API: $$s://$$(docker compose port proxy 8000)"
	@docker compose logs --no-log-prefix api | grep --max-count=1 "set-up code" || true

down: ## Stop the stack; its volumes stay (ARGS=--volumes removes them and all that is stored)
	@docker compose --profile '*' down $(ARGS)

logs: ## Follow the stack's logs; ARGS=api for one service
	@docker compose --profile '*' logs --follow --tail 100 $(ARGS)

ps: ## What runs of the stack, and whether it is healthy
	@docker compose --profile '*' ps --all

clean: ## Remove .venv and everything that tools made; ./data stays
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache tests/output bench/output
	find api ui deploy bench tests sql -name __pycache__ -type d -prune -exec rm -rf {} +
