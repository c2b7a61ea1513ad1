# Every target does its own set-up: a virtual environment in .venv, pinned by constraints.txt and
# left alone until pyproject.toml or constraints.txt changes.

PYTHON ?= python3
# An extra package index for pip, e.g. one that serves the CPU builds of torch.
TORCH_INDEX ?=
# Further arguments for pytest, e.g. ARGS='-k prox -x'.
ARGS ?=

# Dozens of processes import the same modules, and rewrite assertions of the same plugins and tests:
# what the first one compiles is there for the others, whatever the environment says.
export PYTHONDONTWRITEBYTECODE :=

VENV := .venv
RUN := $(VENV)/bin/python -m
KEY := $(shell cat pyproject.toml constraints.txt | $(PYTHON) -c \
	'import hashlib, sys; print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest()[:16])')
DEV := $(VENV)/installed-dev-$(KEY)
DOCS := $(VENV)/installed-docs-$(KEY)

.DEFAULT_GOAL := help
# Another Python, on which the core is checked; its packages lie in .venv/newer.
NEWER ?= python3.13
CORE := $(VENV)/newer/installed-$(KEY)
GUESTS := $(VENV)/guests/installed-$(KEY)
# Each of two processes begins with a half of the tests as they lie in files, so that what a file
# prepares, and what JAX compiles for it, is prepared once; the one that is done takes of the other's.
WORKERS := -n 2 --dist worksteal
# Environment variables under which BLAS, LAPACK and Torch take other kernels, which round otherwise
# (beside JAX as users have it; the other tests let it compile quickly);
# these run on every x86-64 processor that NumPy runs on, and mean nothing on others.
KERNELS ?= OPENBLAS_CORETYPE=Nehalem MKL_CBWR=COMPATIBLE ATEN_CPU_CAPABILITY=default
# The rooms whose tests compare numbers with what mathematics says; Torch's layers rest on them.
NUMERIC := $(addprefix tests/,functions linear operators properties problems solvers collection)

.PHONY: demo test test-kernels test-newer test-gpu test-guests lint docs browser release clean help

demo: $(DEV) ## Train, certify and plot an equilibrium network on handwritten digits
	$(RUN) splitkit_nn train digits --out runs/digits-$$(date +%Y-%m-%d-%H%M%S)

test: $(DEV) ## Run the tests (ARGS='...' goes to pytest)
	OMP_NUM_THREADS=1 $(RUN) pytest $(WORKERS) $(ARGS)

test-kernels: $(DEV) ## Run the numeric tests under other kernels (KERNELS='...' names them)
	OMP_NUM_THREADS=1 XLA_FLAGS= $(KERNELS) $(RUN) pytest $(WORKERS) $(NUMERIC) $(ARGS)

test-newer: $(CORE) ## Check all that the core registers on another Python (NEWER=python3.13)
	OMP_NUM_THREADS=1 $(VENV)/newer/bin/python -W error::DeprecationWarning -c \
		'from splitkit.testing import registered; things = registered(); \
		[thing.check(max_examples=2) for thing in things]; print(len(things), "passed, 0 failed")'

test-gpu: $(DEV) ## Run the tests that need a CUDA device (CuPy's, where it is installed)
	OMP_NUM_THREADS=1 $(RUN) pytest -m gpu $(ARGS)

test-guests: $(GUESTS) ## Run CVXPY's own tests of a solver, and qpsolvers', in an environment of their own
	OMP_NUM_THREADS=1 $(VENV)/guests/bin/python -m pytest --noconftest tests/interfaces $(ARGS)

lint: $(DEV) ## Check format, lint and types
	$(RUN) ruff format --check .
	$(RUN) ruff check .
	$(RUN) mypy

docs: $(DOCS) ## Build the documentation into site/
	$(RUN) mkdocs build --strict

browser: docs ## Open each page of the site in headless Chromium (needs chromium-driver, selenium)
	$(RUN) pip install --disable-pip-version-check 'selenium>=4.20'
	$(VENV)/bin/python docs/_browser.py

release: $(DEV) ## Try wheel and sdist on each Python, lowest and newest versions (ARGS=--torch: layers too)
	$(VENV)/bin/python tests/packaging/release.py $(ARGS)

clean: ## Remove .venv, caches and build products; runs/ stays
	rm -rf $(VENV) build dist site *.egg-info .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1	\2/p' $(MAKEFILE_LIST)

$(CORE):
	$(NEWER) -m venv --clear $(VENV)/newer
	$(VENV)/newer/bin/python -m pip install --disable-pip-version-check -c constraints.txt \
		-e '.[testing]'
	touch $@

$(GUESTS):
	$(PYTHON) -m venv --clear $(VENV)/guests
	$(VENV)/guests/bin/python -m pip install --disable-pip-version-check -c constraints.txt \
		-e '.[cvxpy,qpsolvers,testing]'
	touch $@

# The stamp is touched last, so an install that fails leaves none; stamps of another key describe
# an environment that is being replaced.
$(VENV)/installed-%-$(KEY):
	$(PYTHON) -m venv $(VENV)
	find $(VENV) -maxdepth 1 -name 'installed-*' ! -name '*-$(KEY)' -delete
	$(RUN) pip install --disable-pip-version-check -c constraints.txt \
		$(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) -e '.[$*]'
	touch $@
