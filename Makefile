# make install   a virtual environment in .venv with everything pinned
# make demo      the shipped model on printouts that it has not seen; then a short training run
# make test      what CI runs
PYTHON ?= python3.11
PY := .venv/bin/python
DEMO_RECORDS ?= 32
DEMO_HELD_OUT ?= 24

.PHONY: install demo test lint pin clean

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
	@echo "--- Four patients, printed in three ways, read by the shipped model"
	$(PY) -m giraffe simulate -o demo/patients -n 4 --seed 778
	for preset in color-scan-clean phone-stained screenshot; do \
	  $(PY) -m giraffe print -i demo/patients -o demo/printouts/$$preset --preset $$preset -r 100; done
	grep Labels demo/patients/*.hea
	$(PY) -m giraffe predict demo/printouts -o demo/predictions
	$(PY) -m giraffe charts demo/printouts/*/*.png -o demo/charts.jpg
	@echo "--- The shipped model in the eight capture conditions"
	$(PY) -m giraffe simulate -o demo/held_out_records -n $(DEMO_HELD_OUT) --seed 777
	$(PY) -m giraffe conditions demo/held_out_records -o demo/conditions
	@echo "--- A short training run that starts from the shipped model"
	$(PY) -m giraffe simulate -o demo/training_records -n $(DEMO_RECORDS) --seed 1
	$(PY) -m giraffe print -i demo/training_records -o demo/training_data --preset D1 -r 100 --jobs 2
	$(PY) -m giraffe print -i demo/held_out_records -o demo/held_out_data --preset D1 -r 100 --jobs 2
	$(PY) -m giraffe train demo/training_data -m demo/model --recipe giraffe --profile demo --epochs 4
	$(PY) -m giraffe hide -i demo/held_out_data -o demo/hidden_data -m
	$(PY) run_model.py -d demo/hidden_data -m demo/model -o demo/outputs
	$(PY) evaluate_model.py -d demo/held_out_data -o demo/outputs
	@$(PY) -m giraffe report demo/held_out_data demo/outputs -o demo/report

test: install lint
	$(PY) -m pytest

lint: install
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .

pin:
	$(PY) -m pip install -q uv
	$(PY) -m uv pip compile --universal --python-version 3.11 --no-annotate --no-header -q \
	  requirements.in -o requirements.txt
	$(PY) -m uv pip compile --universal --python-version 3.11 --no-annotate --no-header -q \
	  requirements-dev.in -o requirements-dev.txt

clean:
	rm -rf .venv demo .pytest_cache .hypothesis .ruff_cache
