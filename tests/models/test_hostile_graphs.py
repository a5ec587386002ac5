"""A graph file with odd inputs or outputs is refused at load, and opens nothing elsewhere."""

import os
import shutil

import hostile
import numpy as np
import openvino as ov
import pytest
from openvino import opset13 as op

from secondpass import CrossEncoderReranker
from secondpass.errors import ModelError
from secondpass.retrieval.embedder import Embedder

pytestmark = pytest.mark.timeout(60)


def graph(
    outputs,
    inputs=("input_ids", "attention_mask"),
    shape=(-1, -1),
    dtype=np.int32,
):
    """Return a graph of one float for each token, whose outputs are functions of it."""
    nodes = []
    for name in inputs:
        node = op.parameter(list(shape), dtype, name=name)
        node.output(0).set_names({name})
        nodes.append(node)
    total = nodes[0]
    for node in nodes[1:]:
        total = op.add(total, node)
    numbers = op.multiply(op.convert(total, np.float32), op.constant(np.ones((1, 1), np.float32)))
    results = []
    for name, make in outputs.items():
        result = make(numbers)
        result.output(0).set_names({name})
        results.append(op.result(result))
    return ov.Model(results, nodes, "odd")


def mean(x):
    return op.reduce_mean(x, op.constant(np.array([1])), True)


def two(x):
    return op.concat([mean(x), mean(x)], 1)


ODD = {
    "a number a token": {"outputs": {"logits": lambda x: op.negative(x)}},
    "no rank": {"outputs": {"logits": lambda x: op.reduce_mean(x, op.constant([0, 1]), False)}},
    "one axis": {"outputs": {"logits": lambda x: op.reduce_mean(x, op.constant([1]), False)}},
    "three axes": {"outputs": {"logits": lambda x: op.unsqueeze(mean(x), op.constant([2]))}},
    "two labels": {"outputs": {"logits": two}},
    "one row": {"outputs": {"logits": lambda x: op.reduce_mean(x, op.constant([0, 1]), True)}},
    "two outputs": {"outputs": {"first": mean, "second": two}},
    "no mask": {"outputs": {"logits": mean}, "inputs": ("input_ids",)},
    "no ids": {"outputs": {"logits": mean}, "inputs": ("attention_mask",)},
    "other input": {"outputs": {"logits": mean}, "inputs": ("input_ids", "attention_mask", "x")},
    "fixed shape": {"outputs": {"logits": mean}, "shape": (1, 128)},
    "four axes in": {"outputs": {"logits": mean}, "shape": (-1, -1, 4, 4)},
    "pictures": {"outputs": {"logits": mean}, "shape": (1, 3, 224, 224), "dtype": np.float32},
}
BROKEN = {
    "no bin": lambda folder: (folder / "openvino_model.bin").unlink(),
    "empty bin": hostile.content("openvino_model.bin", b""),
    "half bin": lambda folder: os.truncate(folder / "openvino_model.bin", 1),
    "pointer bin": hostile.content("openvino_model.bin", hostile.POINTER),
    "pipe bin": hostile.replaced("openvino_model.bin", os.mkfifo),
    "device bin": hostile.replaced("openvino_model.bin", hostile.link("/dev/zero")),
    "pointer xml": hostile.content("openvino_model.xml", hostile.POINTER),
    "page xml": hostile.content("openvino_model.xml", hostile.PAGE),
    "no graph": hostile.content("openvino_model.xml", b"<?xml version='1.0'?><net></net>"),
    "half xml": lambda folder: os.truncate(folder / "openvino_model.xml", 400),
    "pipe xml": hostile.replaced("openvino_model.xml", os.mkfifo),
    "a pipe beside": hostile.replaced("weights.data", os.mkfifo),
    "a way out": hostile.replaced("data", hostile.link("/dev")),
}


@pytest.fixture
def graph_folder(parity, tmp_path):
    """Write a graph in a folder with the config and tokenizer of the tiny model."""

    def write(model):
        folder = tmp_path / "graph"
        folder.mkdir()
        ov.save_model(model, folder / "openvino_model.xml", compress_to_fp16=False)
        for name in ("config.json", "tokenizer.json"):
            shutil.copyfile(parity / "bert" / name, folder / name)
        return folder

    return write


def load(folder):
    return CrossEncoderReranker(folder, 32, precision="auto")


