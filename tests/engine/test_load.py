"""Which engine runs a folder, and what is said of a folder that none can run."""

import shutil
import sys

import numpy as np
import openvino as ov
import pytest

from secondpass import (
    CrossEncoderReranker,
    MissingExtraError,
    ModelFileError,
    ModelNotFoundError,
    UnsupportedModelError,
)
from secondpass.graph.build import build_graph
from secondpass.models.folder import find_folder
from secondpass.models.spec import read_cross_encoder_spec

PAIRS = [("read a file", "csv"), ("read a file", "the date and the time " * 9)]


def load(folder, **options):
    return CrossEncoderReranker(folder, 64, **options)


@pytest.fixture
def ir_folder(parity, tmp_path):
    """A folder that holds an OpenVINO IR and no safetensors."""
    folder = tmp_path / "ir"
    folder.mkdir()
    spec = read_cross_encoder_spec(find_folder(parity / "bert"))
    ov.save_model(build_graph(spec), folder / "openvino_model.xml", compress_to_fp16=False)
    for name in ("config.json", "tokenizer.json"):
        shutil.copyfile(parity / "bert" / name, folder / name)
    return folder


def test_an_ir_folder_is_read_as_it_is(ir_folder, tiny):
    reranker = load(ir_folder, precision="fp32")
    np.testing.assert_allclose(reranker.predict(PAIRS), tiny.predict(PAIRS), atol=1e-5)


def test_an_fp32_graph_file_gives_no_int8(ir_folder):
    with pytest.raises(UnsupportedModelError, match=r"holds an fp32 graph only.*'int8'"):
        load(ir_folder, precision="int8")


@pytest.mark.parametrize("name", ["openvino_model.xml", "openvino_model.bin"])
def test_a_broken_ir_is_named(ir_folder, name):
    (ir_folder / name).write_bytes(b"not a model")
    with pytest.raises(ModelFileError, match="openvino_model"):
        load(ir_folder)


def test_a_graph_with_other_inputs_is_refused(ir_folder):
    from openvino import opset13 as op

    node = op.parameter([-1, -1], np.int32, name="pixels")
    node.output(0).set_names({"pixels"})
    model = ov.Model([op.result(node)], [node], "other")
    ov.save_model(model, ir_folder / "openvino_model.xml")
    (ir_folder / "openvino_model.bin").write_bytes(b"no weights")
    with pytest.raises(UnsupportedModelError, match=r"\['pixels'\]"):
        load(ir_folder)


def test_a_corrupt_safetensors_is_named(model_copy):
    folder = model_copy()
    (folder / "model.safetensors").write_bytes(b"\x08" * 100)
    with pytest.raises(ModelFileError, match=r"model\.safetensors"):
        load(folder)


def test_a_truncated_safetensors_is_named(model_copy):
    folder = model_copy()
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-1000])
    with pytest.raises(ModelFileError, match=r"model\.safetensors"):
        load(folder)


def test_a_missing_weight_is_named(model_copy):
    folder = model_copy(num_hidden_layers=9)
    with pytest.raises(ModelFileError, match=r"no tensor 'bert\.encoder\.layer\.\d"):
        load(folder)


def test_weights_that_are_not_numbers_are_an_error_and_not_a_ranking(model_copy):
    from safetensors.numpy import load_file, save_file

    from secondpass import ScoreError

    folder = model_copy()
    tensors = load_file(folder / "model.safetensors")
    tensors["classifier.bias"][:] = np.nan
    save_file(tensors, folder / "model.safetensors")
    with pytest.raises(ScoreError, match="nan for text 0"):
        load(folder).rank("read", ["a", "b"])


def test_a_cross_encoder_without_its_pooler_is_refused_and_not_scored_at_random(parity):
    with pytest.raises(ModelFileError, match=r"no tensor 'bert\.pooler\.dense\.weight'"):
        load(parity / "bert-no-pooler")


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.safetensors"])
def test_a_missing_file_is_named(model_copy, name):
    with pytest.raises(ModelFileError, match=name.replace(".", r"\.")):
        load(model_copy(without=(name,)))


