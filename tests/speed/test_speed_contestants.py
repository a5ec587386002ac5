import importlib
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.speed import ours
from benchmarks.speed.__main__ import CONTESTANTS, RIVALS
from benchmarks.speed.stored_texts import MOST_TOKENS, stored_texts, texts_with_states
from benchmarks.speed.untrained_exits import embedded_schedules, with_untrained_exits
from benchmarks.speed.work import Work
from secondpass import CrossEncoderReranker, Embedder
from secondpass.models.embedded import CROSS_ENCODER
from secondpass.models.folder import find_folder
from secondpass.scoring.passage import Passage
from secondpass.scoring.tokenized import TokenizedText

ROOT = Path(__file__).parent.parent.parent
TEXTS = ["rows of a csv file", "sheep give wool", "a thread waits", "the csv module"]

COUNTING = """
import sys, types
from benchmarks.speed import contestant

calls = []
def rerank(query, texts):
    calls.append(query)
    return [float(len(calls))] * len(texts)

fake = types.ModuleType("benchmarks.speed.rivals.counting")
fake.LABEL, fake.load = "numpy {numpy}", lambda work: (rerank, "a detail")
fake.CALLS, fake.INCOMPARABLE = 3, "it counts"
sys.modules[fake.__name__] = fake
contestant.main()
"""


def work(folder, model="", candidates=TEXTS):
    return Work(str(model), str(folder), ["csv", "wool"], [candidates, candidates], [])


def test_a_contestant_times_the_last_of_its_calls(tmp_path):
    work(tmp_path).save(tmp_path / "work.json")
    done = subprocess.run(
        [sys.executable, "-c", COUNTING, "counting", str(tmp_path / "work.json")],
        input="0\n1\n",
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    ready, *answers = map(json.loads, done.stdout.splitlines())
    assert ready == {
        "label": f"numpy {np.__version__}",
        "detail": "a detail",
        "incomparable": "it counts",
    }
    # Two lists warm up; then each is asked three times, and the third one answers.
    assert [one["scores"] for one in answers] == [[5.0] * 4, [8.0] * 4]


def test_every_rival_is_a_file_with_a_label_and_ours_are_a_table():
    folder = ROOT / "benchmarks" / "speed" / "rivals"
    assert {file.stem for file in folder.glob("*.py")} - {"__init__"} == set(RIVALS)
    for name in RIVALS:
        assert importlib.import_module(f"benchmarks.speed.rivals.{name}").LABEL
    assert [name for name in CONTESTANTS if name not in RIVALS] == list(ours.OURS)


@pytest.mark.parametrize(
    "name", ["secondpass_auto", "secondpass_cache", "embedded_fast", "states_fast"]
)
def test_our_rows_score_the_list(parity, tmp_path, name):
    if name == "secondpass_cache":
        pytest.importorskip("nncf", reason="the int8 extra is not installed")
    shared = replace(work(tmp_path, parity / "bert"), max_length=64)
    rerank, detail = ours.OURS[name].load(shared)
    assert len(rerank("csv", TEXTS)) == len(TEXTS)
    assert "weights" in detail


@pytest.mark.parametrize("name", ["sentence_transformers_best", "sentence_transformers_bf16"])
def test_a_torch_rival_scores_as_we_do_at_its_best_batch(parity, tmp_path, tiny, name):
    pytest.importorskip("sentence_transformers", reason="needs the torch extra: make test-extras")
    rival = importlib.import_module(f"benchmarks.speed.rivals.{name}")
    rerank, detail = rival.load(work(tmp_path, parity / "bert"))
    assert detail.startswith("batch ")
    expected = tiny.predict([("csv", text) for text in TEXTS])
    assert [float(score) for score in rerank("csv", TEXTS)] == pytest.approx(expected, abs=0.05)


def test_untrained_exits_are_those_of_the_effort_and_the_weights_stay(parity, tmp_path):
    folder = with_untrained_exits(parity / "bert", tmp_path / "exits", {"fast": [[1, 0.25, 1]]})
    weights = "model.safetensors"
    assert (folder / weights).read_bytes() == (parity / "bert" / weights).read_bytes()
    reranker = CrossEncoderReranker(folder, 64, precision="fp32", effort="fast")
    ranking = reranker.rank("csv", TEXTS, None)
    assert sorted(hit.exit_layer is None for hit in ranking) == [False, False, False, True]
    assert with_untrained_exits(parity / "bert", folder, {}) == folder  # the second contestant


def test_the_exits_lent_are_the_embedded_models():
    assert set(embedded_schedules()) >= {"balanced", "fast"}


def test_scores_are_in_the_texts_order(tiny):
    expected = tiny.predict([("csv", text) for text in TEXTS])
    assert ours.scores_of(tiny, "csv", TEXTS) == expected.tolist()


def test_stored_ids_are_those_of_the_tokenizer_and_taken(parity, tmp_path):
    embedder = Embedder()
    model = find_folder(CROSS_ENCODER).path
    found = stored_texts(work(tmp_path, model), embedder)(TEXTS)
    assert found == TEXTS
    assert all(isinstance(text, TokenizedText) for text in found)
    assert [text.ids.tolist() for text in found] == [
        embedder.tokenizer.encode(text, add_special_tokens=False).ids for text in TEXTS
    ]
    with pytest.raises(SystemExit, match="has another tokenizer than the embedder"):
        stored_texts(work(tmp_path, parity / "bert"), embedder)


def test_every_text_brings_states_a_long_one_cut(tmp_path):
    reranker = CrossEncoderReranker()
    texts = [*TEXTS, "word " * (MOST_TOKENS + 100)]
    found = texts_with_states(work(tmp_path, candidates=texts), reranker)(texts)
    assert all(isinstance(text, Passage) for text in found)
    assert found == [*TEXTS, ("word " * MOST_TOKENS).strip()]
