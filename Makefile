# Everything a newcomer needs. Each target makes .venv first and installs what it lacks.

PYTHON ?= python3
# A part of the tests that touches every dependency.
LOWEST_TESTS := tests/contract tests/retrieval tests/serve tests/cli tests/ingest tests/evaluation \
    tests/test_embedded.py tests/test_reranker.py tests/test_pipeline.py tests/test_score_cache.py
VENV := .venv
BIN := $(VENV)/bin

.PHONY: ci demo dist install-check test-lowest site site-serve options-page errors-page test test-extras lint embedded parity bench-speed bench-drop-in bench-serve speed-pages memory bench-batch bench-queue bench-models models-page quality quality-pages long deadline deadline-pages recipe-dry-run calibration clean

demo: $(VENV)/.search
	$(BIN)/secondpass demo

test: $(VENV)/.test lint
	$(BIN)/python -m pytest

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Builds the models that ship in the package from their sources and checks them against it.
embedded: $(VENV)/.int8
	$(BIN)/python -m scripts.build_embedded

# Makes the tiny models and reference scores under tests/parity again; needs torch.
parity: $(VENV)-torch/.done
	$(VENV)-torch/bin/python scripts/make_parity.py

# Builds the site of README.md and docs/ in build/site/html; a broken link ends it with an error.
site: $(VENV)-docs/.done
	$(VENV)-docs/bin/python -m scripts.site build/site
	$(VENV)-docs/bin/zensical build --config-file build/site/zensical.toml --clean --strict
	$(VENV)-docs/bin/python -m scripts.check_site build/site/html

# Shows it at http://localhost:8000. After a change of a page: make site again, the browser follows.
site-serve: site
	$(VENV)-docs/bin/zensical serve --config-file build/site/zensical.toml

# Builds wheel and sdist in dist/, twice and equal, checks them, and lists what they install.
dist: $(VENV)-dist/.done
	SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) $(VENV)-dist/bin/python -m scripts.dist