def test_broken_json_is_named(model_copy):
    folder = model_copy()
    (folder / "config.json").write_text("{")
    with pytest.raises(ModelFileError, match=r"config\.json is not readable JSON"):
        load(folder)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"num_labels": "x"}, r"config\.json has num_labels 'x'"),
        (
            {"num_attention_heads": 0},
            r"config\.json has num_attention_heads 0, expected an integer of at least 1",
        ),
        ({"num_hidden_layers": None}, r"config\.json has no .num_hidden_layers."),
        ({"hidden_size": 48}, r"config\.json does not fit the weights"),
        ({"max_position_embeddings": 4096}, r"position_embeddings.*expected \[4096, 32\]"),
        ({"sentence_transformers": {"activation_fn": 5}}, r"activation 5, expected a dotted name"),
    ],
)
def test_a_config_that_does_not_fit_is_named(model_copy, config, message):
    with pytest.raises((ModelFileError, UnsupportedModelError), match=message):
        load(model_copy(**config)).predict(PAIRS)


def test_a_key_that_the_config_lacks_is_named(model_copy):
    import json

    folder = model_copy()
    config = json.loads((folder / "config.json").read_text())
    del config["num_hidden_layers"]
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelFileError, match=r"config\.json has no 'num_hidden_layers'"):
        load(folder)


def test_an_odd_shard_index_or_a_folder_for_weights_is_named(model_copy):
    folder = model_copy(without=("model.safetensors",))
    (folder / "model.safetensors").mkdir()
    with pytest.raises(ModelFileError, match="holds no weights"):
        load(folder)
    (folder / "model.safetensors.index.json").write_text("{}")
    with pytest.raises(ModelFileError, match=r"index\.json has no weight_map"):
        load(folder)


def test_pickled_weights_are_never_read(model_copy):
    folder = model_copy(without=("model.safetensors",))
    (folder / "pytorch_model.bin").write_bytes(b"pickle")
    with pytest.raises(ModelFileError, match=r"pytorch_model\.bin.*never read"):
        load(folder)


def test_two_labels_cannot_rank(parity):
    with pytest.raises(UnsupportedModelError, match=r"2 labels and cannot rank.*ms-marco"):
        load(parity / "bert-two-labels").rank("read", ["a file"])


def test_two_labels_are_seen_in_the_weights_too(parity, tmp_path):
    import json

    folder = tmp_path / "model"
    shutil.copytree(parity / "bert-two-labels", folder)
    config = json.loads((folder / "config.json").read_text())
    config.pop("id2label", None)
    config.pop("num_labels", None)
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(UnsupportedModelError, match="2 labels and cannot rank"):
        load(folder).rank("read", ["a file"])


def test_another_architecture_names_the_torch_extra(model_copy, monkeypatch):
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(MissingExtraError, match=r"'rembert'.*needs the extra 'torch'"):
        load(model_copy(model_type="rembert"))


def test_int8_names_its_extra(parity, monkeypatch):
    monkeypatch.setitem(sys.modules, "nncf", None)
    with pytest.raises(MissingExtraError, match=r"needs the extra 'int8'"):
        load(parity / "bert", precision="int8")


def test_relative_position_embeddings_are_refused(model_copy):
    with pytest.raises(UnsupportedModelError, match="'relative_key'"):
        load(model_copy(position_embedding_type="relative_key"))


def test_an_unknown_activation_of_the_head_asks_for_one(model_copy):
    folder = model_copy(
        sentence_transformers={"activation_fn": "torch.nn.modules.activation.Hardsigmoid"}
    )
    with pytest.raises(UnsupportedModelError, match=r"Hardsigmoid.*pass activation, one of"):
        load(folder)
    assert load(folder, activation="sigmoid").info.activation == "sigmoid"


def test_an_activation_outside_torch_is_never_imported(model_copy):
    folder = model_copy(sentence_transformers={"activation_fn": "os.system"})
    with pytest.warns(UserWarning, match=r"'os\.system' is not one of torch's"):
        assert load(folder).info.activation == "sigmoid"


def test_an_embedding_model_cannot_rank(parity):
    with pytest.raises(UnsupportedModelError, match=r"is an embedding model .*Pooling.*Embedder"):
        load(parity / "bert-embedder")


@pytest.mark.parametrize("name", ["./nowhere", "/no/such/folder", "a/b/c"])
def test_a_folder_that_is_not_there_is_named(name):
    with pytest.raises(ModelNotFoundError, match="no model folder"):
        load(name)


def test_a_file_is_not_a_folder(parity):
    with pytest.raises(ModelNotFoundError, match="is a file; give the folder"):
        load(parity / "bert" / "config.json")
