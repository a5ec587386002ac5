"""What a folder says of its scores, beside its weights: followed, or refused by key and value."""

import copy
import json
import pickle
import shutil

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer

from secondpass import CrossEncoderReranker, Embedder, InputError, UnsupportedModelError
from secondpass.architectures.activations import ACTIVATIONS
from secondpass.errors import ModelFileError
from secondpass.models.config_rules import with_defaults
from secondpass.models.folder import find_folder
from secondpass.models.spec import read_cross_encoder_spec
from secondpass.options.model import RerankerOptions

PAIRS = [("read the csv rows", "csv rows are read"), ("wait", "a lock is free " * 40)]


def load(folder, *lengths, **options):
    return CrossEncoderReranker(folder, *lengths, precision="fp32", threads=1, **options)


def change(file, **values):
    found = json.loads(file.read_text()) if file.exists() else {}
    file.write_text(json.dumps({**found, **values}))


def drop(file, *keys):
    found = json.loads(file.read_text())
    file.write_text(json.dumps({key: value for key, value in found.items() if key not in keys}))


@pytest.fixture
def copy_of(parity, tmp_path):
    def copied(name, **config):
        folder = shutil.copytree(parity / name, tmp_path / name)
        if config:
            change(folder / "config.json", **config)
        return folder

    return copied


# How long a sequence is


def test_the_default_length_is_what_the_model_reads_if_that_is_less(parity):
    reranker = load(parity / "bert")
    assert reranker.info.max_length == 64
    assert load(parity / "bert", 48).info.max_length == 48
    with pytest.raises(InputError, match="max_length 512 is more than the 64 positions"):
        load(parity / "bert", 512)


@pytest.mark.parametrize(
    ("saved", "read"), [(24, 24), (10**30, 64), (1e30, 64), (None, 64), (4096, 64)]
)
def test_the_length_that_a_model_was_saved_with_is_the_default(copy_of, saved, read):
    folder = copy_of("bert")
    change(folder / "tokenizer_config.json", model_max_length=saved)
    assert load(folder).info.max_length == read
    assert load(folder, None).info.max_length == read
    assert load(folder, 60).info.max_length == 60


def test_none_reads_more_than_the_default_where_the_model_does(copy_of):
    folder = copy_of("modernbert", max_position_embeddings=2000)
    change(folder / "tokenizer_config.json", model_max_length=10**30)
    assert load(folder).info.max_length == 512
    assert load(folder, None).info.max_length == 2000


@pytest.mark.parametrize(
    "again",
    [
        lambda one: pickle.loads(pickle.dumps(one)),
        copy.deepcopy,
        lambda one: RerankerOptions.from_dict(one.to_dict()),
        lambda one: RerankerOptions.from_dict(json.loads(json.dumps(one.to_dict()))),
    ],
)
@pytest.mark.parametrize("length", [None, 512, 48])
def test_default_and_given_length_stay_told_apart(parity, again, length):
    given = RerankerOptions.from_dict({"max_length": length, "model_name": str(parity / "bert")})
    default = RerankerOptions(model_name=str(parity / "bert"))
    assert repr(again(default).max_length) == "512"
    assert CrossEncoderReranker.from_options(again(default)).info.max_length == 64
    if length == 512:
        with pytest.raises(InputError, match="64 positions"):
            CrossEncoderReranker.from_options(again(given))
    else:
        loaded = CrossEncoderReranker.from_options(again(given))
        assert loaded.info.max_length == (length or 64)


def test_an_older_name_of_the_settings_file_is_read(copy_of):
    folder = copy_of("bert-embedder")
    (folder / "sentence_bert_config.json").rename(folder / "sentence_roberta_config.json")
    change(folder / "sentence_roberta_config.json", max_seq_length=17)
    assert Embedder(folder, threads=1).max_length == 17


def test_the_command_says_the_length_that_was_read(parity, tmp_path):
    from click.testing import CliRunner

    from secondpass.cli.rerank import command

    file = tmp_path / "texts.jsonl"
    file.write_text(json.dumps("a lock " * 60))
    ran = CliRunner().invoke(command, ["wait", str(file), "--model", str(parity / "bert")])
    assert ran.exit_code == 0, ran.output
    assert "--max-length 64 tokens" in ran.stderr


# Prompts


def modular(folder, **values):
    kind = "sentence_transformers.base.modules.transformer.Transformer"
    (folder / "modules.json").write_text(json.dumps([{"idx": 0, "path": "", "type": kind}]))
    change(folder / "sentence_bert_config.json", transformer_task="sequence-classification")
    change(folder / "config_sentence_transformers.json", model_type="CrossEncoder", **values)
    return folder


def test_the_default_prompt_stands_before_every_query(copy_of, parity):
    folder = modular(copy_of("bert"), prompts={"q": "lock "}, default_prompt_name="q")
    prompted = [("lock " + query, text) for query, text in PAIRS]
    reranker = load(folder, cache="memory")
    expected = load(parity / "bert").predict(prompted)
    for _ in range(2):
        np.testing.assert_array_equal(reranker.predict(PAIRS), expected)


