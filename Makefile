# make install   a virtual environment in .venv with everything pinned
# make demo      simulate, print, train, run, evaluate: pictures and scores in demo/report
# make test      what CI runs
PYTHON ?= python3.11
PY := .venv/bin/python
DEMO_RECORDS ?= 32
DEMO_HELD_OUT ?= 24

.PHONY: install demo test lint pin clean

install: .venv/installed

.venv/installed: requirements.txt requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || \
	  { echo "GIRAFFE needs Python 3.11: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv .venv
	$(PY) -m pip install -q -r requirements.txt -r requirements-dev.txt
	@touch $@

demo: install
	@rm -rf demo
	$(PY) -m giraffe simulate -o demo/training_records -n $(DEMO_RECORDS) --seed 1
	$(PY) -m giraffe simulate -o demo/held_out_records -n $(DEMO_HELD_OUT) --seed 2
	$(PY) -m giraffe print -i demo/training_records -o demo/training_data --preset D1 -r 100 --jobs 2
	$(PY) -m giraffe print -i demo/held_out_records -o demo/held_out_data --preset D1 -r 100 --jobs 2
	GIRAFFE_PROFILE=demo $(PY) train_model.py -d demo/training_data -m demo/model -v
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
