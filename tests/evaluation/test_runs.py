import gzip

import pytest
import pytrec_eval
from small_collection import write_trec

from secondpass import InputError
from secondpass.evaluation.runs import Ranked, in_trec_order, read_run, write_run


def test_ties_go_to_the_id_that_is_last_in_the_alphabet():
    rows = [Ranked("b", 1.0), Ranked("10", 1.0), Ranked("9", 1.0), Ranked("a", 2.0)]
    assert [one.document_id for one in in_trec_order(rows)] == ["a", "b", "9", "10"]


# 1e8 and 1e8 + 1 are one 32-bit float; so are these two near 1.
@pytest.mark.parametrize("scores", [(1e8, 1e8 + 1), (1.0, 1.00000001), (0.5, 0.25), (0.25, 0.5)])
@pytest.mark.parametrize("relevant", ["x", "y"])
def test_the_order_is_trec_evals_also_where_scores_are_equal_in_32_bits(scores, relevant):
    run = {"x": scores[0], "y": scores[1]}
    judge = pytrec_eval.RelevanceEvaluator({"q": {relevant: 1}}, {"recip_rank"})
    expected = judge.evaluate({"q": run})["q"]["recip_rank"]
    order = [one.document_id for one in in_trec_order(Ranked(*one) for one in run.items())]
    assert 1 / (order.index(relevant) + 1) == pytest.approx(expected)


@pytest.mark.parametrize("name", ["run.trec", "run.trec.gz"])
def test_a_written_run_is_read_back(tmp_path, name):
    run = {"q1": (Ranked("a", 0.1 + 0.2), Ranked("é", -3.0)), "q2": (Ranked("b", 1e-9),)}
    write_run(tmp_path / name, run, "me")
    assert read_run(tmp_path / name) == run
    data = (tmp_path / name).read_bytes()
    text = (gzip.decompress(data) if name.endswith("gz") else data).decode()
    assert text.splitlines()[0] == "q1 Q0 a 1 0.30000000000000004 me"


def test_the_rank_column_is_not_looked_at(tmp_path):
    file = tmp_path / "run"
    file.write_text("q Q0 a 1 0.5 t\nq Q0 b 2 0.9 t\n\n")
    assert [one.document_id for one in read_run(file)["q"]] == ["b", "a"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("q Q0 a 1 0.5", "line 1 has 5 fields, expected 6"),
        ("\nq Q0 a 1 high t", "line 2: score 'high' is not a number"),
        ("q Q0 a 1 nan t", "score nan is not a finite"),
        ("q Q0 a 1 1e39 t", "score 1e39 is not a finite"),
        ("q Q0 a 1 2 t\nq Q0 a 2 1 t", "line 2: document 'a' is there twice for query 'q'"),
    ],
)
def test_a_line_that_is_none_of_a_run_is_named(tmp_path, text, message):
    (tmp_path / "run").write_text(text)
    with pytest.raises(InputError, match=message):
        read_run(tmp_path / "run")


def test_files_that_cannot_be_read_or_written(tmp_path):
    with pytest.raises(InputError, match="cannot be read: No such file"):
        read_run(tmp_path / "none")
    (tmp_path / "run.gz").write_bytes(b"no gzip")
    with pytest.raises(InputError, match="is not gzip data"):
        read_run(tmp_path / "run.gz")
    with pytest.raises(InputError, match="cannot be written"):
        write_run(tmp_path, {}, "me")
    with pytest.raises(InputError, match="'a b' is not one word"):
        write_run(tmp_path / "run", {"q": (Ranked("a b", 1.0),)}, "me")


def test_a_cut_gzip_is_an_error(tmp_path):
    write_run(tmp_path / "whole.gz", {"q": (Ranked("a", 1.0),)}, "me")
    (tmp_path / "cut.gz").write_bytes((tmp_path / "whole.gz").read_bytes()[:-12])
    with pytest.raises(InputError, match=r"cut\.gz cannot be read"):
        read_run(tmp_path / "cut.gz")


def test_windows_line_ends(tmp_path):
    (tmp_path / "run").write_bytes(b"q Q0 a 1 2.5 t\r\nq Q0 b 2 1.5 t\r\n")
    assert read_run(tmp_path / "run") == {"q": (Ranked("a", 2.5), Ranked("b", 1.5))}
    assert write_trec(tmp_path / "again", [("q", "a", 2.5)]).read_text() == "q Q0 a 0 2.5 tag\n"