def test_the_graph_that_is_changed_below_works(graph_folder):
    folder = graph_folder(graph({"logits": mean}))
    assert np.isfinite(load(folder).predict([("read", "a file")])).all()


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_an_odd_graph_is_refused_at_load(graph_folder, odd):
    folder = graph_folder(graph(**odd))
    with pytest.raises(ModelError) as raised:
        load(folder)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_an_odd_graph_embeds_nothing(graph_folder, odd):
    folder = graph_folder(graph(**odd))
    hostile.edited(folder / "config.json", lambda there: there.pop("architectures") and None)
    with pytest.raises(ModelError):
        Embedder(folder)


@pytest.mark.parametrize("change", BROKEN.values(), ids=BROKEN)
def test_broken_graph_files_are_refused(graph_folder, change):
    folder = graph_folder(graph({"logits": mean}))
    change(folder)
    with pytest.raises(ModelError):
        load(folder)


ONNX = {
    "pointer": hostile.content("model.onnx", hostile.POINTER),
    "page": hostile.content("model.onnx", hostile.PAGE),
    "empty": hostile.content("model.onnx", b""),
    "zeros": hostile.content("model.onnx", b"\0" * 100),
    "half": lambda folder: os.truncate(folder / "model.onnx", 3000),
    "pipe": hostile.replaced("model.onnx", os.mkfifo),
    "device": hostile.replaced("model.onnx", hostile.link("/dev/zero")),
    "a pipe beside": hostile.replaced("model.onnx_data", os.mkfifo),
}


@pytest.mark.parametrize("change", ONNX.values(), ids=ONNX)
def test_broken_onnx_files_are_refused(model_copy, change):
    folder = model_copy("bert-onnx")
    change(folder)
    with pytest.raises(ModelError) as raised:
        load(folder)
    assert "\n" not in str(raised.value)


def _bytes(number, data):
    """Return a length-delimited field of a protocol buffer."""
    length, written = len(data), b""
    while length > 127:
        written, length = written + bytes([length & 127 | 128]), length >> 7
    return bytes([number << 3 | 2]) + written + bytes([length]) + data


def onnx_with_external_data(location):
    """Return an ONNX file of one 2x1 weight that lies in another file."""
    entry = _bytes(1, b"location") + _bytes(2, location.encode())
    tensor = b"\x08\x02\x08\x01\x10\x01" + _bytes(8, b"w") + _bytes(13, entry) + b"\x70\x01"

    def value(name, kind):
        axis = _bytes(1, _bytes(2, b"n"))
        shape = _bytes(2, axis + axis)
        return _bytes(1, name) + _bytes(2, _bytes(1, bytes([8, kind]) + shape))

    def node(kind, inputs, output, attributes=b""):
        named = b"".join(_bytes(1, name) for name in inputs)
        return _bytes(1, named + _bytes(2, output) + _bytes(4, kind) + attributes)

    to_float = _bytes(5, _bytes(1, b"to") + b"\x18\x01\xa0\x01\x02")
    body = (
        node(b"Add", [b"input_ids", b"attention_mask"], b"sum")
        + node(b"Cast", [b"sum"], b"float", to_float)
        + node(b"MatMul", [b"float", b"w"], b"logits")
    )
    graph_of = (
        body
        + _bytes(2, b"odd")
        + _bytes(5, tensor)
        + _bytes(11, value(b"input_ids", 7))
        + _bytes(11, value(b"attention_mask", 7))
        + _bytes(12, value(b"logits", 1))
    )
    return b"\x08\x08" + _bytes(7, graph_of) + _bytes(8, b"\x10\x11")


def test_onnx_data_inside_the_folder_is_read(model_copy):
    folder = model_copy("bert-onnx")
    (folder / "model.onnx").write_bytes(onnx_with_external_data("inside.data"))
    (folder / "inside.data").write_bytes(np.ones(2, np.float32).tobytes())
    load(folder)


@pytest.mark.parametrize(
    "location",
    ["../outside.data", "{outside}", "/dev/zero", "nowhere.data", "data/../../outside.data", "."],
)
def test_onnx_data_outside_the_folder_is_not_read(model_copy, tmp_path, location):
    outside = tmp_path / "outside.data"
    outside.write_bytes(np.ones(2, np.float32).tobytes())
    folder = model_copy("bert-onnx")
    named = location.format(outside=outside)
    (folder / "model.onnx").write_bytes(onnx_with_external_data(named))
    with pytest.raises(ModelError, match=r"model\.onnx|outside"):
        load(folder)
