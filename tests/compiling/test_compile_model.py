"""A tiny model compiled whole; needs the int8 extra: make test-extras."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from secondpass import CrossEncoderReranker, InputError, UnsupportedModelError
from secondpass.cli.main import main
from secondpass.compiling.compile import compile_model
from secondpass.compiling.limits import Limits
from secondpass.compiling.result import Compiled
from secondpass.doctor.examine import examine
from secondpass.evaluation.collection import Collection
from secondpass.installation import install_line
from secondpass.models.digest import files_sha256
from secondpass.models.files import find_weights
from secondpass.result_file import decode, read_result

QUERY = "read the csv rows"
# Weights drawn wide and at random lose more at int8 than a trained model's.
LOOSE = Limits(tau=0.5, top10_tau=0.0, quality_loss=1.0, speedup=0.0)


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    """Sixty short rows: what calibrates a tiny model."""
    words = [
        "csv",
        "file",
        "row",
        "column",
        "names",
        "path",
        "open",
        "list",
        "sort",
        "key",
        "error",
    ]
    file = tmp_path_factory.mktemp("rows") / "rows.jsonl"
    lines = [
        {
            "query": f"{words[at % 11]} {words[(at * 5 + 3) % 11]} {at}",
            "text": " ".join(words[(at * 3 + step) % 11] for step in range(3 + at % 20)) + f" {at}",
        }
        for at in range(60)
    ]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return file


@pytest.fixture(scope="module")
def collection():
    documents = {f"d{at}": f"csv file number {at} with row {at % 3}" for at in range(20)}
    return Collection("toy", documents, {"q": "csv row"}, {"q": {"d0": 1, "d3": 1}})


@pytest.fixture(scope="module")
def compiled(parity, rows, collection, tmp_path_factory):
    pytest.importorskip("nncf", reason="needs the int8 extra: make test-extras")
    out = tmp_path_factory.mktemp("compiled") / "bert-int8"
    return compile_model(
        parity / "bert",
        out,
        calibrate=rows,
        collection=collection,
        limits=LOOSE,
        max_length=64,
        threads=1,
        command="secondpass compile bert",
    )


def test_the_folder_loads_as_it_is_and_is_int8(compiled, documents, tiny):
    reranker = CrossEncoderReranker(compiled.folder, 64)
    assert reranker.info.precision == "int8"
    pairs = [(QUERY, text) for text in documents]
    difference = np.abs(reranker.predict(pairs) - tiny.predict(pairs))
    assert 0 < difference.max() < 0.2


def test_the_report_lies_in_the_folder(compiled):
    folder = Path(compiled.folder)
    report = read_result(folder / "compile.json", Compiled, "report")
    assert report == compiled
    assert report.admitted is True
    assert report.command == "secondpass compile bert"
    assert report.calibration.rows == 48
    assert report.model.weights_sha256 == files_sha256(find_weights(folder).files)
    assert report.source.precision == "fp32"
    assert report.quality.queries == 1
    assert report.agreement.queries == report.agreement.texts == 12
    assert not list(folder.parent.glob(".compiling-*"))


def test_memory_is_that_of_a_process_that_loads_the_engine(compiled):
    for peak in (compiled.memory.fp32, compiled.memory.int8):
        assert 30e6 < peak < 2e9


def test_the_compiled_folder_is_sound(compiled):
    assert examine(compiled.folder, threads=1).failed == ()


def test_below_the_limit_nothing_is_written_and_the_message_names_the_way_out(
    parity, rows, tmp_path, capsys
):
    pytest.importorskip("nncf", reason="needs the int8 extra: make test-extras")
    out = tmp_path / "bert-int8"
    with pytest.raises(SystemExit) as stop:
        main(
            [
                *("compile", str(parity / "bert"), "--out", str(out), "--calibrate", str(rows)),
                *("--max-length", "64", "--min-speedup", "0", "--min-tau", "1"),
            ]
        )
    printed = capsys.readouterr()
    assert stop.value.code == 1
    assert list(tmp_path.iterdir()) == []
    assert "refused: Kendall tau over all texts is 0." in printed.err
    assert "below 1; calibrate on text like your own with --calibrate FILE" in printed.err
    report = decode(printed.out.encode(), Compiled, "report")
    assert (report.admitted, report.folder, report.quality) == (False, None, None)
    assert [one.what for one in report.refused] == ["Kendall tau over all texts"]


def test_a_folder_that_is_there_is_not_written_over(parity, rows, tmp_path):
    pytest.importorskip("nncf", reason="needs the int8 extra: make test-extras")
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="already there: name a new folder"):
        compile_model(parity / "bert", tmp_path, calibrate=rows)
    assert (tmp_path / "mine.txt").read_text() == "mine"


def test_what_has_no_safetensors_cannot_be_compiled(parity, tmp_path):
    pytest.importorskip("nncf", reason="needs the int8 extra: make test-extras")
    with pytest.raises(UnsupportedModelError, match="onnx graph"):
        compile_model(parity / "bert-onnx", tmp_path / "out")


@pytest.mark.parametrize("said", [2, None], ids=["config.json says it", "the head alone says it"])
def test_several_labels_are_refused_before_the_work(parity, tmp_path, monkeypatch, said):
    pytest.importorskip("nncf", reason="needs the int8 extra: make test-extras")
    from secondpass.compiling import compile as compiling

    monkeypatch.setattr(compiling, "quantize", lambda *given: pytest.fail("it was quantized"))
    folder = shutil.copytree(parity / "bert-two-labels", tmp_path / "model")
    config = json.loads((folder / "config.json").read_text())
    kept = {key: value for key, value in config.items() if "label" not in key}
    (folder / "config.json").write_text(json.dumps({**kept, "num_labels": said}))
    with pytest.raises(UnsupportedModelError, match="has 2 labels and cannot rank"):
        compile_model(folder, tmp_path / "out")
    assert [one.name for one in tmp_path.iterdir()] == ["model"]


def test_without_nncf_the_pip_line_is_said(parity, tmp_path, monkeypatch, capsys):
    from secondpass.compiling import compile as compiling

    monkeypatch.setattr(compiling, "find_spec", lambda name: None if name == "nncf" else name)
    with pytest.raises(SystemExit) as stop:
        main(["compile", str(parity / "bert"), "--out", str(tmp_path / "out")])
    assert stop.value.code == 2
    assert install_line("int8") in capsys.readouterr().err


def test_a_place_that_was_taken_meanwhile_does_not_cost_the_model(compiled, tmp_path):
    from secondpass.compiling.folder import admit, written_beside

    place = tmp_path / "small"
    with written_beside(place) as written:
        (written / "graph").write_text("made")
        place.mkdir()
        (place / "of another").write_text("")
        with pytest.raises(InputError, match=r"cannot be written any more.*the model is in"):
            admit(written, place, compiled)
    (kept,) = tmp_path.glob("small-*")
    assert (kept / "graph").read_text() == "made"
    assert [one.name for one in place.iterdir()] == ["of another"]
