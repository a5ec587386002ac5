"""int8 graphs where sums of products are cut at 16 bits: seen, avoided, or computed in float."""

import os
import platform
import subprocess
import sys

import numpy as np
import pytest

from secondpass import CrossEncoderReranker
from secondpass.engine import load as load_module
from secondpass.engine.openvino import read_model
from secondpass.engine.select import reason
from secondpass.graph.int8_form import extreme_product, extreme_states, in_float, may_saturate
from secondpass.graph.openvino import op, ov
from secondpass.graph.write import GRAPH_FILE
from secondpass.models.embedded import CROSS_ENCODER, embedded_folder

QUERY = "read a csv file"
TEXTS = ["csv rows are read", "the lock is free", "a file of rows", "yellow bananas", ""]


def kinds(model):
    return {node.get_type_name() for node in model.get_ops()}


def compute(model, states):
    properties = {"INFERENCE_PRECISION_HINT": "f32"}
    return next(iter(ov.Core().compile_model(model, "CPU", properties)(states).values()))


def int8_product(weights, low=0.0, high=255.0, out_high=255.0):
    """One product of int8, its states rounded from `low` to `high`."""
    state = op.parameter([-1, weights.shape[1]], np.float32)
    bounds = [op.constant(np.float32(bound)) for bound in (low, high, low, out_high)]
    rounded = op.fake_quantize(state, *bounds, 256)
    scaled = op.multiply(
        op.convert(op.constant(weights), np.float32),
        op.constant(np.full((len(weights), 1), 0.5, np.float32)),
    )
    product = op.matmul(rounded, scaled, transpose_a=False, transpose_b=True)
    return ov.Model([op.result(product)], [state])


def test_a_graph_in_float_has_the_same_weights_and_rounds_no_states():
    weights = np.random.default_rng(0).integers(-127, 128, (8, 16)).astype(np.int8)
    graph = int8_product(weights)
    plain = in_float(graph)
    assert "FakeQuantize" in kinds(graph)
    assert not {"FakeQuantize", "Convert"} & kinds(plain)
    states = np.random.default_rng(1).uniform(0, 300, (3, 16)).astype(np.float32)
    np.testing.assert_allclose(compute(plain, states), states @ weights.T * 0.5, rtol=1e-4)


def test_a_rounding_that_scales_is_kept():
    graph = int8_product(np.ones((4, 4), np.int8), out_high=510.0)
    assert "FakeQuantize" in kinds(in_float(graph))


@pytest.mark.parametrize(("largest", "may"), [(127, True), (65, True), (64, False), (1, False)])
def test_weights_of_seven_bits_cannot_saturate(largest, may):
    for sign in (1, -1):
        weights = np.full((4, 4), sign * largest, np.int8)
        assert may_saturate(int8_product(weights)) is may
    if not may:
        assert 2 * 255 * largest < 2**15


def test_weights_in_another_form_may_saturate():
    state = op.parameter([-1, 4], np.float32)
    bounds = [op.constant(np.float32(bound)) for bound in (0, 255, 0, 255)]
    weights = op.constant(np.ones((4, 4), np.float32))
    for states, may in ((op.fake_quantize(state, *bounds, 256), True), (state, False)):
        product = op.matmul(states, weights, False, False)
        assert may_saturate(ov.Model([op.result(product)], [state])) is may


def test_the_extreme_product_is_of_int8_and_at_its_limits():
    model, exact = extreme_product()
    assert may_saturate(model)
    found = compute(in_float(model), extreme_states())
    np.testing.assert_allclose(found, exact, rtol=1e-6)


@pytest.fixture
def cut(monkeypatch):
    """A processor that cuts."""
    monkeypatch.setattr(load_module, "int8_saturates", lambda: True)


def test_auto_computes_an_int8_graph_in_float_where_it_would_be_cut(cut, tmp_path):
    there = CrossEncoderReranker()
    asked = CrossEncoderReranker(precision="int8")
    assert "cuts at 16 bits" in there.info.reason
    assert there.info.arithmetic in there.info.reason
    assert there.info.precision == asked.info.precision == "int8"
    assert "was asked for" in asked.info.reason
    plain = in_float(read_model(embedded_folder(CROSS_ENCODER) / GRAPH_FILE))
    ov.save_model(plain, tmp_path / GRAPH_FILE, compress_to_fp16=False)
    for name in ("config.json", "tokenizer.json", "exits.safetensors"):
        (tmp_path / name).write_bytes((embedded_folder(CROSS_ENCODER) / name).read_bytes())
    same = CrossEncoderReranker(tmp_path)
    np.testing.assert_allclose(
        there.score(QUERY, TEXTS).logits, same.score(QUERY, TEXTS).logits, atol=1e-5
    )
    # Exits cut the graph that is computed.
    some = [f"{text} {number}" for number in range(8) for text in TEXTS]
    assert there.rank(QUERY, some, None, effort="fast").timings.exited > 0


def test_auto_keeps_int8_where_it_is_not_cut(monkeypatch):
    monkeypatch.setattr(load_module, "int8_saturates", lambda: False)
    info = CrossEncoderReranker().info
    assert info.precision == "int8"
    assert "fit this processor" in info.reason


def test_fp32_and_auto_say_why(parity):
    assert CrossEncoderReranker(parity / "bert", precision="fp32").info.reason == (
        "fp32 was asked for"
    )
    info = CrossEncoderReranker(parity / "bert").info
    assert info.reason.startswith("there is no int8 graph")
    plain = {"states": False, "cut": False}
    assert reason("auto", "fp32", "f32", **plain).endswith("multiplies no bfloat16")
    assert reason("auto", "fp32", "bf16", **plain).endswith("multiplies bf16")
    assert reason("auto", "int8", "bf16", **plain).endswith("weights, which are computed in bf16")


def test_a_model_quantized_where_it_would_be_cut_has_weights_of_seven_bits(parity, cut, tmp_path):
    pytest.importorskip("nncf", reason="needs the int8 extra: make test-extras")
    first = CrossEncoderReranker(parity / "bert", 64, precision="int8", cache_dir=tmp_path)
    assert "fit this processor" in first.info.reason
    (graph,) = tmp_path.rglob("*.xml")
    assert not may_saturate(read_model(graph))
    exact = CrossEncoderReranker(parity / "bert", 64, precision="fp32", cache_dir=tmp_path)
    logits = [one.score(QUERY, TEXTS).logits for one in (first, exact)]
    assert np.corrcoef(*logits)[0, 1] > 0.8


@pytest.mark.skipif(platform.machine().lower() not in ("x86_64", "amd64"), reason="oneDNN on x86")
def test_a_processor_without_dot_products_is_seen():
    """oneDNN can be told to leave them unused; whether they are there is not asked."""
    code = "from secondpass.engine.openvino import int8_saturates; print(int8_saturates())"
    found = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "ONEDNN_MAX_CPU_ISA": "AVX2"},
        capture_output=True,
        text=True,
        check=True,
        timeout=200,
    )
    assert found.stdout.strip() == "True"
