# crossband: `make repro` prepares the data, `make test` proves the tool. Both make .venv by themselves.

PYTHON ?= python3
VENV ?= .venv
ABLATIONS ?= build/ablations
SOAK ?= build/soak
SIZE ?= full
STUDY ?= build/study-$(SIZE)
AT_ONCE ?= 1
SMALLER := $(filter short pilot trial,$(SIZE))
CODE := ablations crossband models pipeline stages
BIN := $(abspath $(VENV))/bin
export PATH := $(BIN):$(PATH)
export DVC_NO_ANALYTICS := 1

.DEFAULT_GOAL := help
.PHONY: help setup repro ablations casia-pram casia-hsst study study-nir-vis study-dmfr study-bodies bodies-again
.PHONY: test test-lowest fuzz
.PHONY: lint types audit bench soak check report graph wiring docs clean

help: ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 15

setup: $(VENV)/.installed ## make the virtual environment

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "crossband needs Python 3.11 or later: make PYTHON=/path/to/python")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --no-compile --constraint constraints.txt --editable '.[dev]'
	# On all cores. Where PYTHONDONTWRITEBYTECODE is set, each stage's processes would else compile
	# thousands of modules anew. Some packages carry files for another Python: these fail, unused;
	# a sixth of all are tests of their own.
	$(BIN)/python -m compileall -qq -j 0 -x 'site-packages/.*/tests?/' \
	    $(VENV)/lib/python*/site-packages $(CODE) || true
	$(BIN)/python -m pip check
	# A server without OpenGL cannot load opencv-python: the headless build then takes its place.
	$(BIN)/python -c 'import cv2' 2>/dev/null || $(BIN)/python -m pip install --quiet \
	    --force-reinstall --no-deps --constraint constraints.txt opencv-python-headless
	touch $@

repro: setup ## run every stage that is out of date
	dvc repro

# On more people than the default run has, so in a workspace of its own.
ablations: setup ## train and measure every row of the papers of PRAM, HSST and DMFR: hours without a GPU
	test -e $(ABLATIONS)/dvc.yaml || crossband workspace $(ABLATIONS) --profile params/ablations.yaml
	cp ablations/stages.yaml $(ABLATIONS)/ablations/dvc.yaml
	cp ablations/dmfr/stages.yaml $(ABLATIONS)/ablations/dmfr/dvc.yaml
	cd $(ABLATIONS) && dvc repro ablations/dvc.yaml ablations/dmfr/dvc.yaml

# On a copy of CASIA NIR-VIS 2.0: docs/licensed-data.md. SIZE=trial trains a few steps, to see that all runs.
CASIA ?=
TRIAL := $(filter trial,$(SIZE))
OF_CASIA = build/$@-$(SIZE)

casia-pram: ## the PRAM + CAT paper's tables on fold 1 (CASIA=/data/CASIA-NIR-VIS-2.0): a day without a GPU
casia-hsst: ## the HSST paper's figure 4, ten folds (CASIA=/data/CASIA-NIR-VIS-2.0): weeks without a GPU

casia-pram casia-hsst: setup
	@test -d "$(CASIA)" || { echo "$@: where is your copy? make $@ CASIA=/data/CASIA-NIR-VIS-2.0" >&2; exit 2; }
	test -e $(OF_CASIA)/dvc.yaml || crossband workspace $(OF_CASIA) --profile params/casia.yaml \
	    $(TRIAL:%=--profile params/casia_%.yaml)
	ln -sfn "$(abspath $(CASIA))" $(OF_CASIA)/casia
	python -m ablations.laid_over $(OF_CASIA)/ablations/params.yaml ablations/params.yaml \
	    ablations/$(subst -,_,$@).yaml $(TRIAL:%=ablations/$(subst -,_,$@)_%.yaml)
	cp ablations/stages.yaml $(OF_CASIA)/ablations/dvc.yaml
	cd $(OF_CASIA) && dvc repro ablations/dvc.yaml

# What is claimed, and how it is decided: docs/study.md. SIZE=short trains for two cores, SIZE=pilot also takes fewer
# people, SIZE=trial very few. Each part goes on where it was killed. AT_ONCE=6 trains so many rows side by side: they share a
# GPU, or many cores. THREADS=1 gives each row one thread: as many rows as cores are fastest so.
rows = $(if $(filter-out 1,$(AT_ONCE)),python -m ablations.at_once $(1) $(AT_ONCE) && )dvc repro $(1)

study: study-nir-vis study-dmfr study-bodies ## all parts of the study (SIZE=short, pilot or trial: less)

$(STUDY)/faces/dvc.yaml: | setup
	crossband workspace $(STUDY)/faces --profile params/study.yaml \
	    $(SMALLER:%=--profile params/study_%.yaml)

study-nir-vis: $(STUDY)/faces/dvc.yaml ## the study of PRAM, L_CAT and HSST
	python -m ablations.laid_over $(STUDY)/faces/ablations/params.yaml ablations/study.yaml \
	    $(SMALLER:%=ablations/study_%.yaml) $(THREADS:%=--threads=%)
	cp ablations/stages.yaml $(STUDY)/faces/ablations/dvc.yaml
	cd $(STUDY)/faces && $(call rows,ablations/dvc.yaml)

study-dmfr: $(STUDY)/faces/dvc.yaml ## the study of DMFR
	python -m ablations.laid_over $(STUDY)/faces/ablations/dmfr/params.yaml ablations/dmfr/params.yaml \
	    ablations/dmfr/study.yaml $(SMALLER:%=ablations/dmfr/study_%.yaml) \
	    $(THREADS:%=--threads=%)
	cp ablations/dmfr/stages.yaml $(STUDY)/faces/ablations/dmfr/dvc.yaml
	cd $(STUDY)/faces && $(call rows,ablations/dmfr/dvc.yaml)

$(STUDY)/bodies/dvc.yaml: | setup
	crossband workspace $(STUDY)/bodies --profile params/study_bodies.yaml \
	    $(SMALLER:%=--profile params/study_bodies_%.yaml)

study-bodies: $(STUDY)/bodies/dvc.yaml ## the study of bodies in four bands
	python -m ablations.laid_over $(STUDY)/bodies/ablations/bodies/params.yaml \
	    ablations/bodies/params.yaml $(SMALLER:%=ablations/bodies/study_%.yaml) \
	    $(THREADS:%=--threads=%)
	cp ablations/bodies/stages.yaml $(STUDY)/bodies/ablations/bodies/dvc.yaml
	cd $(STUDY)/bodies && $(call rows,ablations/bodies/dvc.yaml)

# Which fresh people: params/study_bodies_fresh_$(FRESH).yaml. PEOPLE=60 also compares in galleries of 60.
FRESH ?= 10
PEOPLE ?=

$(STUDY)/bodies-$(FRESH)-%/dvc.yaml: | setup
	crossband workspace $(@D) --profile params/study_bodies.yaml \
	    $(SMALLER:%=--profile params/study_bodies_%.yaml) --profile params/study_bodies_fresh_$(FRESH).yaml \
	    $(if $(filter 1,$*),--profile params/study_bodies_other_gallery.yaml)

# Both galleries of the fresh people are tested, each in a workspace of its own: in either, the other is for training.
AGAIN := $(STUDY)/bodies-$(FRESH)-1 $(STUDY)/bodies-$(FRESH)-2

bodies-again: $(AGAIN:%=%/dvc.yaml) ## test trained rows of bodies on fresh people
	for folder in $(AGAIN); do (cd $$folder && dvc repro protocols@scenes crop_bodies@scenes) || exit; done
	cd $(STUDY)/bodies && python -m ablations.bodies_again $(PEOPLE:%=--people %) $(AGAIN:$(STUDY)/%=../%)

