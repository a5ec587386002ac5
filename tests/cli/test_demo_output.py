"""What secondpass demo prints of a question: both first passages, and where the answer was."""

from __future__ import annotations

import pytest

from secondpass.cli import demo
from secondpass.types import Hit, RetrievedDocument, SearchHit, SearchResult, SearchTimings, Timings

QUESTION = "how is wool shorn"


def result(*found: tuple[str, str, int]) -> SearchResult:
    """A result in its order: id, text and the rank before."""
    hits = tuple(
        SearchHit(
            RetrievedDocument(id_, text, {}, 0.5), before, rank, Hit(rank - 1, 0.5, text, False)
        )
        for rank, (id_, text, before) in enumerate(found, start=1)
    )
    return SearchResult(hits, SearchTimings(1.0, Timings(candidates=len(hits)), 2.0))


ANSWER = "Wool is shorn once a year, in spring, with blades or by a machine, before the heat comes."
FOUND = result(("sheep.shear#9-80", ANSWER, 7), ("sheep", "Sheep give wool.", 1))


@pytest.fixture(autouse=True)
def answered(monkeypatch):
    monkeypatch.setattr(demo, "QUESTIONS", {QUESTION: "sheep.shear"})


def test_the_line_that_answers_is_there_whole_beside_what_was_first(capsys):
    demo._print_question(QUESTION, FOUND, 2)
    said = capsys.readouterr().out
    assert "First before: sheep\n    Sheep give wool." in said
    assert f"First reranked: sheep.shear#9-80\n    {ANSWER}" in said
    assert "Answer: sheep.shear, from rank 7 to 1." in said


def test_the_same_first_passage_is_there_once(capsys):
    demo._print_question(QUESTION, result(("sheep", "Sheep give wool.", 1)), 2)
    said = capsys.readouterr().out
    assert said.count("    Sheep give wool.") == 1
    assert "First before" not in said
    assert "Answer: sheep.shear, not among the documents that were retrieved." in said


@pytest.mark.parametrize("width", ["40", "60", "80"])
def test_it_fits_a_narrow_terminal(capsys, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", width)
    demo._print_question(QUESTION, FOUND, 2)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= int(width)
    assert ANSWER in " ".join(" ".join(lines).split())


def test_the_conclusion_says_that_the_questions_were_chosen():
    said = demo.conclusion([(QUESTION, FOUND)])
    assert said == f"Of 1 answers reranking moved 1 up and 0 down; 0 did not move. {demo.CHOSEN}"
    other = demo.conclusion([("of my own", FOUND)])
    assert other == "Reranking changed the first document of 1 of 1 question."
