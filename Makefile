# Every command a developer needs; `make help` lists them.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# With bytecode: where Python may write none by itself, every start would compile four thousand modules.
INSTALL := $(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --compile-bytecode
# What is installed: everything, or what one role needs with the shipped networks.
ROLES := control detect detect-gpu read serve
ROLE ?= run
# torch as its index has it (on Linux with the CUDA libraries), `cpu` from an index of CPU builds, or `none`.
TORCH ?= default
PINNED := $(if $(filter default,$(TORCH)),run,no-torch)
PACKAGES := bench dashplate db evaluation models output pipeline store synthesis training workers
# The machine's certificates, so that a company's proxy is trusted as it is by everything else.
export UV_NATIVE_TLS := 1
export PYTHONWARNINGS := ignore::SyntaxWarning

.PHONY: system help run test setup setup-dev check unit integration chaos-ten chaos fleet acceptance browser lock bill train-detector train-reader bench doctor clean

help: ## list the commands
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

run: setup ## process VIDEO="a.mp4 folder ..." or, without it, a rendered drive whose plates are known
ifdef VIDEO
	@$(BIN)/dashplate run $(VIDEO) --csv out/plates.csv --json out/plates.json $(ARGS)
else
	@$(BIN)/dashplate demo --out out $(ARGS)
endif

test: setup-dev system ## every check and every test, to the end, and a table of how they went
	@$(BIN)/python -m tests.run

setup: $(VENV)/.$(ROLE) ## install what processing needs; ROLE=control, detect, read or serve: what one role needs
setup-dev: $(VENV)/.dev ## install what tests need too

$(BIN)/uv:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 13))' || { echo "Dashplate needs Python 3.11 or 3.12; name one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "Python has no venv here; run: sudo apt-get install python3-venv"; exit 1; }
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==0.13.8

$(VENV)/.run: requirements/$(PINNED).txt pyproject.toml | $(BIN)/uv
	@echo "Installing Dashplate into $(VENV) ..."
	@$(INSTALL) -r requirements/$(PINNED).txt
ifeq ($(TORCH),cpu)
	@$(INSTALL) $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) $$(sed -nE 's/^(torch|torchvision)==([0-9.]+) .*/\1==\2+cpu/p' requirements/run.txt) \
	  || { echo "The index of packages has no CPU builds of torch. Name one that has: make run TORCH=cpu TORCH_INDEX=ADDRESS; or do without: TORCH=none"; exit 1; }
endif
	@$(INSTALL) ./deploy/shims/opencv-contrib-python -e .
	@$(BIN)/python -m compileall -q $(PACKAGES)
	@touch $@

$(ROLES:%=$(VENV)/.%): $(VENV)/.%: requirements/%.txt pyproject.toml | $(BIN)/uv
	@echo "Installing Dashplate for a machine of the role $* into $(VENV) ..."
	@$(INSTALL) -r requirements/$*.txt
	@$(INSTALL) -e .
	@$(BIN)/python -m compileall -q $(PACKAGES)
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.run
	@$(INSTALL) -r requirements/dev.txt
	@touch $@

# Debian programs that only tests use; without root the tests that want them say so.
system: ## the programs that only tests use
	@missing=$$(for pair in chromium:chromium docker-compose:docker-compose mosquitto:mosquitto promtool:prometheus; do command -v $${pair%:*} >/dev/null || echo $${pair#*:}; done); \
	if [ -n "$$missing" ]; then \
	  root=$$([ "$$(id -u)" = 0 ] || echo "sudo -n"); \
	  $$root apt-get update -qq >/dev/null 2>&1; \
	  $$root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $$missing >/dev/null 2>&1 \
	    || echo "Some tests will be skipped; run: sudo apt-get install $$missing"; \
	fi

check: setup-dev ## ruff, its format too, mypy --strict, import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check --quiet .
	$(BIN)/mypy
	$(BIN)/lint-imports

unit: setup-dev ## fast tests
	$(BIN)/python -m pytest tests/unit

integration: setup-dev system ## tests on real servers and workers
	$(BIN)/python -m pytest tests/integration

chaos-ten: setup-dev ## ten schedules of faults, some minutes
	$(BIN)/python -m pytest tests/chaos

chaos: setup-dev ## a hundred schedules of faults: workers, servers, store
	$(BIN)/dashplate-chaos --seeds 100 $(ARGS)

fleet: setup-dev ## ten thousand drives of sixty segments: what the control plane costs
	$(BIN)/python -m bench.fleet $(ARGS)

acceptance: setup-dev ## what the documents promise
	$(BIN)/python -m pytest tests/acceptance

browser: setup-dev system ## pages in a real browser
	$(BIN)/python -m pytest tests/browser

ALL := --extra detect --extra read --extra ultralytics --extra paddle --extra eval --extra serve --extra parquet --extra embedded
lock: | $(BIN)/uv ## pin the dependencies anew
	@lock() { $(BIN)/uv pip compile pyproject.toml "$${@:2}" --universal --python-version 3.11 --overrides requirements/overrides.txt \
	    --constraints requirements/dev.txt --generate-hashes --no-emit-index-url --no-header --no-annotate --quiet -o requirements/$$1.txt; }; set -e; \
	lock dev $(ALL) --extra traces --extra train --extra dev; lock run $(ALL); lock no-torch $(ALL) --overrides requirements/no-torch-overrides.txt; \
	lock control --extra parquet; lock detect --extra detect; lock detect-gpu --extra detect --extra ultralytics; \
	lock read --extra read; lock serve --extra detect --extra read --extra serve --extra parquet

bill: setup-dev ## the bill of materials of what is installed
	@mkdir -p out
	@$(BIN)/cyclonedx-py environment --output-reproducible --output-file out/bill-of-materials.json $(VENV)

train-detector: setup-dev ## train the plate detector again
	$(BIN)/python -m training.detector all --data ../shared/data $(ARGS)
	$(BIN)/dashplate eval detection ../shared/data/detection/boxes.csv --split dev --by prefix --ignore training/detector/pictures/by_eye.csv

train-reader: setup-dev ## train the plate reader again
	$(BIN)/python -m training.reader all --data ../shared/data $(ARGS)
	$(BIN)/dashplate eval reading ../shared/data/recognition/labels.csv --split dev --reader PP-OCRv6_small_rec --reader models/plate-reader

bench: setup-dev ## the table of docs/performance.md: Dashplate and PaddleOCR on whole frames
	$(BIN)/python -m bench.road $(ARGS)

doctor: setup ## what is there, what is missing, how to mend it
	@$(BIN)/dashplate doctor

clean: ## remove what was installed and written here
	rm -rf $(VENV) out runs
