# Everything an admin or a developer does with Backline. `make help` lists it.
SHELL := /bin/bash
.DEFAULT_GOAL := help

PYTHON ?= python3
BIN := .venv/bin
BOX := $(BIN)/python -m appliance.box

# Where there is no node, the wheel's is used.
INSTALLED := .venv/installed
MODELLED := .venv/modelled
DEVELOPED := .venv/developed
BUNDLE := web/static/dist/manifest.json
# The browser tests drive the system's own.
CHROMIUM := .venv/chromium

# The words of an admin are the same with Docker and without. A studio that runs in Docker is asked there, any other here;
# `make up` starts one in Docker where there is an engine with compose (DOCKER=no: here).
DOCKER ?= $(shell docker compose version >/dev/null 2>&1 && docker info >/dev/null 2>&1 && echo yes || echo no)
SERVICE ?= $(if $(shell command -v nvidia-smi),backline,cpu)
RUNNING = $(shell docker compose ps --services --status running 2>/dev/null | head -n 1)
INSIDE = $(if $(RUNNING),docker compose exec $(RUNNING) python,$(BIN)/python)
HERE = $(if $(RUNNING),,$(INSTALLED))
# What needs no running studio: asked in its container, else in a new one for as long as it takes, else here. No container
# sees the files of this machine, so a kit is handed in.
DOCKED = $(or $(RUNNING),$(filter yes,$(DOCKER)))
ALONE = docker compose run --rm -T --no-deps $(or $(RUNNING),$(SERVICE))
ANYWHERE = $(if $(RUNNING),docker compose exec -T $(RUNNING) python -m appliance.box,$(if $(DOCKED),$(ALONE),$(BOX)))
WITH_KIT = $(if $(KIT),$(if $(DOCKED),--kit - <'$(KIT)',--kit '$(KIT)'))

.SECONDEXPANSION:
##@ The studio
.PHONY: run up down stop restart status logs doctor shell setup-url admin-create reset-link user-list rotate-secret upgrade rollback
run: $(INSTALLED) $(BUNDLE) ## Start the studio on this machine and show the address to open (Ctrl-C stops it)
	@exec $(BOX) run

up: $$(if $$(filter yes,$$(DOCKER)),,$$(INSTALLED) $$(BUNDLE)) ## Start it in the background: in Docker where there is an engine, else here
	@$(if $(filter yes,$(DOCKER)),docker compose up --detach --build --wait $(SERVICE) && docker compose exec $(SERVICE) python -m appliance.box status,$(BOX) up)

stop: down
down: $$(HERE) ## Stop it; the data stays (make stop does the same)
	@$(if $(RUNNING),docker compose --profile "*" down,$(BOX) stop)

restart: ## Stop it and start it again
	@$(if $(RUNNING),docker compose restart $(RUNNING),$(BOX) stop && $(MAKE) --no-print-directory up)

status: $$(HERE) ## Say what runs and how it is
	@$(INSIDE) -m appliance.box status

logs: $$(HERE) ## Follow the logs (one program's: make logs S=worker)
	@$(INSIDE) -m appliance.box logs $(S)

doctor: $$(if $$(filter yes,$$(DOCKER)),,$$(HERE)) ## Look for what is wrong, and say what to do
	@$(if $(RUNNING),$(INSIDE) -m appliance.box doctor,$(if $(filter yes,$(DOCKER)),docker compose run --rm $(SERVICE) doctor,$(BOX) doctor))

shell: $$(HERE) ## Open a shell with the running studio's settings
	@$(INSIDE) -m appliance.box shell

setup-url: $$(HERE) ## Print a new link for making the first admin
	@$(INSIDE) -m appliance.box setup-url

admin-create: $$(HERE) ## Make an admin's account (make admin-create NAME=Mara); asks for the password
	@$(INSIDE) -m appliance.box admin-create "$(NAME)"

reset-link: $$(HERE) ## Print a link for a new password (make reset-link NAME=Mara; with CLEAR_APP=yes the app goes too)
	@$(INSIDE) -m appliance.box reset-link "$(NAME)" $(if $(CLEAR_APP),--clear-app)

user-list: $$(HERE) ## List everybody who has an account
	@$(INSIDE) -m appliance.box user-list

