# Titra: run `make help`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
BOARD ?= rpi_pico
THERAPY := --weight 70kg --dose 0.5mg/kg --over 40min --concentration 1mg/mL --syringe bd-60
# All that imports the core; the event ring takes no more of it than the seal of a line, and minutes.
CORE_TESTS = $(filter-out %/test_event_ring.py,$(shell grep -lE '^(from|import) pump\.core' tests/unit/test_*.py))

.DEFAULT_GOAL := help
.PHONY: help setup demo test emulate snapshots trace lint firmware size flash boards bench explore campaign fuzz sabotage coverage mutation clean

help: ## List what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

setup: $(STAMP) ## Make .venv with everything the project needs (Python 3.11 or later)

$(STAMP): pyproject.toml host_tools/constraints.txt
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or later is needed, this is " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c host_tools/constraints.txt -e '.[dev]'
	touch $@

demo: setup ## Run the reference infusion twice on real MicroPython: to its end, and with the stop button
	@echo "== 70 kg, 0.5 mg/kg over 40 min, to the end"
	@$(BIN)/titra infuse --sim --runtime micropython --speed max --yes --no-wire-log $(THERAPY)
	@echo "== the same, stop button pressed at minute 20"
	@$(BIN)/titra infuse --sim --runtime micropython --speed max --yes --no-wire-log \
		--press-stop-at 20min $(THERAPY); code=$$?; test $$code -eq 4 || exit 1; \
	echo "(exit code 4: stopped by disconnect, as it should)"

test: setup ## Run all tests (TESTS=path -k ... to choose)
	$(BIN)/python -m pytest -n auto --dist loadgroup $(TESTS)

snapshots: setup ## Write the screens of `titra monitor` anew; look at the difference before it is committed
	TITRA_SNAPSHOTS=write $(BIN)/python -m pytest tests/unit/host/test_monitor_screen.py

emulate: setup ## The device suite on an emulated RP2040 (RIG_UF2=image or version; TESTS=path -k ...)
	$(BIN)/python -m pytest -n auto --dist worksteal --target=emulator --board=rpi_pico \
		$(or $(TESTS),tests/device/test_scenarios.py tests/device)

trace: setup ## Run what proves a requirement, write tests/TRACE.md, fail on any that is not proved
	rm -f build/trace.json
	-$(BIN)/python -m pytest -n auto --dist loadgroup -m requirement \
		-p tests.trace.plugin --trace-out=build/trace.json
	$(BIN)/python -m tests.trace build/trace.json

lint: setup ## Check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

firmware: setup ## Make the files of a device in build/BOARD (BOARD=rpi_pico), to be copied to it
	$(BIN)/python -m titra.firmware_files $(BOARD) build/$(BOARD)

size: setup ## Bytes and heap of the firmware against their budget, added to firmware/SIZE.md
	$(BIN)/python -m tests.timing.size

flash: setup ## Put the firmware on a board (BOARD=rpi_pico PORT=/dev/ttyACM0)
	$(BIN)/titra flash --board $(BOARD) $(if $(PORT),--port $(PORT))

boards: setup ## Make wiring.md and wiring.svg of every board from its board.py and wiring.toml
	$(BIN)/python -m host_tools.board_pages

bench: setup ## Measure exactness, stops, speed and memory, write firmware/BENCHMARKS.md (4 min; CHIP=--chip: the chip alone, 4 min or more)
	$(BIN)/python tests/timing/bench.py $(CHIP)

explore: setup ## Search states and faults to DEPTH actions from every place (2: minutes)
	$(BIN)/python -m tests.exploration --depth $(or $(DEPTH),2)

campaign: setup ## Whole infusions with seeded faults (N=300 SEED=1 SHARD=1/1; REPLAY=seed tells one)
	$(BIN)/python -m tests.campaign -n $(or $(N),300) --seed $(or $(SEED),1) \
		--shard $(or $(SHARD),1/1) $(if $(REPLAY),--replay $(REPLAY))

fuzz: setup ## Fuzzed serial lines (N=20000 SEED=1)
	$(BIN)/python -m tests.faults.fuzz -n $(or $(N),20000) --seed $(or $(SEED),1)

sabotage: setup ## Take out each safety control in turn: some test must go red (6 min; PATCHES=part-of-name)
	$(BIN)/python -m tests.sabotage $(PATCHES)

coverage: setup ## Branch coverage of firmware/pump/core by its unit tests; fails under 100 %
	CI=1 $(BIN)/python -m coverage run --branch --source=firmware/pump/core \
		-m pytest $(CORE_TESTS)
	$(BIN)/python -m coverage report --show-missing --fail-under=100

mutation: setup ## Mutants of dose, schedule, states and supervisor (long; MODULE=dose SAMPLE=100: 4 min; tests/MUTATION.md)
	$(PYTHON) -m venv $(VENV)/mutation
	$(VENV)/mutation/bin/python -m pip install --quiet --disable-pip-version-check \
		-c host_tools/constraints.txt cosmic-ray==8.7.0 hypothesis pytest
	$(VENV)/mutation/bin/python -m tests.sabotage.mutation -n $(or $(SAMPLE),0) --seed $(or $(SEED),1) $(MODULE)

clean: ## Remove what make has made
	rm -rf $(VENV) .pytest_cache .hypothesis .mypy_cache .ruff_cache build *.egg-info host_tools/*.egg-info
	find . -name __pycache__ -prune -exec rm -rf {} +
