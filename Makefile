# headfit: `make help` lists what there is. Every target makes its own .venv when it needs one.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

# TensorFlow 2.15, which trains extractors, runs on Python 3.10 and 3.11.
PYTHON ?= $(firstword $(foreach name,python3.11 python3.10,$(if $(shell command -v $(name)),$(name))) python3.11)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --disable-pip-version-check --no-input

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

NATIVE := build/native/.made
C_COMPILER = $(shell for name in $$CC cc gcc clang; do command -v $$name && break; done)

.PHONY: native
native: $(NATIVE) ## Build the native engine's library for this machine

# By the C compiler that is here; where there is none, by the package ziglang, which brings one.
$(NATIVE): sdk/native/build.py $(wildcard sdk/native/src/*) | $(VENV)/.made
	@[ -n "$(C_COMPILER)" ] || $(PIP) --quiet -e ".[zig]"
	@$(BIN)/python sdk/native/build.py
	@touch $@

.PHONY: wheels
wheels: | $(VENV)/.made ## Pack the native engine's library into a wheel for each platform, by ziglang
	@$(PIP) --quiet -e ".[zig]"
	@$(BIN)/python sdk/native/wheels.py

.PHONY: packages
packages: | $(VENV)/.made ## Build all that is published, as for a release, into dist/packages, and check it
	@$(PIP) --quiet -e ".[publish,zig]"
	@rm -rf dist/packages
	@$(BIN)/python -m build --outdir dist/packages .
	@$(BIN)/python -m build --outdir dist/packages demo_app
	@$(BIN)/python sdk/native/wheels.py --folder dist/packages
	@$(BIN)/twine check --strict dist/packages/*

# What does not need it takes it where a compiler is here.
.PHONY: native-if-possible
native-if-possible: | $(VENV)/.made
	@[ -z "$(C_COMPILER)" ] || $(MAKE) native

.PHONY: demo
demo: $(VENV)/.demo native-if-possible ## Train a head on sample photos and show what it can do
	@$(BIN)/python -m headfit demo --into build/demo --force

.PHONY: app
app: $(VENV)/.app native-if-possible ## Start the app
	@$(BIN)/python -m headfit_demo

.PHONY: app-screens
app-screens: $(VENV)/.app ## Draw every screen of the app into docs/app, without a display
	@$(BIN)/python demo_app/pictures.py docs/app

.PHONY: app-review
app-review: $(VENV)/.app ## Draw every screen in four windows, both looks and languages, small and large text: half an hour
	@$(BIN)/python demo_app/review.py docs/app

.PHONY: recording
recording: $(VENV)/.app ## Record for the README how the app is taught, without a display, and what the commands print
	@$(BIN)/python demo_app/recording.py docs/app/teaching.webp
	@$(BIN)/python docs/capture.py

.PHONY: apk
apk: $(VENV)/.apk ## Build the Android app, or say what is missing (PROFILE=lce AAR=..., DOWNLOAD=1)
	@$(BIN)/python demo_app/headfit_packaging/apk.py $(if $(PROFILE),--profile $(PROFILE)) \
	  $(if $(AAR),--aar $(AAR)) $(if $(DOWNLOAD),--download)

# From an environment of its own, so that nothing goes in that the app does not need.
.PHONY: bundle
bundle: build/bundle/.made ## Make a folder of the desktop app that needs no Python
	@build/bundle/bin/python -m pip install --disable-pip-version-check --quiet --no-deps --force-reinstall . ./demo_app
	@KIVY_NO_CONSOLELOG=1 KIVY_NO_FILELOG=1 build/bundle/bin/pyinstaller --noconfirm --log-level WARN --distpath dist --workpath build/pyinstaller \
	  demo_app/headfit_packaging/desktop.spec
	@# Kivy's libraries come with their symbols, which are most of them.
	@[ "$$(uname)" != Linux ] || find dist/headfit-app/_internal/kivy -name '*.so' -exec strip --strip-unneeded {} +
	@du -sh dist/headfit-app

build/bundle/.made: pyproject.toml | $(VENV)/.made
	@$(PYTHON) -m venv build/bundle
	@build/bundle/bin/python -m pip install --disable-pip-version-check --quiet ".[app,lce,bundle]"
	@touch $@

.PHONY: heads
heads: $(VENV)/.demo ## Train the heads that the apps ship again, on the extractor that headfit knows
	@$(BIN)/python demo_app/train_greeting.py
	@$(BIN)/python demo_app/examples/train_underfoot.py

.PHONY: notebooks
notebooks: $(VENV)/.dev ## Run the notebooks of docs/, and keep what they show
	@for one in docs/notebooks/*.ipynb; do $(BIN)/python docs/notebooks/run.py $$one $$one || exit 1; done

.PHONY: docs
docs: $(VENV)/.dev ## Build the site of docs/
	@$(BIN)/sphinx-build -q -W --keep-going -c docs/sphinx docs build/docs
	@echo "Open build/docs/index.html."

.PHONY: test
test: $(VENV)/.dev $(NATIVE) ## Run every test
	@$(BIN)/python -m pytest

.PHONY: slow
slow: $(VENV)/.dev $(NATIVE) ## Run the tests that take minutes
	@$(BIN)/python -m pytest -m slow

.PHONY: offline
offline: $(VENV)/.dev ## Run the device's tests where there is no network interface at all
	@unshare --map-root-user --net $(BIN)/python -m pytest tests/sdk tests/fuzz

.PHONY: bench
bench: $(VENV)/.dev $(NATIVE) build/numpy2/.made ## Measure engines, heads, the store and photos; prints tables, asserts nothing
	@$(BIN)/python tests/benchmarks/engines.py
	@PYTHONPATH=. $(BIN)/python tests/benchmarks/native.py
	@OMP_NUM_THREADS=1 $(BIN)/python tests/benchmarks/heads.py build/embeddings
	@$(BIN)/python tests/benchmarks/store.py
	@OMP_NUM_THREADS=1 $(BIN)/python tests/benchmarks/photos.py
	@$(BIN)/python tests/benchmarks/flowers5.py

# A table a file, made anew where the extractor is newer; after other changes remove build/figures.
EXTRACTOR := $(wildcard sdk/headfit/extractors/*.tflite)
WITH_CACHE := photos_per_class growing certainty strangers storage views privacy leakage pooling multi_label bits_of_embeddings
ALONE := flowers5 frames near_copies turned_signs
ROWS := $(foreach set,scenes flowers102 birds,$(foreach row,a b a-crops b-crops,$(set).$(row)))
FIGURES := $(WITH_CACHE:%=%.md) $(ALONE:%=%.md) candidates.md $(ROWS:%=paper.%.txt)

.PHONY: figures
figures: $(FIGURES:%=build/figures/%) ## Measure anew, into build/figures, what hangs on the extractor (hours)

build/figures/candidates.md: SCRIPT = photos_per_class.py --candidates build/embeddings
$(ALONE:%=build/figures/%.md): SCRIPT = $*.py
build/figures/%.md: SCRIPT = $*.py build/embeddings
build/figures/%.md: $(EXTRACTOR) | $(VENV)/.dev $(NATIVE)
	@mkdir -p $(@D) build/embeddings
	@PYTHONPATH=. OMP_NUM_THREADS=1 $(BIN)/python tests/benchmarks/$(SCRIPT) > $@.part
	@mv $@.part $@
build/figures/paper.%.txt: $(EXTRACTOR) | $(VENV)/.dev $(NATIVE)
	@mkdir -p $(@D)
	@OMP_NUM_THREADS=1 $(BIN)/headfit-zoo paper run --dataset $(basename $*) \
		--row $(patsubst .%,%,$(suffix $*)) > $@.part
	@mv $@.part $@

# LCE needs NumPy 1; the benchmark runs popcount with both.
build/numpy2/.made: | $(VENV)/.made
	@$(PIP) --quiet --no-deps --target build/numpy2 'numpy>=2'
	@touch $@

# nox wants newer packages than the zoo does, so it has an environment of its own. pyenv's shims
# find only the versions that are named.
.PHONY: matrix
matrix: build/nox/.made ## Run the device's tests on every Python that is here, with NumPy 1 and 2
	@PYENV_VERSION="$$(pyenv versions --bare 2> /dev/null | grep '^3\.1[0-3]\.' | paste -sd:)" build/nox/bin/nox

build/nox/.made: | $(VENV)/.made
	@$(PYTHON) -m venv build/nox
	@build/nox/bin/python -m pip install --disable-pip-version-check --no-input --quiet nox
	@touch $@

# Flower wants newer packages than the zoo does, and Python 3.11.
.PHONY: federated
federated: build/federated/.made ## Run the tests of rounds over a network, by Flower
	@build/federated/bin/python -m pytest tests/federated

.PHONY: silos
silos: build/federated/.made ## Show three silos that teach one head, over TLS on this machine
	@rm -rf build/silos
	@build/federated/bin/python -m headfit_federated.example build/silos

build/federated/.made: pyproject.toml | $(VENV)/.made
	@$(PYTHON) -m venv build/federated
	@build/federated/bin/python -m pip install --disable-pip-version-check --no-input --quiet \
	  -e ".[federated]" hypothesis pytest pytest-timeout
	@touch $@

.PHONY: arm
arm: | $(VENV)/.made ## Run the device's tests on emulated 64-bit ARM (needs root; docs/arm.md)
	@$(PIP) --quiet -e ".[zig]"
	@PYTHON=$(BIN)/python tests/arm/run.sh $(TESTS)

.PHONY: check
check: lint types imports federated test ## Run everything that continuous integration runs

.PHONY: lint
lint: $(VENV)/.dev ## Check style and formatting
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

.PHONY: types
types: $(VENV)/.dev ## Check types
	@$(BIN)/mypy

.PHONY: imports
imports: $(VENV)/.dev ## Check who imports whom
	@$(BIN)/lint-imports

.PHONY: format
format: $(VENV)/.dev ## Format the code and sort the imports
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

.PHONY: clean
clean: ## Remove the environment and everything built
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis

# An environment half made is made again: the stamps come last.
$(VENV)/.made:
	@command -v $(PYTHON) > /dev/null || { \
	  echo "headfit needs Python 3.11 or 3.10, found neither; on Debian: sudo apt-get install python3.11 python3.11-venv" >&2; exit 1; }
	@$(PYTHON) -c "import ensurepip, venv" 2> /dev/null || { \
	  echo "$(PYTHON) cannot make environments; on Debian: sudo apt-get install python3-venv" >&2; exit 1; }
	@echo "Making $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.demo: pyproject.toml | $(VENV)/.made
	@echo "Installing headfit, its fastest engine and the sample photos into $(VENV) (about 100 MB, once)"
	@$(PIP) -e ".[cli,lce,demo]"
	@touch $@

$(VENV)/.app: pyproject.toml | $(VENV)/.made
	@echo "Installing headfit, its fastest engine, Kivy and the sample photos into $(VENV) (about 250 MB, once)"
	@$(PIP) -e ".[app,lce,demo]"
	@touch $@

$(VENV)/.apk: pyproject.toml | $(VENV)/.made
	@echo "Installing Buildozer and python-for-android into $(VENV)"
	@$(PIP) -e ".[android]"
	@touch $@

$(VENV)/.dev: pyproject.toml | $(VENV)/.made
	@echo "Installing headfit and all that its tests need, TensorFlow among it, into $(VENV) (about 500 MB, once)"
	@$(PIP) -e ".[dev]"
	@touch $(VENV)/.demo $(VENV)/.app $(VENV)/.apk $@
