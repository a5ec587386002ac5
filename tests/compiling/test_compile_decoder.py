"""A decoder at int8: its weights alone, with the gate, and the folder that is written."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from causal_texts import LONG, PAIRS

from secondpass import CrossEncoderReranker, UnsupportedModelError
from secondpass.compiling.compile import compile_model
from secondpass.compiling.limits import Limits, criteria
from secondpass.compiling.result import Agreement, Compiled, Speed
from secondpass.doctor.examine import examine
from secondpass.graph.openvino import ov
from secondpass.result_file import read_result

pytest.importorskip("jinja2", reason="needs the chat extra")

DECODERS = ["qwen2-causal", "qwen3-causal", "qwen3-classifier", "qwen3-one-token"]
# Weights drawn wide and at random lose more at int8 than a trained model's.
LOOSE = Limits(tau=0.5, top10_tau=-1.0, quality_loss=1.0, speedup=0.0)


def load(folder, precision="auto", **options):
    return CrossEncoderReranker(folder, 128, precision=precision, threads=1, **options)


@pytest.fixture
def needs_nncf():
    pytest.importorskip("nncf", reason="needs the int8 extra: make test-extras")


@pytest.fixture(scope="module")
def compiled(parity, tmp_path_factory):
    pytest.importorskip("nncf", reason="needs the int8 extra: make test-extras")
    out = tmp_path_factory.mktemp("compiled") / "qwen3-int8"
    return compile_model(
        parity / "qwen3-causal", out, limits=LOOSE, max_length=128, threads=1, command="compile"
    )


def alike(one, other):
    return np.corrcoef(one, other)[0, 1]


@pytest.mark.parametrize("name", DECODERS)
def test_the_weights_alone_are_int8(parity, tmp_path, needs_nncf, name):
    reranker = load(parity / name, "int8", cache_dir=tmp_path)
    assert reranker.info.precision == "int8"
    exact = load(parity / name, "fp32").predict(PAIRS)
    scores = reranker.predict(PAIRS)
    assert np.abs(scores - exact).max() > 0
    assert alike(scores, exact) > 0.98
    (graph,) = tmp_path.glob("graphs/*/model.xml")
    kinds = [node.get_type_name() for node in ov.Core().read_model(graph).get_ops()]
    assert "FakeQuantize" not in kinds
    # As it was kept, and not quantized anew.
    np.testing.assert_allclose(
        load(parity / name, "int8", cache_dir=tmp_path).predict(PAIRS), scores, atol=1e-5
    )


def test_a_prefix_is_shared_at_int8(parity, tmp_path, needs_nncf):
    reranker = load(parity / "qwen3-causal", "int8", cache_dir=tmp_path)
    assert reranker.model.engine.policy.prefixes
    texts = [text for query, text in PAIRS[:20]]
    together = reranker.score("read the csv rows", texts).logits
    alone = np.array([reranker.score("read the csv rows", [text]).logits[0] for text in texts])
    assert alike(together, alone) > 0.98


def test_a_compiled_folder_loads_as_it_is(compiled, parity):
    assert compiled.admitted
    folder = Path(compiled.folder)
    assert not list(folder.glob("*.safetensors"))
    reranker = load(folder)
    assert (reranker.info.precision, reranker.info.engine[:8]) == ("int8", "openvino")
    source = load(parity / "qwen3-causal", "fp32")
    assert reranker.info.instruction == source.info.instruction == compiled.model.instruction
    assert reranker.info.chat_template_sha256 == source.info.chat_template_sha256
    assert alike(reranker.predict(PAIRS), source.predict(PAIRS)) > 0.98
    told = load(folder, instruction="Find a lock.")
    assert np.abs(told.predict(PAIRS) - reranker.predict(PAIRS)).max() > 1e-3
    windows = load(folder, long_documents="max").score("a lock", [LONG, "x"])
    assert np.isfinite(windows.logits).all()
    with pytest.raises(UnsupportedModelError, match="holds an int8 graph only"):
        load(folder, "fp32")


def test_the_report_says_that_no_text_calibrated(compiled):
    report = read_result(Path(compiled.folder) / "compile.json", Compiled, "report")
    assert report == compiled
    assert report.calibration.rows == 0
    assert report.calibration.quantizer.endswith(", weights alone")
    assert report.agreement.tau > 0.5
    weights = Path(compiled.folder) / "openvino_model.bin"
    assert weights.stat().st_size < report.size.fp32 / 2


def test_doctor_examines_a_compiled_decoder(compiled):
    found = examine(compiled.folder)
    assert found.sound, found.failed


def test_a_decoder_that_is_refused_leaves_nothing_behind(parity, tmp_path, needs_nncf):
    out = tmp_path / "out"
    limits = Limits(tau=1.0, top10_tau=-1.0, speedup=0.0)
    found = compile_model(parity / "qwen2-causal", out, limits=limits, max_length=128, threads=1)
    assert not found.admitted
    assert [one.what for one in found.refused] == ["Kendall tau over all texts"]
    assert "--calibrate" not in found.refused[0].way_out
    assert not out.exists()


def test_the_way_out_names_calibration_where_there_is_one():
    agreement = Agreement(1, 1, 0.0, 0.0, 0.0, 0.0, 0.0, 9.0)
    speed = Speed(1, 1, 2.0, 1.0, None, 2.0, 2.0)
    for calibrated in (True, False):
        found = criteria(Limits(), agreement, None, speed, calibrated=calibrated)
        ways = [one.way_out for one in found if not one.met]
        assert len(ways) == 2
        assert all(("--calibrate" in way) == calibrated for way in ways)


def test_another_graph_of_a_language_model_is_refused(compiled, tmp_path):
    """One without a past is not what `compile` writes: its output may be of every word."""
    from openvino import opset13 as op

    folder = shutil.copytree(compiled.folder, tmp_path / "model")
    ids, mask = (op.parameter([-1, -1], np.int32, name=name) for name in ("ids", "mask"))
    for node, name in ((ids, "input_ids"), (mask, "attention_mask")):
        node.output(0).set_names({name})
    sums = op.reduce_sum(op.convert(op.add(ids, mask), np.float32), [1], True)
    sums.output(0).set_names({"logits"})
    ov.save_model(ov.Model([op.result(sums)], [ids, mask], "x"), folder / "openvino_model.xml")
    with pytest.raises(UnsupportedModelError, match="another graph of a language model"):
        load(folder)
