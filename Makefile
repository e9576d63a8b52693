# SPDX-License-Identifier: Apache-2.0
# make demo    play a real ECG into the simulated recorder and read every sample back
# make test    run all tests
# make help    the rest
# Everything happens in .venv; nothing else of the machine is changed.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check install --quiet -c tools/constraints.txt
CORE   := $(wildcard native/src/*.c native/src/*.h native/include/*.h native/ffi/*)
MP32   := tools/mp32/package.json tools/mp32/package-lock.json
TYPES  := tools/pyright/package.json tools/pyright/package-lock.json tools/pyright/pico2w.txt tools/pyright/esp32s3.txt
NPM    := $(BIN)/npm ci --ignore-scripts --no-audit --no-fund --omit=optional --loglevel=error
OUT    ?= demo

.PHONY: help demo test lint bench hil endurance station spec vectors fuzz torture clean

help:
	@sed -n 's/^# \(make .*\)/\1/p' Makefile
	@echo "make lint    ruff, mypy, import-linter, cppcheck where present"
	@echo "make bench   size, speed, cost, analysis, report, viewer and link, each beside its reference or goal"
	@echo "make hil     what a recorder must do, on the simulator: over its cable, then over a simulated air"
	@echo "make spec    write the constants again after docs/SPEC.md changed"
	@echo "make vectors write the golden vectors that are missing (released ones never change)"
	@echo "make fuzz    SECONDS=60: libFuzzer over the C core, mutated sources through the reader; so long for each of the three"
	@echo "make torture SEEDS=3 LAPS=4: power cuts at every write, torn, lying and rotting cards (ten minutes)"
	@echo "make endurance  HOURS=90: the recorder in virtual time with all that goes wrong, on a small and on a big card (SEED=1)"
	@echo "make station BOARDS=100 SEED=1: a tray of virtual boards with faults through the factory station; each must be found and named"
	@echo "make clean   remove what was built, with .venv"

demo: $(VENV)/.demo
	@$(BIN)/octolead demo --out $(OUT)

test: $(VENV)/.test
	@$(BIN)/python -m pytest

lint: $(VENV)/.test
	$(BIN)/ruff check . && $(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.test
	@$(BIN)/python -m tools.bench
	@$(BIN)/python -m tools.link_bench 150
	@$(BIN)/python -m tools.bench.link_cost
	@$(BIN)/python -m tools.bench.sealing

hil: $(VENV)/.test
	@$(BIN)/python -m pytest hil_tests
	@$(BIN)/python -m pytest hil_tests --air

endurance: $(VENV)/.test
	@$(BIN)/python -m tools.endurance --hours $(or $(HOURS),90) --seed $(or $(SEED),1) $(if $(JSON),--json $(JSON))

station: $(VENV)/.test
	@$(BIN)/python -m tools.station --sim $(or $(BOARDS),100) --faults $(or $(SEED),1) --again 1

spec: $(VENV)/.python
	@$(BIN)/python tools/spec_gen.py
	@$(BIN)/python tools/codec_tables_gen.py

vectors: $(VENV)/.test
	@$(BIN)/python -m tools.vectors
	@$(BIN)/python -m tools.link_vectors
	@$(BIN)/python -m tools.seal_vectors
	@$(BIN)/python -m tools.calibration_vectors

fuzz: $(VENV)/.test
	@$(MAKE) -C native fuzz SECONDS=$(or $(SECONDS),60)
	@$(BIN)/python -m tools.fuzz --seconds $(or $(SECONDS),60)

torture: $(VENV)/.test
	@$(BIN)/python -m tools.torture $(if $(SEEDS),--seeds $(SEEDS)) $(if $(LAPS),--laps $(LAPS))

clean:
	rm -rf $(VENV) build host/*.egg-info host/octolead/_native* native/build demo

# Stamps: what is installed in .venv, and from which files.
$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "Python 3.11 or newer is needed; '$(PYTHON)' is not. Call: make PYTHON=/path/to/python3.11"; exit 1; }
	@command -v cc >/dev/null || { echo "A C compiler is needed (cc): install gcc or clang."; exit 1; }
	@echo "[1/3] making $(VENV)"
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "Python's venv is missing: on Debian, install python3-venv."; exit 1; }
	@touch $@

$(VENV)/.demo: $(VENV)/.python pyproject.toml tools/constraints.txt $(CORE)
	@echo "[2/3] installing numpy, cffi, click and what the demo needs (about a minute)"
	@$(PIP) setuptools wheel
	@echo "[3/3] compiling the C core"
	@$(PIP) -e '.[all]'
	@touch $@

# npm refuses what does not have the checksum in package-lock.json, pip what has not that in tools/pyright.
$(VENV)/.test: $(VENV)/.demo $(MP32) $(TYPES)
	@echo "[+] installing the test tools"
	@$(PIP) -e '.[all,dev]'
	@echo "[+] fetching 32-bit MicroPython"
	@mkdir -p $(VENV)/mp32 && cp $(MP32) $(VENV)/mp32
	@$(NPM) --prefix $(VENV)/mp32
	@echo "[+] fetching pyright and the boards' types"
	@mkdir -p $(VENV)/pyright && cp tools/pyright/package*.json $(VENV)/pyright
	@$(NPM) --prefix $(VENV)/pyright
	@for board in pico2w esp32s3; do rm -rf $(VENV)/typings/$$board; \
	  $(PIP) --no-deps --require-hashes --target $(VENV)/typings/$$board -r tools/pyright/$$board.txt || exit 1; done
	@touch $@
