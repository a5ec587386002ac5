"""What mypy says of a user's script, strictly."""

import pytest

api = pytest.importorskip("mypy.api")

SCRIPT = """
import numpy as np
from numpy.typing import NDArray

from secondpass import CrossEncoder

model = CrossEncoder("embedded/cross-encoder", max_length=128, precision="auto")
pairs = [("a query", "a text"), ("a query", "another")]
scores: NDArray[np.float32] = model.predict(pairs, batch_size=64)
lists: NDArray[np.float32] = model.predict([["a query", "a text"]])
one = model.predict(("a query", "a text"))
tensor = model.predict(pairs, convert_to_tensor=True)
best: int = model.rank("a query", ["a text"], top_k=1)[0]["corpus_id"]
length: int = model.max_seq_length
labels: int = model.num_labels
with_prompt = model.predict(pairs, prompt="Find: ", processing_kwargs={"text": {"max_length": 8}})
"""
WRONG = {
    "model.predict(pairs, batch_size='many')": "batch_size",
    "model.predict(pairs, batchsize=3)": "batchsize",
    "CrossEncoder('a', max_lenght=3)": "max_lenght",
    "model.rank('a', ['b'], top_k='all')": "top_k",
    "model.fit()": "fit",
}


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    folder = tmp_path_factory.mktemp("script")
    script = folder / "script.py"
    script.write_text(SCRIPT + "\n".join(WRONG) + "\n")
    out, _, _ = api.run(["--strict", "--cache-dir", str(folder / "cache"), str(script)])
    return [line for line in out.splitlines() if str(script) in line]


def test_right_calls_pass_and_wrong_ones_are_errors(said):
    first = SCRIPT.count("\n") + 1
    lines = {int(line.split(":")[1]) for line in said}
    assert lines == set(range(first, first + len(WRONG)))
    for number, name in enumerate(WRONG.values(), start=first):
        assert any(f":{number}:" in line and name in line for line in said), name
