# Every target sets up what it needs: Python 3.11 or newer and make are enough.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export ATALHO_SHARED ?= $(abspath ../shared)
# Two pytest workers of one thread each: as fast as one of two, and comparable between runs.
export OMP_NUM_THREADS ?= 1

.PHONY: demo lecture test test-full campaign versions check docs bench clean

# One thread: the demonstration's networks are too small to share, and two that wait for each other crawl on a busy machine.
demo: $(VENV)/.installed
	$(BIN)/atalho compare --threads 1

# The lecture, live: lecture/index.html, in Portuguese, each page with the same in English.
lecture: $(VENV)/.installed
	$(BIN)/atalho lecture -o lecture

test: $(VENV)/.installed-dev
	$(BIN)/pytest -n 2 -m "not full"

test-full: $(VENV)/.installed-dev
	$(BIN)/pytest -n 2

# A part of the tests on every Python from 3.11 that is there, each in an environment of its own.
versions: $(VENV)/.installed-dev
	$(BIN)/nox

# Tries to break everything, and counts: `make campaign CAMPAIGN=5000` takes a night.
CAMPAIGN ?= 2000
campaign: $(VENV)/.installed-dev
	PYTHONPATH=tests $(BIN)/python -m campaign --cases $(CAMPAIGN) -o results/campaign.json

check: $(VENV)/.installed-dev
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(VENV)/.installed-docs
	$(BIN)/sphinx-build --fresh-env --fail-on-warning --keep-going --quiet docs docs/_build/html
	@echo docs/_build/html/index.html

# CIFAR-10 is downloaded where it is not there; any folder of some two hundred JPEG files and more will do.
CIFAR ?= data
PHOTOS ?= $(ATALHO_SHARED)/data/imagenet-sample
# ResNet-50's weights for ImageNet, in a folder as timm writes it.
RESNET50 ?= $(ATALHO_SHARED)/data/resnet50-v1
ALL_CORES := env -u OMP_NUM_THREADS $(BIN)/python
bench: $(VENV)/.installed-dev
	$(BIN)/pip install --quiet --editable '.[peers]'
	$(ALL_CORES) benchmarks/cost.py -o results/cost.json
	$(ALL_CORES) benchmarks/startup.py -o results/startup.json
	$(ALL_CORES) benchmarks/diagnose.py -o results/diagnose.json
	$(ALL_CORES) benchmarks/training.py --cifar $(CIFAR) --photos $(PHOTOS) -o results/training.json
	$(ALL_CORES) benchmarks/inference.py --weights $(RESNET50) --photos $(PHOTOS) -o results/inference.json
	$(ALL_CORES) benchmarks/decoding.py $(PHOTOS) --weights $(RESNET50) -o results/decoding.json
	$(ALL_CORES) benchmarks/busy.py -o results/busy.json
	$(ALL_CORES) benchmarks/cluster.py -o results/cluster/300-steps.json

clean:
	rm -rf $(VENV) .nox build dist docs/_build .mypy_cache .pytest_cache .ruff_cache

# One line says what to do where Python is absent or too old, or there is no venv, no space or no network.
define INSTALL
@command -v $(PYTHON) > /dev/null || { echo "error[PYTHON] $(PYTHON): is not there. Next: install Python 3.11 or newer, then make $(MAKECMDGOALS)" >&2; exit 6; }
@TARGET="$(MAKECMDGOALS)" $(PYTHON) scripts/install.py $(VENV) $(PACKAGES)
@touch $@
endef

$(VENV)/.installed: PACKAGES = --editable .
$(VENV)/.installed: pyproject.toml
	$(INSTALL)

$(VENV)/.installed-docs: PACKAGES = --group docs
$(VENV)/.installed-docs: $(VENV)/.installed
	$(INSTALL)

$(VENV)/.installed-dev: PACKAGES = --group dev --editable '.[timm,onnx,openvino,energy,tensorboard,frames,parquet,explain,cluster]'
$(VENV)/.installed-dev: $(VENV)/.installed
	$(INSTALL)
