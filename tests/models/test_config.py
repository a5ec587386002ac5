"""config.json is read by kind: what is of another kind is an error that names key and value."""

import json
import math

import pytest

from secondpass.architectures.activations import TORCH_ACTIVATIONS
from secondpass.errors import ModelFileError, UnsupportedModelError
from secondpass.models.config import Config, read_config, typed
from secondpass.models.files import MOST_JSON_BYTES, read_any_json, read_json
from secondpass.models.folder import find_folder
from secondpass.models.modules import read_modules
from secondpass.models.spec import read_cross_encoder_spec
from secondpass.models.transformer_settings import read_transformer_settings

WRONG = [
    ("hidden_size", "384"),
    ("hidden_size", [384]),
    ("hidden_size", True),
    ("hidden_size", math.inf),
    ("hidden_size", math.nan),
    ("hidden_size", 10**30),
    ("hidden_size", 10**9),
    ("hidden_size", -384),
    ("hidden_size", 0),
    ("num_hidden_layers", 10**9),
    ("num_hidden_layers", 1.5),
    ("n_layers", "six"),
    ("num_attention_heads", {}),
    ("max_position_embeddings", "512"),
    ("pad_token_id", -1),
    ("pad_token_id", [0]),
    ("type_vocab_size", "2"),
    ("layer_norm_eps", math.nan),
    ("layer_norm_eps", "1e-12"),
    ("layer_norm_eps", 10**400),
    ("layer_types", "full_attention"),
    ("layer_types", [1]),
    ("rope_parameters", []),
    ("rope_parameters", {"full_attention": {"rope_theta": -1}}),
    ("rope_scaling", "linear"),
    ("sentence_transformers", []),
    ("id2label", ["LABEL_0"]),
    ("architectures", "BertModel"),
    ("hidden_act", {"name": "gelu"}),
    ("join_layer", -1),
    ("is_decoder", "no"),
]


@pytest.mark.parametrize(("key", "value"), WRONG, ids=lambda value: str(value)[:20])
def test_a_value_of_another_kind_is_named(tmp_path, key, value):
    file = tmp_path / "config.json"
    file.write_text(json.dumps({"model_type": "bert", key: value}))
    with pytest.raises(ModelFileError, match=rf"config\.json has {key}.* expected") as raised:
        read_config(file)
    assert len(str(raised.value)) < len(str(file)) + 250


def test_the_innermost_key_is_named(tmp_path):
    file = tmp_path / "config.json"
    file.write_text('{"rope_parameters": {"full_attention": {"rope_theta": 0}}}')
    with pytest.raises(ModelFileError, match=r"rope_parameters\.full_attention\.rope_theta 0, exp"):
        read_config(file)


@pytest.mark.parametrize("key", Config.__struct_fields__)
def test_null_is_as_absent(tmp_path, key):
    assert getattr(typed({key: None}, Config, tmp_path), key) is None


def test_other_keys_are_left_as_they_are(tmp_path):
    file = tmp_path / "config.json"
    file.write_text('{"hidden_size": 16, "dropout": "0.1"}')
    assert read_config(file) == {"hidden_size": 16, "dropout": "0.1"}


def test_a_length_that_is_none_is_named(tmp_path):
    (tmp_path / "sentence_bert_config.json").write_text('{"max_seq_length": "512"}')
    with pytest.raises(ModelFileError, match="max_seq_length '512', expected an integer"):
        read_transformer_settings(tmp_path)


def test_a_needed_key_of_a_module_is_named(tmp_path):
    (tmp_path / "config.json").write_text('{"out_features": 1}')
    (tmp_path / "modules.json").write_text('[{"type": "a.Dense", "path": ""}]')
    with pytest.raises(ModelFileError, match=r"config\.json has no `in_features`"):
        read_modules(tmp_path)


def test_a_byte_order_mark_is_skipped(tmp_path):
    file = tmp_path / "config.json"
    file.write_bytes(b'\xef\xbb\xbf{"hidden_size": 16}')
    assert read_config(file) == {"hidden_size": 16}


BROKEN = {
    "empty": (b"", "is empty"),
    "html": (b"<!DOCTYPE html><html>", "is a web page"),
    "html after a line": (b"\n<html><body>", "is a web page"),
    "pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"),
    "utf-16": ('{"a": 1}'.encode("utf-16"), "UTF-16"),
    "utf-16 without a mark": ('{"a": 1}'.encode("utf-16-le"), "UTF-16"),
    "utf-32": ('{"a": 1}'.encode("utf-32-be"), "UTF-32"),
    "latin-1": ('{"ä": 1}'.encode("latin-1"), "is not readable JSON"),
    "deep list": (b"[" * 100_000 + b"]" * 100_000, "nested too deep"),
    "deep object": (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "nested too deep"),
    "many digits": (b'{"a": ' + b"1" * 100_000 + b"}", "is not readable JSON"),
    "half": (b'{"hidden_size": 1', "is not readable JSON"),
    "list": (b"[1, 2]", "expected a JSON object"),
    "null": (b"null", "expected a JSON object"),
    "twice": (b'{"a": 1, "a": 2}', "'a' is there twice"),
    "twice within": (b'{"b": {"a": 1, "a": 2}}', "'a' is there twice"),
}


@pytest.mark.parametrize(("content", "said"), BROKEN.values(), ids=BROKEN)
def test_a_file_that_is_no_json_is_named(tmp_path, content, said):
    file = tmp_path / "config.json"
    file.write_bytes(content)
    with pytest.raises(ModelFileError, match=said) as raised:
        read_json(file)
    assert str(file) in str(raised.value)


def test_a_key_that_says_the_same_twice_is_read(tmp_path):
    file = tmp_path / "config.json"
    file.write_bytes(b'{"a": 1, "a": 1}')
    assert read_json(file) == {"a": 1}


def test_a_huge_file_is_not_read(tmp_path):
    file = tmp_path / "config.json"
    with file.open("wb") as stream:
        stream.write(b"{")
        stream.truncate(MOST_JSON_BYTES + 1)
    with pytest.raises(ModelFileError, match="expected at most"):
        read_any_json(file)


@pytest.mark.parametrize(
    ("family", "key"),
    [("bert", "hidden_act"), ("modernbert", "hidden_activation"), ("distilbert", "activation")],
)
@pytest.mark.parametrize("name", ["gelu\x1b[31m", "gelu_newer", "GELU", "", "x" * 10_000])
def test_an_activation_that_torch_does_not_know_either_is_named(model_copy, family, key, name):
    folder = model_copy(family, **{key: name})
    with pytest.raises(
        UnsupportedModelError, match=rf"config\.json has {key} '.* known are gelu,"
    ) as raised:
        read_cross_encoder_spec(find_folder(folder))
    assert str(raised.value).isprintable()


def test_an_activation_of_an_unknown_architecture_is_named(model_copy):
    folder = model_copy("bert", model_type="mystery", hidden_act="gelu_newer")
    with pytest.raises(UnsupportedModelError, match="hidden_act 'gelu_newer'"):
        read_cross_encoder_spec(find_folder(folder))


def test_every_activation_of_transformers_is_known():
    activations = pytest.importorskip("transformers.activations", reason="needs the torch extra")
    assert set(TORCH_ACTIVATIONS) <= set(activations.ACT2CLS)
