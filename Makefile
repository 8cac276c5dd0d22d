.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
RUNTIME := .venv/.runtime
DEV := .venv/.dev

.PHONY: help run worker test e2e argocd-e2e faults bad-input load noise soak roll check format bench bench-latency bench-scale bench-page bench-web bench-files bench-studies screenshots compare-answers lock audit sbom promote adopt golden-run render image compose-up compose-down backup restore clean

help: ## List what can be done
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

$(RUNTIME): requirements.lock
	@test -n "$(PYTHON)" || { echo "Python 3.11 or later is needed; install it or set PYTHON=/path/to/python3.11"; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or later is needed, $(PYTHON) is older"; exit 1; }
	"$(PYTHON)" -m venv .venv
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --progress-bar on --require-hashes -r requirements.lock
	@touch $@

$(DEV): requirements-dev.lock | $(RUNTIME)
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --progress-bar on --require-hashes -r requirements-dev.lock
	@touch $@

run: $(RUNTIME) ## Start the page and a worker on http://127.0.0.1:5000
	@$(BIN)/python app.py

worker: $(RUNTIME) ## Start one more worker
	@$(BIN)/python -m workflows.worker

test: $(DEV) ## Run the tests, against SQLite and a private MySQL
	@$(BIN)/python -m pytest -n auto --dist loadgroup

e2e: $(DEV) ## Run the end-to-end tests on the cluster of KUBECONFIG; writes docs/e2e.md
	@$(BIN)/python -m tests.e2e

argocd-e2e: $(DEV) ## Run releases on a real Argo CD on the cluster of KUBECONFIG; writes its chapter of docs/e2e.md
	@$(BIN)/python -m tests.argocd_e2e

check: $(DEV) ## Lint, format check, types, security lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/bandit -q -c pyproject.toml -r config backtest store workflows web argocd app.py

format: $(DEV) ## Format the code and fix what the linter can
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

bench: $(DEV) ## Benchmark against other backtesting libraries [ONLY="rules optimize"]
	@$(BIN)/python -m qa.benchmarks $(if $(ONLY),--only $(ONLY))

bench-latency: $(DEV) ## Benchmark from submission to result, on SQLite and a private MySQL
	@$(BIN)/python -m qa.benchmarks.latency

bench-scale: $(DEV) ## Benchmark 100,000 runs and 5 million trades in a private MySQL
	@$(BIN)/python -m qa.benchmarks.scale

bench-page: $(DEV) ## Benchmark in a browser how soon a result can be used
	@$(BIN)/python -m qa.benchmarks.pages

bench-web: $(DEV) ## Benchmark what a submission costs the web, and checks of 50 typing users
	@$(BIN)/python -m qa.benchmarks.web

bench-files: $(DEV) ## Benchmark reading a price file of a million rows
	@$(BIN)/python -m qa.benchmarks.price_files

bench-studies: $(DEV) ## Benchmark trials of every rule, from click to heatmap, and a million trials
	@$(BIN)/python -m qa.benchmarks.studies

screenshots: $(DEV) ## Take the screenshots of docs/screenshots.md
	@$(BIN)/python -m qa.screenshots

ROUNDS ?= 4
faults: $(DEV) ## Inject faults [ROUNDS=4], on SQLite and MySQL; as root (it mounts disks to fill)
	@$(BIN)/python -m qa chaos --rounds $(ROUNDS)

bad-input: $(DEV) ## Fuzz every endpoint with 100,000 bad inputs
	@$(BIN)/python -m qa fuzz

load: $(DEV) ## Load test: 50 pollers and 20 submissions a second for ten minutes, on MySQL
	@$(BIN)/python -m qa load

noise: $(DEV) ## Sweep random walks and walks with a planted edge; writes docs/studies.md
	@$(BIN)/python -m qa.noise

soak: $(DEV) ## Soak test: 10,000 runs through one worker
	@$(BIN)/python -m qa soak

roll: $(DEV) ## Rolling restarts of two web replicas under load
	@$(BIN)/python -m qa roll

compare-answers: $(DEV) ## Compare every answer with another checkout: make compare-answers OLD=../released
	@$(BIN)/python -m qa.compare_answers $(OLD) .

lock: ## Resolve the dependencies into both lock files
	uv pip compile --universal --python-version 3.11 --extra dev --extra yahoo --generate-hashes --no-emit-index-url --no-annotate --no-header pyproject.toml -o requirements-dev.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header -c requirements-dev.lock pyproject.toml -o requirements.lock

audit: $(DEV) ## Check every locked package for known vulnerabilities
	$(BIN)/pip-audit --strict --disable-pip --require-hashes -r requirements-dev.lock

sbom: $(DEV) ## Write the image's bill of materials to dist/sbom.cdx.json
	@mkdir -p dist
	$(BIN)/python -m cyclonedx_py requirements requirements.lock --output-reproducible -o dist/sbom.cdx.json

promote: $(RUNTIME) ## Promote a verified release: make promote FROM=dev TO=staging [FORCE=yes WHY=…]
	@$(BIN)/python -m argocd.promote promote --from $(FROM) --to $(TO) $(if $(FORCE),--force) $(if $(WHY),--why "$(WHY)")

adopt: $(RUNTIME) ## Name your repository and domain in every manifest: make adopt OWNER=… DOMAIN=…
	@$(BIN)/python -m argocd.adopt --owner $(OWNER) --domain $(DOMAIN)

golden-run: $(DEV) ## Write the expected result of the golden run, where results are meant to change
	@$(BIN)/python -m qa.golden_run

render: $(RUNTIME) ## Render the workflow templates into k8s
	@$(BIN)/python -m workflows.render

image: ## Build the image as stock-backtest:dev, labelled with this commit
	DOCKER_BUILDKIT=0 docker build --network=host --build-arg IMAGE_TAG=$$(git rev-parse --short=7 HEAD) -t stock-backtest:dev .

.env:
	@umask 077; printf 'DB_PASSWORD=%s\nDB_ROOT_PASSWORD=%s\n' "$$(openssl rand -hex 16)" "$$(openssl rand -hex 16)" > $@

COMPOSE ?= $(shell docker compose version >/dev/null 2>&1 && echo docker compose || echo docker-compose)
compose-up: image .env ## MySQL, migration, page and worker in containers, on http://127.0.0.1:5000
	$(COMPOSE) up --detach

compose-down: ## Stop them; the data stays in its volume
	$(COMPOSE) down

BACKUP ?= newest
KEPT := var/backups
ifeq ($(NAMESPACE),)
backup: $(RUNTIME) ## Back up the database while serving [FILE=…]; with NAMESPACE=… MySQL in the cluster
	@$(BIN)/python -m store backup $(or $(FILE),$(KEPT)/$(shell date -u +%Y%m%dT%H%M%SZ).sqlite3)

restore: $(RUNTIME) ## Restore the newest backup or FILE=…, with REPLACE=yes over existing data; with NAMESPACE=… in the cluster
	@$(BIN)/python -m store restore $(or $(FILE),$(lastword $(sort $(wildcard $(KEPT)/*.sqlite3)))) $(if $(REPLACE),--replace)
else
backup:
	@job=backup-$$(date +%s); kubectl -n $(NAMESPACE) create job $$job --from=cronjob/mysql-backup \
		&& kubectl -n $(NAMESPACE) wait --for=condition=complete --timeout=600s job/$$job && kubectl -n $(NAMESPACE) logs job/$$job

restore:
	@job=restore-$$(date +%s); kubectl -n $(NAMESPACE) create job $$job --from=cronjob/mysql-restore --dry-run=client -o yaml \
		| sed 's|value: newest$$|value: $(BACKUP)|' | kubectl -n $(NAMESPACE) create -f - \
		&& kubectl -n $(NAMESPACE) wait --for=condition=complete --timeout=3600s job/$$job && kubectl -n $(NAMESPACE) logs job/$$job
endif

clean: ## Remove the environment and the caches (never data)
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis
