# make install   a virtual environment in .venv with everything pinned
# make demo      the shipped model reads photographs; a short training run; both models compared
# make test      what CI runs: lint, format, types, all tests on two cores
# make test-fast the same without what takes long, within a minute
# make api       pages of every docstring, in build/api
PYTHON ?= python3.11
PY := .venv/bin/python
TEST_JOBS ?= 2
DEMO_RECORDS ?= 64
DEMO_HELD_OUT ?= 48

.PHONY: install demo test test-fast lint api pin clean

install: .venv/installed

.venv/installed: requirements.txt requirements-dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || \
	  { echo "GIRAFFE needs Python 3.11: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv .venv
	$(PY) -m pip install -q -r requirements.txt -r requirements-dev.txt
	$(PY) -m pip install -q --no-deps --no-build-isolation -e .
	@touch $@

demo: install
	@rm -rf demo
	@echo "--- Four patients, printed and photographed, read by the shipped model"
	$(PY) -m giraffe simulate -o demo/patients -n 4 --seed 778
	$(PY) -m giraffe print -i demo/patients -o demo/photos --preset phone-stained -r 100 -se 4
	grep Labels demo/patients/*.hea
	$(PY) -m giraffe read demo/photos -o demo/readings
	@echo "--- Three epochs that start from it, at half its size, on pages of $(DEMO_RECORDS) others"
	$(PY) -m giraffe simulate -o demo/training_records -n $(DEMO_RECORDS) --seed 1
	$(PY) -m giraffe print -i demo/training_records -o demo/training --preset D1 -r 100 -se 42 --jobs 2
	$(PY) -m giraffe train demo/training -m demo/model --recipe giraffe --profile demo --epochs 3
	@echo "--- The trained model as a Challenge entry, on the first four patients"
	$(PY) -m giraffe hide -i demo/photos -o demo/hidden -m
	$(PY) run_model.py -d demo/hidden -m demo/model -o demo/outputs
	$(PY) evaluate_model.py -d demo/photos -o demo/outputs
	@echo "--- Pages of $(DEMO_HELD_OUT) patients that neither has seen: the shipped model at its own size,"
	@echo "--- the same at the size of the training, and the trained model (their pictures' networks alone)"
	$(PY) -m giraffe simulate -o demo/held_out_records -n $(DEMO_HELD_OUT) --seed 777
	$(PY) -m giraffe print -i demo/held_out_records -o demo/held_out --preset D1 -r 100 -se 42 --jobs 2
	@$(PY) -m giraffe predict demo/held_out -o demo/shipped_512x1024 -q --pictures_alone > demo/predict.log
	@$(PY) -m giraffe predict demo/held_out -o demo/shipped_256x512 -q --scale 0.5 --pictures_alone >> demo/predict.log
	@$(PY) -m giraffe predict demo/held_out -m demo/model -o demo/trained_256x512 -q --pictures_alone >> demo/predict.log
	@$(PY) -m giraffe compare demo/held_out demo/shipped_512x1024 demo/shipped_256x512 \
	  demo/trained_256x512 -o demo/comparison

test: install lint
	$(PY) -m pytest -n $(TEST_JOBS) --dist loadfile --no-loadscope-reorder

test-fast: install lint
	$(PY) -m pytest -n $(TEST_JOBS) --dist loadfile --no-loadscope-reorder -m "not slow and not minutes"

lint: install
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy

# The floors, and the modules on which they stand.
api: install
	$(PY) -m pdoc -d numpy --no-show-source -o build/api \
	  $(patsubst giraffe/%/__init__.py,giraffe.%,$(wildcard giraffe/*/__init__.py)) \
	  $(patsubst giraffe/%.py,giraffe.%,$(filter-out giraffe/__%,$(wildcard giraffe/*.py)))
	@echo "Open build/api/index.html"

pin:
	$(PY) -m pip install -q uv
	$(PY) -m uv pip compile --universal --python-version 3.11 --no-annotate --no-header -q \
	  requirements.in -o requirements.txt
	$(PY) -m uv pip compile --universal --python-version 3.11 --no-annotate --no-header -q \
	  requirements-dev.in -o requirements-dev.txt

clean:
	rm -rf .venv demo .pytest_cache .hypothesis .ruff_cache .mypy_cache build/api
