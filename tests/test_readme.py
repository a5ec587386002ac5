"""The README's Python runs and prints what stands below it."""

import contextlib
import io
import re
from pathlib import Path

import pytest

README = Path(__file__).parent.parent / "README.md"
EXAMPLE = re.compile(r"```python\n(.*?)```\n\n```text\n(.*?)```", re.S)
EXAMPLES = EXAMPLE.findall(README.read_text())


def numbers_apart(text):
    """Return the text without its decimal numbers, and the numbers."""
    pattern = r"-?\d+\.\d+"
    return re.sub(rf" *{pattern}", "#", text), [float(one) for one in re.findall(pattern, text)]


@pytest.mark.parametrize(("code", "output"), EXAMPLES)
def test_an_example_prints_what_it_says(code, output, tmp_path, monkeypatch):
    pytest.importorskip("lancedb")
    monkeypatch.chdir(tmp_path)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, str(README), "exec"), {})
    words, scores = numbers_apart(printed.getvalue())
    expected_words, expected_scores = numbers_apart(output)
    assert words == expected_words
    # int8 beside bfloat16 differs a little from one processor to the next.
    assert scores == pytest.approx(expected_scores, abs=0.2)


def test_there_are_examples_and_every_file_named_is_there():
    assert len(EXAMPLES) == 2
    text = README.read_text()
    for name in re.findall(r"\]\(([\w./-]+)\)", text):
        assert (README.parent / name).exists(), name
    assert not re.search(r"@[A-Z]+@", text)
