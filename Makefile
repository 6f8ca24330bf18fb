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
# For the real sound path without a sound card, a simulated clone with a voice, systemd in a container, a browser, and
# input devices that are not there.
DEBIAN_TEST := $(DEBIAN_RUN) pulseaudio pulseaudio-utils espeak-ng systemd-container chromium umockdev

# For `make deb`, of Debian 12 or 13.
DEBIAN_DEB := debhelper dpkg-dev python3-venv python3-shtab espeak-ng
ARCHITECTURES ?= amd64 arm64

# For `make appliance`, on a Debian 12: a machine in qemu, of this Debian's own packages. gpio-sim is compiled for it.
KERNEL = $(shell apt-cache depends linux-image-amd64 2>/dev/null | awk '/Depends/ {sub("linux-image-", ""); print $$2}')
DEBIAN_APPLIANCE = $(DEBIAN_DEB) qemu-system-x86 qemu-utils mmdebstrap e2fsprogs dosfstools mtools busybox-static kmod cpio \
  gcc-12 linux-headers-$(KERNEL)

VERSION = $(shell sed -n 's/^__version__ = "\(.*\)"/\1/p' daemon/clonespeaker/__init__.py)

.PHONY: demo test check bench soak fuzz deb appliance setup clean
.DEFAULT_GOAL := help

help:
	@echo 'make demo    talk with a simulated clone: no key, no hardware (SPACE is the button)'
	@echo 'make test    all tests, the real sound path included'
	@echo 'make check   style and types'
	@echo 'make bench   benchmarks: a quarter of an hour, with QUICK=1 one'
	@echo "make soak    turns with faults, for ten minutes; SOAK='--minutes 60 --picture soak.svg'"
	@echo 'make fuzz    hostile input, a minute for each way in; x86-64 only'
	@echo 'make deb     Debian packages for amd64 and arm64, into dist/'
	@echo 'make appliance   the package in a machine that behaves like a Pi, in qemu: ten minutes'
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

# Built in a copy, for Debian's tools write beside and into the tree; only fetch-wheels.sh uses the network.
deb: packages-deb
	@rm -rf build/deb && mkdir -p build/deb dist
	@test -x build/pip/bin/python || python3 -m venv build/pip
	@build/pip/bin/pip install --quiet --disable-pip-version-check numpy msgspec soxr pyyaml  # to make the prompts, once for all
	@PYTHONPATH=daemon build/pip/bin/python -B -m clonespeaker sounds --make build/prompts
	@set -e; for architecture in $(ARCHITECTURES); do \
	  tree=build/deb/$$architecture/clonespeaker; mkdir -p $$tree; \
	  cp -r CHANGELOG.md LICENSE README.md config daemon debian docs hardware systemd $$tree; \
	  mkdir -p $$tree/build; cp -r build/prompts $$tree/build; \
	  PATH=$$PWD/build/pip/bin:$$PATH debian/fetch-wheels.sh $$architecture $$tree/build/wheels; \
	  (cd $$tree && dpkg-buildpackage --host-arch=$$architecture --build=binary --no-check-builddeps --no-sign) \
	    >build/deb/$$architecture.log 2>&1 || { cat build/deb/$$architecture.log; exit 1; }; \
	  mv build/deb/$$architecture/*.deb dist/; \
	done; ls -l dist/*.deb

appliance: packages-appliance
	@$(MAKE) --no-print-directory deb ARCHITECTURES=amd64
	@test -e build/appliance/disk.img || tests/appliance/build-image.sh build/appliance
	@python3 -m tests.appliance build/appliance dist/clonespeaker_$(VERSION)_amd64.deb

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
packages-deb: DEBIAN = $(DEBIAN_DEB)
packages-appliance: DEBIAN = $(DEBIAN_APPLIANCE)
.PHONY: packages-run packages-test packages-deb packages-appliance
packages-run packages-test packages-deb packages-appliance:
	@missing=$$(for package in $(DEBIAN); do \
	  dpkg-query -W -f '$${Status}' $$package 2>/dev/null | grep -q 'ok installed' || echo $$package; done); \
	if [ -n "$$missing" ]; then \
	  echo "Debian packages, through apt: $$(echo $$missing) …"; \
	  sudo=$$([ $$(id -u) = 0 ] || echo sudo); \
	  $$sudo apt-get update -qq && \
	  $$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
	fi

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .coverage .hypothesis