@pytest.mark.parametrize("words", [1, 6, 12])
def test_a_long_query_is_cut_to_what_the_prompt_before_it_leaves(copy_of, words):
    prompt = "lock " * words
    folder = modular(copy_of("bert"), prompts={"q": prompt}, default_prompt_name="q")
    reranker, query = load(folder, 32), "wait " * 40
    asked, dropped = reranker.model.cut_query(query)
    encoded, before, whole = reranker.model.encoder.encode([prompt + asked, prompt, prompt + query])
    half = (32 - reranker.model.layout.special_tokens) // 2
    assert len(encoded) == max(half, len(before) + 1)
    assert len(encoded) + dropped == len(whole)
    expected = reranker.score(asked, ["a lock"])
    scores = reranker.score(query, ["a lock"], long_query="truncate")
    np.testing.assert_array_equal(scores.scores, expected.scores)


@pytest.mark.parametrize(
    "values",
    [{"prompts": {"q": "lock "}}, {"prompts": {"q": ""}, "default_prompt_name": "q"}, {}],
)
def test_prompts_that_are_no_default_change_nothing(copy_of, parity, values):
    folder = modular(copy_of("bert"), **values)
    np.testing.assert_array_equal(load(folder).predict(PAIRS), load(parity / "bert").predict(PAIRS))


def test_a_plain_folder_s_config_sentence_transformers_is_not_read(copy_of, parity):
    """sentence-transformers reads it only beside a modules.json."""
    folder = copy_of("bert")
    change(
        folder / "config_sentence_transformers.json",
        prompts={"q": "lock "},
        default_prompt_name="q",
    )
    np.testing.assert_array_equal(load(folder).predict(PAIRS), load(parity / "bert").predict(PAIRS))


def test_a_default_prompt_that_is_not_there_is_an_error(copy_of):
    folder = modular(copy_of("bert"), prompts={"q": "lock "}, default_prompt_name="query")
    with pytest.raises(ModelFileError, match="default_prompt_name 'query'"):
        load(folder)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("tokenizer_name_or_path", "another"),
        ("processing_kwargs", {"text": {"max_length": 7}}),
        ("model_args", {"num_labels": 2}),
        ("transformer_task", "fill-mask"),
        ("query_length", 7),
    ],
)
def test_settings_of_the_transformer_are_refused_by_key(copy_of, key, value):
    folder = modular(copy_of("bert"))
    change(folder / "sentence_bert_config.json", **{key: value})
    with pytest.raises(UnsupportedModelError, match=rf"sentence_bert_config\.json has {key}"):
        load(folder)


def test_an_output_that_is_not_the_head_s_is_refused(copy_of):
    folder = modular(copy_of("bert"))
    text = {"text": {"method": "forward", "method_output_name": "hidden_states"}}
    change(folder / "sentence_bert_config.json", modality_config=text)
    with pytest.raises(UnsupportedModelError, match="method_output_name 'hidden_states'"):
        load(folder)


@pytest.mark.parametrize("where", ["tokenizer_config.json", "chat_template.jinja"])
def test_a_chat_template_is_refused_by_its_place(copy_of, where):
    folder = copy_of("bert")
    template = "{{ messages[0].content }}"
    if where.endswith("jinja"):
        (folder / where).write_text(template)
    else:
        change(folder / where, chat_template=template)
    with pytest.raises(UnsupportedModelError, match="chat template"):
        load(folder)


def test_a_chat_template_that_modules_do_not_use_is_not_used(copy_of, parity):
    folder = modular(copy_of("bert"))
    (folder / "chat_template.jinja").write_text("{{ messages[0].content }}")
    np.testing.assert_array_equal(load(folder).predict(PAIRS), load(parity / "bert").predict(PAIRS))


# config.json


@pytest.mark.parametrize(
    ("family", "key", "value"),
    [
        ("bert", "is_decoder", True),
        ("roberta", "is_decoder", True),
        ("bert", "position_embedding_type", "relative_key"),
        ("electra", "add_cross_attention", True),
        ("bert", "pruned_heads", {"0": [1]}),
        ("bert", "quantization_config", {"load_in_8bit": True}),
        ("modernbert", "classifier_pooling", "max"),
        ("modernbert", "layer_types", ["linear_attention"] * 5),
        ("modernbert", "sliding_window", 4),
        ("modernbert", "rope_scaling", {"rope_type": "yarn"}),
        ("modernbert", "rope_parameters", {"full_attention": {"rope_type": "linear"}}),
        ("roberta", "pad_token_id", None),
    ],
)
def test_what_no_builder_computes_is_refused_by_key(copy_of, family, key, value):
    folder = copy_of(family, **{key: value})
    with pytest.raises((UnsupportedModelError, ModelFileError), match=key):
        load(folder)