# In random order (the seed is printed), the longest modules first; a module's tests mostly stay with
# one process, so that their shared fixtures are made once.
test: setup ## run the tests
	python -m pytest -n auto --dist worksteal

# Tools that look at the installation from outside live apart from it.
TOOLS := build/tools
FUZZ_SECONDS ?= 60

$(TOOLS)/bin/python:
	$(PYTHON) -m venv $(TOOLS)

LOWEST := build/lowest
LOWEST_PYTHON ?= 3.11
LOWEST_STAGES ?= parts@sample attributes@sample masks@sample poses@sample protocols@sample crop_bodies@scenes
test-lowest: $(TOOLS)/bin/python ## install the lowest versions that pyproject.toml allows, and run tiny stages with them
	$(TOOLS)/bin/python -m pip install --quiet uv
	rm -rf $(LOWEST)
	$(TOOLS)/bin/uv venv --quiet --python $(LOWEST_PYTHON) $(LOWEST)/venv
	$(TOOLS)/bin/uv pip install --quiet --python $(LOWEST)/venv/bin/python --resolution lowest-direct --editable '.[all,test]'
	PATH="$$PWD/$(LOWEST)/venv/bin:$$PATH" crossband workspace $(LOWEST)/tiny --profile params/tiny.yaml
	cd $(LOWEST)/tiny && PATH="$$PWD/../venv/bin:$$PATH" dvc repro $(LOWEST_STAGES)
	PATH="$$PWD/$(LOWEST)/venv/bin:$$PATH" python -m pytest -q tests/store tests/ops tests/params tests/readers

fuzz: setup $(TOOLS)/bin/python ## fuzz every reader of foreign bytes, FUZZ_SECONDS each (atheris)
	$(TOOLS)/bin/python -m pip install --quiet --target build/atheris 'atheris>=3'
	mkdir -p build/fuzz
	cd build/fuzz && for target in $$(PYTHONPATH=../../tests/fuzz python -c 'import targets; print(*targets.TARGETS)'); do \
	    PYTHONPATH=../atheris python ../../tests/fuzz/with_atheris.py $$target -max_total_time=$(FUZZ_SECONDS) || exit 1; done

audit: setup $(TOOLS)/bin/python ## known faults of what is installed, and a report of its licences
	$(TOOLS)/bin/python -m pip install --quiet 'pip-audit>=2.10' 'pip-licenses>=5.5'
	$(TOOLS)/bin/pip-licenses --python $(BIN)/python --from mixed --with-urls --format markdown --output-file build/licences.md
	PIPAPI_PYTHON_LOCATION=$(BIN)/python $(TOOLS)/bin/pip-audit --local --skip-editable --progress-spinner off

lint: setup types ## style, import contracts, types
	ruff check .
	ruff format --check .
	lint-imports

types: setup ## static types alone
	mypy

# All: hours. BENCH='--resume' goes on, BENCH=workers runs one, BENCH='--workspace DIR' gives a finished run to those that
# measure one, BENCH=--small shows only that each starts and ends.
bench: setup ## measure the speed claims, into benchmarks/results.json (BENCH='--resume' goes on)
	python -m benchmarks $(BENCH)

# An hour or more; ended, it goes on where it was: `make soak`.
soak: setup ## kill stages and flip bits in a run of their own, and compare what comes of it
	python tests/faults/soak $(SOAK)

check: lint test audit ## all that has to hold before a commit

report: setup ## show the metrics as tables
	dvc metrics show

wiring: setup ## write the code that stages run into dvc.yaml, from what they import
	python -m stages.wiring

docs: setup ## build the documentation as a site, into build/site
	NO_MKDOCS_2_WARNING=1 mkdocs build

graph: setup ## draw the stages of dvc.yaml (docs/stages.svg)
	python docs/draw_stages.py

clean: ## remove the folders data and reports, whole (not the weights, not the virtual environment)
	rm -rf data reports .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