rotate-secret: $$(HERE) ## Change the key that secrets are sealed with; a studio that runs is restarted, everybody is signed out
	@$(INSIDE) -m appliance.box rotate-secret
	@if $(if $(RUNNING),true,$(BOX) status >/dev/null; [ $$? != 3 ]); then $(MAKE) --no-print-directory restart; fi

upgrade: ## Fetch the newest version and start it; the database is dumped before its tables are changed
	@git symbolic-ref --quiet HEAD >/dev/null || git checkout --quiet -
	@git pull --ff-only
	@$(if $(RUNNING),docker tag $$(docker compose images --quiet $(RUNNING) | head -n 1) backline:before)
	@$(if $(RUNNING),BACKLINE_REVISION=$$(git rev-parse --short HEAD) docker compose up --detach --build --wait $(RUNNING),$(MAKE) --no-print-directory restart)

# In Docker the image of before is started on the data; elsewhere the last line says what to check out.
rollback: $$(if $$(filter yes,$$(DOCKER)),,$$(INSTALLED)) ## Put everything back to how it was before the last upgrade (once it was in use: YES=yes)
	@$(if $(filter yes,$(DOCKER)),docker compose stop $(SERVICE) && docker compose run --rm --no-deps $(SERVICE),$(BOX)) rollback $(if $(filter yes,$(YES)),--yes)
	@$(if $(filter yes,$(DOCKER)),BACKLINE_IMAGE=backline:before docker compose up --detach --no-build --wait $(SERVICE))

##@ Nothing is lost
.PHONY: backup backup-list backup-check restore export import support-bundle kit-check
backup: $$(HERE) ## Back everything up to BACKUP_TARGET, encrypted, and read it again
	@$(INSIDE) -m appliance.box backup

backup-list: $$(if $$(DOCKED),,$$(INSTALLED)) ## List the backups (with a recovery kit: KIT=file)
	@$(ANYWHERE) backup-list $(WITH_KIT)

backup-check: $$(if $$(DOCKED),,$$(INSTALLED)) ## Read a whole backup again (not the newest: WHEN=...)
	@$(ANYWHERE) backup-check $(if $(WHEN),--when '$(WHEN)') $(WITH_KIT)

# In Docker the container is stopped rather than what is in it, and another one restores.
restore: $$(if $$(DOCKED),,$$(INSTALLED)) ## Say what a restore would change; do it: YES=yes (WHEN=..., KIT=file, STOP=yes, POINT=no)
	@$(if $(and $(RUNNING),$(filter yes,$(STOP)),$(filter yes,$(YES))),docker compose stop $(RUNNING) &&) $(if $(DOCKED),$(ALONE),$(BOX)) restore $(if $(WHEN),--when '$(WHEN)') \
		$(if $(filter yes,$(YES)),--yes) $(if $(RUNNING),,$(if $(filter yes,$(STOP)),--stop)) \
		$(if $(filter no,$(POINT)),--no-point) $(WITH_KIT)

support-bundle: $$(if $$(DOCKED),,$$(INSTALLED)) ## Write what somebody who helps needs to see into a file, without secrets
	@$(if $(DOCKED),(umask 077; $(ANYWHERE) support-bundle --stdout >support.tar.gz) && echo "It is in support.tar.gz. Look before you send it.",$(BOX) support-bundle)

export: $(INSTALLED) ## Write somebody's songs into a folder of music (USER=name TO=folder)
	@$(BOX) export '$(USER)' '$(TO)'

import: $(INSTALLED) ## Take such a folder into somebody's library (USER=name FROM=folder)
	@$(BOX) import '$(USER)' '$(FROM)'

kit-check: $$(if $$(DOCKED),,$$(INSTALLED)) ## Prove that a recovery kit opens the newest backup (KIT=file)
	@$(ANYWHERE) backup-check $(WITH_KIT)

##@ The models
.PHONY: models-install models-list models-pull
models-install: $(MODELLED) ## Install what the AI models stand on

models-list: $$(HERE) ## List the models: chosen, pulled, loaded, and what they take
	@$(INSIDE) -m worker.weights list

models-pull: $$(if $$(RUNNING),,$$(MODELLED)) ## Fetch the weights of the chosen models (others: MODEL=name; without being asked: ACCEPT=yes)
	@$(INSIDE) -m worker.weights pull $(MODEL) $(if $(filter yes,$(ACCEPT)),--accept)

