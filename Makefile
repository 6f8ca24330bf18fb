# clonespeaker: the few commands. `make demo` and `make test` work on a fresh Debian or Raspberry Pi OS: each installs
# what it needs (Debian packages through apt, with sudo where not root; Python packages into .venv).

PYTHON ?= python3
VENV ?= .venv
DEMO ?=
TEST ?=
BENCH ?=
SOAK ?=
FUZZ ?=

# For building PyAudio and running it.
DEBIAN_RUN := python3-venv python3-dev gcc portaudio19-dev libportaudio2 libasound2-plugins
# For the real sound path without a sound card, and a simulated clone with a voice.
DEBIAN_TEST := $(DEBIAN_RUN) pulseaudio pulseaudio-utils espeak-ng

.PHONY: demo test check bench soak fuzz setup clean
.DEFAULT_GOAL := help

help:
	@echo 'make demo    talk with a simulated clone: no key, no hardware (SPACE is the button)'
	@echo 'make test    all tests, the real sound path included'
	@echo 'make check   style and types'
	@echo 'make bench   benchmarks: eleven minutes, with QUICK=1 one'
	@echo "make soak    turns with faults, for ten minutes; SOAK='--minutes 60 --picture soak.svg'"
	@echo 'make fuzz    hostile input, a minute for each way in; x86-64 only'
	@echo 'make setup   what the others share: install what is needed'

demo: $(VENV)/.ready
	@$(VENV)/bin/clonespeaker demo $(DEMO)

test: packages-test $(VENV)/.ready
	CLONESPEAKER_TEST_SOUND=required $(VENV)/bin/pytest --cov --cov-report=term $(TEST)

check: $(VENV)/.ready
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy

bench: packages-test $(VENV)/.ready
	@$(VENV)/bin/python -m benchmarks $(if $(QUICK),--quick) $(BENCH)

soak: packages-test $(VENV)/.ready
	@$(VENV)/bin/python -m benchmarks.soak $(SOAK)

fuzz: $(VENV)/.fuzz
	@$(VENV)/bin/python -m tests.fuzz $(FUZZ)

setup: $(VENV)/.ready

# The virtual environment, made anew where the dependencies have changed.
$(VENV)/.ready: pyproject.toml | packages-run
	@echo 'Python packages into $(VENV); the first time PyAudio is compiled and this takes about a minute …'
	@test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	@$(VENV)/bin/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

$(VENV)/.fuzz: $(VENV)/.ready
	@$(VENV)/bin/pip install --quiet --disable-pip-version-check --editable '.[dev,fuzz]'
	@touch $@

packages-run: DEBIAN = $(DEBIAN_RUN)
packages-test: DEBIAN = $(DEBIAN_TEST)
.PHONY: packages-run packages-test
packages-run packages-test:
	@missing=$$(for package in $(DEBIAN); do \
	  dpkg-query -W -f '$${Status}' $$package 2>/dev/null | grep -q 'ok installed' || echo $$package; done); \
	if [ -n "$$missing" ]; then \
	  echo "Debian packages, through apt: $$(echo $$missing) …"; \
	  sudo=$$([ $$(id -u) = 0 ] || echo sudo); \
	  $$sudo apt-get update -qq && \
	  DEBIAN_FRONTEND=noninteractive $$sudo apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
	fi

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .coverage .hypothesis