# Installs the wheel by pip, pipx and uv, each into an empty home folder, and runs the command.
install-check: $(VENV)-dist/.done
	$(VENV)-dist/bin/python -m scripts.install_check dist/*.whl $(INSTALL_MORE)

# The core with the lowest versions that pyproject.toml allows.
test-lowest: $(VENV)-lowest/.done
	$(VENV)-lowest/bin/python -m pytest -p no:cacheprovider $(LOWEST_TESTS)

# All that CI runs: lint, types and every test with torch, NNCF and the trainer, and then that the
# base install does without them.
ci: $(VENV)-torch/.done $(VENV)-base/.done
	$(VENV)-torch/bin/ruff check .
	$(VENV)-torch/bin/ruff format --check .
	$(VENV)-torch/bin/mypy
	$(VENV)-torch/bin/python -m pytest --durations=20
	$(MAKE) site
	cd / && $(abspath $(VENV)-base)/bin/python $(CURDIR)/scripts/check_base_install.py

# The tests of engines and training that need torch or NNCF, which make test leaves out.
test-extras: $(VENV)-torch/.done
	$(VENV)-torch/bin/python -m pytest tests/engine tests/models tests/training tests/doctor tests/compiling

# Writes the tables of docs/reference/options.md from the options dataclasses.
options-page: $(VENV)/.test
	$(BIN)/python -m scripts.options_page

# Writes the part of docs/reference/errors.md that is made of the docstrings of the errors.
errors-page: $(VENV)/.test
	$(BIN)/python -m scripts.errors_page

# Times secondpass beside its rivals; needs torch and the rivals.
SPEED_OUT ?= benchmarks/speed/results/$(shell date +%F).json

bench-speed: $(VENV)-rivals/.done
	$(VENV)-rivals/bin/python -m benchmarks.speed --out $(SPEED_OUT) $(SPEED_MORE)

# Times one script with one import changed, sentence-transformers' class and ours; about 4 minutes.
DROP_IN_OUT ?= benchmarks/drop_in/results/$(shell date +%F).json

bench-drop-in: $(VENV)-rivals/.done
	$(VENV)-rivals/bin/python -m benchmarks.drop_in --out $(DROP_IN_OUT) --into docs/guide/drop-in.md $(DROP_IN_MORE)

# Puts the newest result into the pages that show it.
speed-pages: $(VENV)/.test
	$(BIN)/python -m benchmarks.speed --show $(lastword $(sort $(wildcard benchmarks/speed/results/*.json))) \
	    --into docs/results/speed.md README.md

# Times random weights of the shapes of rerankers in use, ours and sentence-transformers', and puts
# the result into the pages. A run cut off goes on where it stopped. About 25 minutes; the largest
# shapes need 16 GB of memory. MODELS_MORE="--only minilm-l6" times one.
MODELS_OUT ?= benchmarks/models/results/$(shell date +%F).json

bench-models: $(VENV)-rivals/.done
	$(VENV)-rivals/bin/python -m benchmarks.models --out $(MODELS_OUT) --into docs/results/models.md $(MODELS_MORE)
	$(VENV)-rivals/bin/python -m scripts.models_page

# Writes the tables of docs/reference/models.md; MODELS_PAGE_MORE=--measure compares all kinds of
# models with sentence-transformers first, which needs torch.
models-page: $(VENV)-torch/.done
	$(VENV)-torch/bin/python -m scripts.models_page $(MODELS_PAGE_MORE)

# Measures the peak memory of a call while its candidates grow from 100 to 10,000.
MEMORY_OUT ?= benchmarks/memory/results/$(shell date +%F).json

memory: $(VENV)/.test
	$(BIN)/python -m benchmarks.memory --out $(MEMORY_OUT) --into docs/results/memory.md $(MEMORY_MORE)

# Simulates the server's queue with the speeds of results that are there; QUEUE_MORE adds options.
bench-queue: $(VENV)/.test
	mkdir -p build
	$(BIN)/python -m benchmarks.queue --out build/queue.json --into docs/guide/capacity.md $(QUEUE_MORE)

# Times batches beside the library's own calls, their memory, and two nodes of Ray beside one.
BATCH_OUT ?= benchmarks/batch/results/$(shell date +%F).json

bench-batch: $(VENV)-torch/.done
	$(VENV)-torch/bin/python -m benchmarks.batch --out $(BATCH_OUT) --into docs/results/batch.md $(BATCH_MORE)

# Measures nDCG@10 of BM25, the bi-encoder and the reranker on the development collections; a run
# cut off goes on where it stopped. QUALITY_FP32 is the folder of the weights before int8.
QUALITY_DATA ?= ../shared/data/eval
QUALITY_FP32 ?= build/cross-encoder
QUALITY_OUT ?= benchmarks/quality/results/$(shell date +%F).json

quality: $(VENV)/.test $(QUALITY_FP32)
	$(BIN)/python -m benchmarks.quality --data $(QUALITY_DATA) --reranker $(QUALITY_FP32)=fp32 \
	    --out $(QUALITY_OUT) --resume $(QUALITY_MORE)

build/cross-encoder: recipes/embedded/trained.safetensors recipes/embedded/recipe.toml | $(VENV)/.int8
	$(BIN)/python -m scripts.build_embedded --only embedded/cross-encoder --sources build --sources-only

# Puts the newest result into the pages that show it.
quality-pages: $(VENV)/.test
	$(BIN)/python -m benchmarks.quality --show $(lastword $(sort $(wildcard benchmarks/quality/results/*.json))) \
	    --into docs/results/quality.md README.md $(QUALITY_PAGES) --picture docs/results/quality.svg

# Measures the calibration error of the embedded model where its map was not fitted: minutes with
# the scores of `make quality QUALITY_MORE="--first-stage dense"` in CALIBRATION_SCORES.
CALIBRATION_OUT ?= benchmarks/calibration/results/$(shell date +%F).json
CALIBRATION_SCORES ?= $(lastword $(sort $(wildcard benchmarks/quality/results/*dense.scores)))

calibration: $(VENV)/.test
	$(BIN)/python -m benchmarks.calibration --data $(QUALITY_DATA)/.. --out $(CALIBRATION_OUT) \
	    $(addprefix --scores ,$(CALIBRATION_SCORES)) --into docs/guide/calibrate.md $(CALIBRATION_MORE)

# Measures nDCG@10 of each rule for long documents on documents made by padding passages.
LONG_OUT ?= benchmarks/long/results/$(shell date +%F).json

long: $(VENV)/.test
	$(BIN)/python -m benchmarks.long --data $(QUALITY_DATA) --out $(LONG_OUT) \
	    --into docs/results/long-documents.md $(LONG_MORE)

# Times 1,000 calls for each budget, idle and busy, and measures nDCG@10 against the budget.
DEADLINE_OUT ?= benchmarks/deadline/results/$(shell date +%F).json

deadline: $(VENV)/.test
	$(BIN)/python -m benchmarks.deadline --data $(QUALITY_DATA) --out $(DEADLINE_OUT) $(DEADLINE_MORE)

# Puts the newest result into its page.
deadline-pages: $(VENV)/.test
	$(BIN)/python -m benchmarks.deadline --show $(lastword $(sort $(wildcard benchmarks/deadline/results/*.json))) \
	    --into docs/results/deadline.md --picture docs/results/deadline.svg

# Puts a server under load, and two others on the same weights beside it; nothing else should run.
SERVE_OUT ?= benchmarks/serve/results/$(shell date +%F).json
SERVE_MODEL ?= ../shared/models/minilm-ce-first

bench-serve: $(VENV)/.test $(VENV)-rivals-serve/.done
	$(BIN)/python -m benchmarks.serve --out $(SERVE_OUT) --into docs/results/serve.md \
	    --rivals $(VENV)-rivals-serve/bin/python --model $(SERVE_MODEL) $(SERVE_MORE)

# Distills the embedded cross-encoder from a few texts, on the CPU: the steps of recipes/embedded/gpu.sh.
RECIPE_DATA ?= ../shared/data
RECIPE_RUN := PYTHON=$(abspath $(VENV)-torch/bin/python) recipes/embedded/gpu.sh

recipe-dry-run: $(VENV)-torch/.done
	$(VENV)-torch/bin/python -m pip install --quiet --disable-pip-version-check onnx
	$(RECIPE_RUN) pack build/recipe --train $(RECIPE_DATA)/train --dev $(RECIPE_DATA)/eval \
	    --questions $(RECIPE_DATA)/stdlib_questions.json --most 3 --sources pubmedqa qamr tldr \
	    --collections noveleval stdlib
	$(RECIPE_RUN) label build/recipe build/recipe-labels --device cpu
	$(RECIPE_RUN) train build/recipe build/recipe-labels build/recipe-student --device cpu \
	    --groups 2 --try-minutes 0.05 --minutes 2

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.search: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[search]'
	@touch $@

$(VENV)/.test: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[test]'
	@touch $@

$(VENV)/.int8: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[search,int8]' onnx
	@touch $@

$(VENV)-base/.done: pyproject.toml
	$(PYTHON) -m venv $(VENV)-base
	$(VENV)-base/bin/python -m pip install --quiet --disable-pip-version-check '.[search]'
	@touch $@

$(VENV)-torch/.done: pyproject.toml scripts/parity-requirements.txt
	$(PYTHON) -m venv $(VENV)-torch
	$(VENV)-torch/bin/python -m pip install --quiet --disable-pip-version-check torch==2.13.0
	$(VENV)-torch/bin/python -m pip install --quiet --disable-pip-version-check -r scripts/parity-requirements.txt -e '.[test,int8,train,tokenizer,ray,ray-serve,mcp,pyterrier,langchain,llamaindex,haystack]' langchain-classic qdrant-client
	@touch $@

# optimum-intel brings a CUDA build of torch for torchvision, which nobody here imports.
$(VENV)-rivals/.done: pyproject.toml benchmarks/speed/requirements.txt
	$(PYTHON) -m venv $(VENV)-rivals
	$(VENV)-rivals/bin/python -m pip install --quiet --disable-pip-version-check -r benchmarks/speed/requirements.txt -e '.[int8,measure]'
	$(VENV)-rivals/bin/python -m pip uninstall --quiet --yes torchvision
	$(VENV)-rivals/bin/python -m pip install --quiet --disable-pip-version-check torch==2.13.0
	@touch $@

$(VENV)-dist/.done: pyproject.toml
	$(PYTHON) -m venv $(VENV)-dist
	$(VENV)-dist/bin/python -m pip install --quiet --disable-pip-version-check 'pip>=25.1'
	$(VENV)-dist/bin/python -m pip install --quiet --disable-pip-version-check --group dist
	@touch $@

$(VENV)-lowest/.done: pyproject.toml
	$(PYTHON) -m venv $(VENV)-lowest
	$(VENV)-lowest/bin/python -m pip install --quiet --disable-pip-version-check uv
	$(VENV)-lowest/bin/uv pip install --quiet --python $(VENV)-lowest/bin/python --resolution lowest-direct -e '.[test]'
	@touch $@

# The site is made of files: secondpass and what it needs are not installed.
$(VENV)-docs/.done: pyproject.toml
	$(PYTHON) -m venv $(VENV)-docs
	$(VENV)-docs/bin/python -m pip install --quiet --disable-pip-version-check 'pip>=25.1'
	$(VENV)-docs/bin/python -m pip install --quiet --disable-pip-version-check --group docs
	@touch $@

$(VENV)-rivals-serve/.done: benchmarks/serve/requirements.txt
	$(PYTHON) -m venv $(VENV)-rivals-serve
	$(VENV)-rivals-serve/bin/python -m pip install --quiet --disable-pip-version-check -r benchmarks/serve/requirements.txt
	@touch $@

clean:
	rm -rf $(VENV) $(VENV)-base $(VENV)-dist $(VENV)-docs $(VENV)-lowest $(VENV)-torch $(VENV)-rivals $(VENV)-rivals-serve build dist