@pytest.mark.parametrize("family", ["bert", "roberta", "xlm-roberta", "electra", "modernbert"])
def test_the_padding_id_of_the_class_stands_where_config_json_has_none(copy_of, parity, family):
    folder = copy_of(family)
    saved = json.loads((folder / "config.json").read_text())["pad_token_id"]
    drop(folder / "config.json", "pad_token_id")
    assert with_defaults({"model_type": family})["pad_token_id"] == {
        "bert": 0,
        "electra": 0,
        "modernbert": 50283,
    }.get(family, 1)
    if family == "modernbert":
        with pytest.raises(ModelFileError, match="50283"):
            load(folder)
        return
    assert read_cross_encoder_spec(find_folder(folder)).padding_id == saved
    np.testing.assert_array_equal(load(folder).predict(PAIRS), load(parity / family).predict(PAIRS))


@pytest.mark.parametrize(
    ("name", "same"),
    [
        ("gelu_python", "gelu"),
        ("gelu_accurate", "gelu_new"),
        ("gelu_python_tanh", "gelu_pytorch_tanh"),
    ],
)
def test_names_of_one_activation_score_the_same(copy_of, name, same, tmp_path):
    folder = copy_of("bert", hidden_act=name)
    scores = load(folder).predict(PAIRS)
    change(folder / "config.json", hidden_act=same)
    np.testing.assert_array_equal(load(folder).predict(PAIRS), scores)


def test_the_activations_that_are_told_apart_are_those_that_a_builder_has():
    from secondpass.graph import ops
    from secondpass.graph.openvino import op

    for name in ACTIVATIONS:
        assert ops.activate(op.parameter([1, 2], np.float32), name, "a layer") is not None


@pytest.mark.parametrize("name", ["laplace", "relu2", "gelu_10"])
def test_an_activation_without_a_builder_falls_back_to_torch(copy_of, name):
    folder = copy_of("bert", hidden_act=name)
    sentence_transformers = pytest.importorskip("sentence_transformers")
    reranker = load(folder)
    assert reranker.info.engine.startswith("torch")
    expected = sentence_transformers.CrossEncoder(str(folder), device="cpu").predict(PAIRS[:1])
    np.testing.assert_allclose(reranker.predict(PAIRS[:1]), expected, atol=1e-4)


# Files that do not belong together


def test_a_token_beyond_the_table_is_refused_with_id_and_rows(copy_of):
    folder = copy_of("bert")
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    rows = tokenizer.get_vocab_size()
    tokenizer.add_tokens(["merino"])
    tokenizer.save(str(folder / "tokenizer.json"))
    with pytest.raises(ModelFileError, match=rf"token id {rows} is beyond the {rows} rows"):
        load(folder)


def test_a_special_token_that_no_text_and_no_pair_brings_may_have_no_row(copy_of, parity):
    folder = copy_of("bert")
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.add_special_tokens(["[SPARE]"])
    tokenizer.save(str(folder / "tokenizer.json"))
    pairs = [*PAIRS, ("wait", "[SPARE] a lock")]
    assert np.isfinite(load(folder).predict(pairs)).all()


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ("word_embeddings", "token id"),
        ("token_type_embeddings", "token type 1 is beyond the 1 rows"),
        (
            "position_embeddings",
            r"position_embeddings\S+ has shape \[1, \d+\], expected \[64",
        ),
    ],
)
def test_a_table_that_is_too_short_is_refused(copy_of, part, message):
    folder = copy_of("bert")
    file = folder / "model.safetensors"
    tensors = load_file(file)
    name = next(one for one in tensors if f"{part}.weight" in one)
    tensors[name] = tensors[name][:1].copy()
    save_file(tensors, file, metadata={"format": "pt"})
    with pytest.raises(ModelFileError, match=message):
        load(folder)


def test_an_empty_table_is_refused(copy_of):
    folder = copy_of("bert")
    file = folder / "model.safetensors"
    tensors = load_file(file)
    name = next(one for one in tensors if "word_embeddings.weight" in one)
    tensors[name] = tensors[name][:0].copy()
    save_file(tensors, file, metadata={"format": "pt"})
    with pytest.raises(ModelFileError, match="beyond the 0 rows"):
        load(folder)


def test_an_embedder_refuses_ids_beyond_its_table(copy_of):
    folder = copy_of("bert-embedder")
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.add_tokens(["merino"])
    tokenizer.save(str(folder / "tokenizer.json"))
    with pytest.raises(ModelFileError, match="token id"):
        Embedder(folder, threads=1)


@pytest.mark.parametrize(
    ("file", "values"),
    [
        ("tokenizer_config.json", {"model_max_length": 63}),
        ("special_tokens_map.json", {"mask_token": "[MASK]"}),
        ("config.json", {"layer_norm_eps": 1e-11}),
    ],
)
def test_the_cache_key_covers_every_small_file(copy_of, file, values):
    folder = copy_of("bert")
    before = load(folder, 32).model.rules.digest()
    change(folder / file, **values)
    assert load(folder, 32).model.rules.digest() != before