##@ Work on it
.PHONY: install check fix test bench bench-endurance bench-gpu bench-load chaos mutate sbom clean
install: $(DEVELOPED) $(BUNDLE) ## Install everything, for running and for developing

check: $(DEVELOPED) ## Lint, types and layers: what CI runs first
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy appliance web worker models tests
	$(BIN)/lint-imports
	$(BIN)/hadolint Dockerfile
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec compose.yaml
	$(BIN)/shellcheck .ci/run

fix: $(DEVELOPED) ## Mend what can be mended by machine
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

test: check $(BUNDLE) $(CHROMIUM) ## All checks, then all tests (some only: make test T=tests/web)
	$(BIN)/pytest -n auto --maxprocesses=4 --dist=loadfile --no-loadscope-reorder $(T)

.PHONY: test-image
test-image: $(DEVELOPED) ## Build the cpu image and drive a studio in it (with Docker; else with buildah and podman, as root)
	@$(BIN)/python -m tests.image.engine; code=$$?; if [ $$code = 0 ]; then $(BIN)/pytest tests/image; else [ $$code = 77 ]; fi

bench: $(DEVELOPED) ## Measure the sketch engine and the pages, side by side in one run
	$(BIN)/python -m tests.bench $(B)

bench-endurance: $(DEVELOPED) $(BUNDLE) ## Have a day's songs made by one worker and see that nothing grows (fewer: N=200, at most M=30 minutes)
	$(BIN)/python -m tests.bench.endurance $(N) $(if $(M),--minutes $(M))

bench-load: $(DEVELOPED) $(BUNDLE) ## Have virtual people look, listen and ask for songs among 100,000, beside a bare handler with the same rows
	$(BIN)/python -m tests.bench.load

chaos: $(DEVELOPED) $(BUNDLE) ## Kill, pause, slow and cut every part of a studio at work, and count what is lost (ten minutes)
	$(BIN)/python -m tests.chaos $(C)

bench-gpu: $(DEVELOPED) ## Measure the AI models at their real sizes, beside the naive way (with no card: tiny ones)
	$(BIN)/python -m tests.bench.gpu

mutate: $(DEVELOPED) $(BUNDLE) ## Take one guard away at a time, and see a test notice (statements of docs/security.md: F="16-23"; a part of a name)
	$(BIN)/python -m tests.mutate $(F)

sbom: $(DEVELOPED) ## Write what the studio is made of, with versions and licences, into build/sbom.json (CycloneDX)
	@mkdir -p build
	@$(BIN)/cyclonedx-py environment .venv --output-format JSON --output-file build/sbom.json
	@$(BIN)/python -c 'import json; print("build/sbom.json lists", len(json.load(open("build/sbom.json"))["components"]), "parts.")'

clean: ## Remove what was installed and built; never the data
	rm -rf .venv node_modules build web/static/dist

.PHONY: help
help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# --- what the commands above stand on ---------------------------------------------------------------------------------

$(INSTALLED): requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit("Backline needs Python 3.11 or newer; this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "Installing the studio's parts (once, about a minute) ..."
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps -r requirements.txt
	@touch $@

# The CUDA build of torch does not import without NVIDIA's libraries; a CPU build does, and is spared them.
$(MODELLED): $(INSTALLED) requirements-models.txt requirements-gpu.txt
	@echo "Installing what the AI models stand on (once; 0.3 GB for a CPU build of torch, 3 GB for the CUDA build) ..."
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps -r requirements-models.txt
	@$(BIN)/python -c 'import torch' 2>/dev/null || $(BIN)/pip install --quiet --disable-pip-version-check --no-deps -r requirements-gpu.txt
	@touch $@

$(DEVELOPED): $(MODELLED) requirements-dev.txt
	@echo "Installing the tools for tests and checks (once) ..."
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps -r requirements-dev.txt
	@touch $@

$(BUNDLE): $(INSTALLED) package.json package-lock.json $(wildcard web/static/*.* web/templates/*.html web/bundle.py)
	@$(BIN)/python -m web.bundle

$(CHROMIUM): $(DEVELOPED)
	@command -v chromium || command -v chromium-browser || command -v google-chrome || \
		{ [ "$$(id -u)" = 0 ] && command -v apt-get && apt-get update -qq && apt-get install -y -qq chromium; } || \
		{ echo "The browser tests need Chromium: as root, apt-get install -y chromium."; exit 1; }
	@touch $@
