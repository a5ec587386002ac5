"""What needs no torch of the class: arguments, refusals, copies, pools."""

import copy
import inspect
import json
import logging
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from secondpass import CrossEncoder, CrossEncoderReranker, InputError, MissingExtraError
from secondpass.drop_in import activations, views
from secondpass.drop_in.refused import REASONS, RefusedError
from secondpass.errors import SecondpassError

# NumPy 1 has no strings of any length.
STRINGS = np.dtypes.StringDType() if hasattr(np.dtypes, "StringDType") else object
PAIRS = [("read the csv rows", "csv file"), ("read the csv rows", "the date"), ("key", "sort")]


@pytest.fixture(scope="module")
def model(parity):
    return CrossEncoder(parity / "bert")


@pytest.fixture(autouse=True)
def _warnings_are_logged(caplog):
    caplog.set_level(logging.WARNING)


@pytest.fixture
def no_torch(monkeypatch):
    for module in (activations, views):
        monkeypatch.setattr(module, "has_torch", lambda: False)


def test_scores_are_those_of_the_reranker(model, parity, documents):
    reranker = CrossEncoderReranker(parity / "bert", None, precision="fp32")
    pairs = [("read the csv rows", text) for text in documents]
    np.testing.assert_allclose(model.predict(pairs), reranker.predict(pairs), atol=1e-6)


def test_the_embedded_model_is_the_default():
    model = CrossEncoder()
    assert model.info.name == "embedded/cross-encoder"
    ranked = model.rank("how do I read a csv file", ["Sheep give wool.", "csv.reader reads rows."])
    assert [one["corpus_id"] for one in ranked] == [1, 0]
    assert 0 < ranked[0]["score"] < 1


@pytest.mark.parametrize(
    ("args", "kwargs", "warned"),
    [
        ((1,), {}, "num_labels"),
        ((1, 20), {}, "max_length"),
        ((1, 20, None, "cpu"), {}, "device"),
        ((), {"automodel_args": {}}, "automodel_args"),
        ((), {"tokenizer_args": {"model_max_length": 20}}, "tokenizer_args"),
        ((), {"tokenizer_kwargs": {"model_max_length": 20}}, "tokenizer_kwargs"),
        ((), {"config_args": {}}, "config_args"),
        ((), {"default_activation_function": "tanh"}, "default_activation_function"),
        ((), {"classifier_dropout": 0.1}, "classifier_dropout"),
    ],
)
def test_old_names_and_places_are_taken_with_a_warning(parity, caplog, args, kwargs, warned):
    model = CrossEncoder(str(parity / "bert"), *args, **kwargs)
    assert f"`{warned}`" in caplog.text
    if len(args) > 1 or "model_max_length" in str(kwargs):
        assert model.max_seq_length == 20
    if warned == "classifier_dropout":
        assert model.config.classifier_dropout == 0.1
    if warned.startswith("default_activation"):
        assert activations.path_of(model._activation).endswith("Tanh")


def test_the_name_has_an_old_name(parity, caplog):
    assert CrossEncoder(model_name=str(parity / "bert")).num_labels == 1
    assert "`model_name`" in caplog.text


def test_a_place_too_many_is_a_type_error(parity):
    with pytest.raises(TypeError):
        CrossEncoder(str(parity / "bert"), 1, 20, None, "cpu", "one more")


def test_old_names_of_calls(model, caplog):
    expected = model.predict(PAIRS, activation_fn="identity")
    got = model.predict(sentences=PAIRS, activation_fct="identity", num_workers=2)
    np.testing.assert_array_equal(got, expected)
    ranked = model.rank("csv", ["a"], convert_to_numpy=True, apply_softmax=False, num_workers=0)
    assert type(ranked[0]["score"]) is float
    for name in ("sentences", "activation_fct", "num_workers", "convert_to_numpy"):
        assert f"`{name}`" in caplog.text


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"modules": [1]}, "modules is refused"),
        ({"backend": "tensorrt"}, "expected torch, onnx or openvino"),
        ({"num_labels": 3}, "num_labels is 3, but"),
        ({"config_kwargs": {"num_labels": 2}}, "num_labels is 2, but"),
        ({"config_kwargs": {"hidden_act": "relu"}}, "'hidden_act', which is not followed"),
        ({"config_kwargs": 3}, "config_kwargs is 3, expected a dict"),
        ({"model_kwargs": {"quantization_config": 1}}, "'quantization_config'"),
        ({"model_kwargs": {"use_safetensors": False}}, "pickled weights are not read"),
        ({"model_kwargs": {"file_name": "onnx/model_qint8.onnx"}}, "give the folder"),
        ({"model_kwargs": {"dtype": "int4"}}, "dtype 'int4', expected float32"),
        ({"processor_kwargs": {"chat_template": "{{ messages }}"}}, "'chat_template'"),
        ({"max_length": 3}, "max_length is 3, expected an integer of at least 4"),
        ({"max_length": "512"}, "max_length is '512'"),
        ({"activation_fn": "gelu"}, "activation_fn is 'gelu'"),
        ({"activation_fn": 3}, "activation_fn is 3"),
        ({"default_prompt_name": "web"}, "Default prompt name 'web' not found"),
        ({"prompts": ["Find: "]}, "prompts is ['Find: '], expected a dict"),
        ({"prompts": {"web": 3}}, "prompts['web'] is int 3, expected a string"),
        ({"prompts": {"web": "\ud800"}}, "prompts['web'] has a lone surrogate"),
        ({"cache_folder": 3}, "cache_folder is 3, expected a folder"),
        ({"model_kwargs": {"dtype": np.int8}}, "expected float32, float16 or bfloat16"),
    ],
)
def test_what_is_not_followed_is_refused_by_name(parity, given, words):
    with pytest.raises(InputError) as error:
        CrossEncoder(str(parity / "bert"), **given)
    assert words in str(error.value)


@pytest.mark.parametrize("name", ["C:\\models\\bert", "models\\bert", "a b", "C:/models/bert"])
def test_a_name_that_is_not_one_is_quoted_as_it_was_given(name):
    with pytest.raises(SecondpassError) as error:
        CrossEncoder(name)
    assert repr(name) in str(error.value)


@pytest.mark.parametrize("name", [3, b"bert", "", ["bert"]])
def test_a_name_of_another_kind_names_the_argument(name):
    with pytest.raises(InputError, match=r"model_name_or_path is .*expected a hub name"):
        CrossEncoder(name)


@pytest.mark.parametrize(
    ("prompt", "words"), [(3, "prompt is int 3"), ("\ud800", "prompt has a lone surrogate")]
)
def test_a_prompt_is_text(model, prompt, words):
    with pytest.raises(InputError, match=words):
        model.predict(PAIRS, prompt=prompt)


def test_what_changes_no_score_is_taken(parity, model):
    taken = CrossEncoder(
        str(parity / "bert"),
        trust_remote_code=True,
        token="hf_nothing",
        local_files_only=True,
        model_kwargs={"attn_implementation": "eager", "torch_dtype": np.float32},
        processor_kwargs={"use_fast": True},
        keep_in_fp32_modules=[],
        backend="onnx",
        model_card_data=None,
        num_labels=1,
        revision="main",
    )
    np.testing.assert_array_equal(taken.predict(PAIRS), model.predict(PAIRS))
    assert taken.get_backend() == "onnx"


@pytest.mark.parametrize("name", sorted(REASONS))
def test_what_is_refused_says_why(model, name):
    assert not hasattr(model, name)
    with pytest.raises(RefusedError) as error:
        getattr(model, name)
    assert str(error.value) == f"CrossEncoder.{name} is refused: {REASONS[name]}"
    assert isinstance(error.value, SecondpassError)
    assert str(pickle.loads(pickle.dumps(error.value))) == str(error.value)


def test_modules_inside_are_refused(model):
    for look in (lambda: model[0], lambda: model.model.classifier):
        with pytest.raises(RefusedError, match="no torch modules"):
            look()
    with pytest.raises(AttributeError, match="'nothing'"):
        model.nothing  # noqa: B018


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ("a text", "inputs is str 'a text', expected a list of"),
        (None, "inputs is NoneType"),
        ((pair for pair in PAIRS), "inputs is generator"),
        ({("a", "b")}, "inputs is set"),
        (np.array("a text"), "inputs is ndarray"),
        (np.array([[b"a", b"b"]]), "pair 0: query is bytes"),
        (np.array([[1, 2]]), "pair 0: query is int 1"),
        (np.array(["a", "b", "c"]), "pair 0 is"),
        (np.array([[["a", "b"]]]), "pair 0 is"),
        ([("a", "b", "c")], "pair 0 is"),
        ([("a", "b"), ("c", 3)], "pair 1: text is int 3"),
        ([("a", {"image": 1})], "images, sounds and messages"),
        ([(b"a", "b")], "pair 0: query is"),
        ([("a", "\ud800")], "lone surrogate"),
        (["only one"], "pair 0 is"),
    ],
)
def test_inputs_that_are_no_pairs_of_texts(model, inputs, words):
    with pytest.raises(InputError) as error:
        model.predict(inputs)
    assert words in str(error.value)


@pytest.mark.parametrize(
    "inputs",
    [
        np.array(PAIRS, STRINGS),
        np.array(PAIRS, object),
        tuple(map(list, PAIRS)),
    ],
    ids=["strings of any length", "objects", "a tuple of lists"],
)
def test_pairs_come_in_arrays_and_sequences(model, inputs):
    np.testing.assert_array_equal(model.predict(inputs), model.predict(PAIRS))
    first = model.predict(inputs[0])
    assert first.shape == ()
    assert first == pytest.approx(model.predict(PAIRS)[0], abs=1e-6)


@pytest.mark.parametrize("shape", [(0,), (0, 2)])
@pytest.mark.parametrize("kind", ["U1", object, STRINGS, np.float64])
def test_an_empty_array_has_no_scores(model, kind, shape):
    assert model.predict(np.empty(shape, kind)).shape == (0,)


@pytest.mark.parametrize(
    "documents",
    [
        lambda texts: iter(texts),
        lambda texts: dict.fromkeys(texts).keys(),
        lambda texts: np.array(texts),
        lambda texts: pytest.importorskip("pandas").Series(texts, range(7, 7 + len(texts))),
    ],
    ids=["iterator", "keys", "array", "series"],
)
def test_documents_come_in_anything_that_yields_them(model, documents):
    texts = ["csv rows", "the date", "a key"]
    got = model.rank("read the csv rows", documents(texts), return_documents=True)
    assert got == model.rank("read the csv rows", texts, return_documents=True)


@pytest.mark.parametrize("documents", ["one text", b"bytes", None, 3, {"a": "text"}])
def test_documents_that_are_no_list(model, documents):
    with pytest.raises(InputError, match=r"documents is .*expected a list"):
        model.rank("csv", documents)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (lambda logits: logits.sum(), r"gives scores of shape \[\] for logits of shape \[3, 1\]"),
        (lambda logits: logits[:1], r"gives scores of shape \[1, 1\]"),
        (lambda logits: logits[:, :, None], r"gives scores of shape \[3, 1, 1\]"),
    ],
)
def test_an_activation_gives_a_row_for_each_pair(model, given, words):
    with pytest.raises(InputError, match=words):
        model.predict(PAIRS, activation_fn=given)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (lambda logits: logits.tolist(), "gives list "),
        (lambda logits: None, "gives NoneType None"),
    ],
)
def test_an_activation_gives_a_tensor(model, given, words):
    pytest.importorskip("torch", reason="without torch an activation is given arrays")
    with pytest.raises(InputError, match=words):
        model.predict(PAIRS, activation_fn=given)


@pytest.mark.parametrize("size", [0, -1, 1.5, True, None])
def test_a_batch_size_is_positive(model, size):
    with pytest.raises(InputError, match="batch_size must be a positive integer, got"):
        model.predict(PAIRS, batch_size=size)


def test_a_batch_size_changes_no_score(model):
    expected = model.predict(PAIRS)
    for size in (1, 2, 1000):
        np.testing.assert_array_equal(model.predict(PAIRS, batch_size=size), expected)


def test_a_length_over_the_positions_is_those_with_a_warning(parity, caplog):
    model = CrossEncoder(str(parity / "bert"), max_length=8192)
    assert model.max_seq_length == 64
    assert "has 64 positions" in caplog.text
    model.max_seq_length = 100
    assert model.max_seq_length == 64


def test_labels_have_names_by_number(parity, model):
    two = CrossEncoder(parity / "bert-two-labels").config
    assert [two.id2label[number] for number in range(two.num_labels)] == ["LABEL_0", "LABEL_1"]
    assert two.label2id == {"LABEL_0": 0, "LABEL_1": 1}
    assert model.config.id2label == {0: "LABEL_0"}
    assert model.config._name_or_path == str(parity / "bert")
    assert model.config.to_dict()["id2label"] == {0: "LABEL_0"}


@pytest.mark.parametrize(
    ("saved", "shown"),
    [
        ({"0": "no", "1": "yes"}, {0: "no", 1: "yes"}),
        ({"0": "no"}, {0: "LABEL_0", 1: "LABEL_1"}),
        ({"a": "no", "b": "yes"}, {0: "LABEL_0", 1: "LABEL_1"}),
        (None, {0: "LABEL_0", 1: "LABEL_1"}),
    ],
)
def test_names_of_labels_are_those_that_were_saved(saved, shown):
    config = views.Config.of("a", {"id2label": saved}, 2, {"dropout": 0.1})
    assert config.id2label == shown
    assert config.label2id == {label: number for number, label in shown.items()}
    assert config.dropout == 0.1


@pytest.mark.parametrize(
    "given",
    [("cpu",), (None,), (np.dtype(np.float32),), ("cpu", "float32"), (None, "torch.float32")],
)
def test_the_same_device_and_type_load_nothing_anew(model, given):
    scorer = model._scorer
    assert model.to(*given) is model
    assert model._scorer is scorer
    assert model.training is False


@pytest.mark.parametrize("given", [(np.dtype(np.float16),), ("cpu", "bfloat16")])
def test_another_type_is_refused_by_name(model, given):
    with pytest.raises(InputError, match=r"dtype is .*16.*chosen at load"):
        model.to(*given)


def test_the_old_name_of_the_length(model):
    own = copy.deepcopy(model)
    with pytest.warns(DeprecationWarning, match="Please use `max_seq_length` instead"):
        own.max_length = 20
    with pytest.warns(DeprecationWarning, match="Please use `max_seq_length` instead"):
        assert own.max_length == 20
    with pytest.warns(DeprecationWarning, match="The `default_activation_function` property"):
        own.default_activation_function  # noqa: B018


def test_a_length_of_a_call(model):
    pair = ("csv file rows", "names of the rows of a csv file")
    short = model.predict(pair, processing_kwargs={"text": {"max_length": 8, "truncation": True}})
    assert abs(short - model.predict(pair)) > 1e-4
    with pytest.raises(InputError, match="'images'"):
        model.predict(pair, processing_kwargs={"images": {}})
    with pytest.raises(InputError, match="truncation"):
        model.predict(pair, processing_kwargs={"text": {"truncation": "only_first"}})


def test_a_copy_has_its_own_settings(model):
    own = copy.deepcopy(model)
    np.testing.assert_array_equal(own.predict(PAIRS), model.predict(PAIRS))
    own.max_seq_length, own.prompts["web"], own.activation_fn = 10, "Find: ", "identity"
    assert (model.max_seq_length, model.prompts) == (64, {})
    assert abs(own.predict(PAIRS) - model.predict(PAIRS)).max() > 1e-3


def test_pickling_loads_the_same(model):
    own = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(own.predict(PAIRS), model.predict(PAIRS))


@pytest.mark.parametrize("pool", [3, {}, [], "pool"])
def test_a_pool_is_one_that_was_started(model, pool):
    for call in (
        lambda: model.predict(PAIRS, pool=pool),
        lambda: model.stop_multi_process_pool(pool),
    ):
        with pytest.raises(InputError, match="expected what start_multi_process_pool returns"):
            call()


@pytest.mark.parametrize(
    ("devices", "words"),
    [
        ("cpu", "target_devices is str 'cpu', expected a list"),
        (["cpu", "nowhere"], "device 'nowhere' is not on this machine"),
        (3, "target_devices is int 3"),
    ],
)
def test_devices_are_known_before_a_process_is_started(model, devices, words):
    with pytest.raises(InputError, match=words):
        model.start_multi_process_pool(devices)


def test_threads_share_a_model(model):
    pairs = [(f"csv {at % 5}", "rows of a file " * (at % 9)) for at in range(60)]
    expected = model.predict(pairs)
    with ThreadPoolExecutor(8) as threads:
        for got in threads.map(model.predict, [pairs] * 16):
            np.testing.assert_allclose(got, expected, atol=1e-6)


def test_pools(model):
    pairs = PAIRS * 20
    pool = model.start_multi_process_pool(["cpu", "cpu"])
    try:
        got = model.predict(pairs, pool=pool, chunk_size=7)
        ranked = model.rank("csv", ["a file", "csv rows"], pool=pool)
        empty = model.predict([], pool=pool)
        with pytest.raises(InputError, match="chunk_size must be a positive integer, got 0"):
            model.predict(pairs, pool=pool, chunk_size=0)
    finally:
        model.stop_multi_process_pool(pool)
    np.testing.assert_allclose(got, model.predict(pairs), atol=1e-6)
    assert [one["corpus_id"] for one in ranked] == [
        one["corpus_id"] for one in model.rank("csv", ["a file", "csv rows"])
    ]
    assert empty.shape == (0,)
    with pytest.raises(InputError, match="the pool was stopped"):
        model.predict(pairs, pool=pool)
    with pytest.raises(InputError, match="target_devices is empty"):
        model.start_multi_process_pool([])


def test_without_torch_arrays_are_given_and_tensors_refused(model, no_torch):
    np.testing.assert_allclose(
        model.predict(PAIRS, activation_fn=lambda logits: 2 * logits),
        2 * model.predict(PAIRS, activation_fn="identity"),
    )
    assert str(model.device) == "cpu"
    assert model.device.type == "cpu"
    assert model.dtype == np.float32
    assert model.activation_fn(np.zeros(1, np.float32)) == [0.5]
    for kinds in ({"convert_to_tensor": True}, {"convert_to_numpy": False}):
        with pytest.raises(MissingExtraError, match="torch"):
            model.predict(PAIRS, **kinds)


def test_a_progress_bar_changes_nothing(model, capfd):
    pairs = PAIRS * 400
    expected = model.predict(pairs, show_progress_bar=False)
    assert capfd.readouterr().err == ""
    np.testing.assert_allclose(model.predict(pairs, show_progress_bar=True), expected, atol=1e-6)
    assert "Batches" in capfd.readouterr().err


def test_an_activation_outside_torch_is_not_trusted(parity, tmp_path, caplog, model):
    model.save_pretrained(tmp_path / "saved")
    file = tmp_path / "saved" / "config_sentence_transformers.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"activation_fn": "my.own.Thing"}))
    with pytest.warns(UserWarning, match=r"my\.own\.Thing"):
        loaded = CrossEncoder(tmp_path / "saved")
    assert (
        "Activation function path 'my.own.Thing' is not trusted, using default activation function "
        "instead." in caplog.text
    )
    np.testing.assert_array_equal(loaded.predict(PAIRS), model.predict(PAIRS))


def test_saving_over_the_model_itself_is_refused(parity, model):
    with pytest.raises(InputError, match="loaded from"):
        model.save_pretrained(parity / "bert")


def test_saving_to_what_is_a_file_is_an_error_of_ours(model, tmp_path):
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(InputError, match="cannot be written"):
            model.save_pretrained(place)


def test_our_own_arguments(parity, tmp_path):
    long = ("csv", "file " * 300 + "csv rows")
    plain = CrossEncoder(parity / "bert")
    windows = CrossEncoder(parity / "bert", long_documents="max")
    assert windows.predict(long) != plain.predict(long)
    cached = CrossEncoder(parity / "bert", cache=tmp_path / "scores")
    expected = plain.predict(PAIRS)
    np.testing.assert_allclose(cached.predict(PAIRS), expected, atol=1e-6)
    np.testing.assert_allclose(cached.predict(PAIRS), expected, atol=1e-6)
    assert CrossEncoder(parity / "bert", threads=1).info.threads == 1


def test_windows_of_several_labels_are_refused(parity):
    with pytest.raises(InputError, match="long_documents is 'max'"):
        CrossEncoder(parity / "bert-two-labels", long_documents="max")


def test_every_public_member_has_a_docstring_and_the_signatures_are_whole():
    members = inspect.getmembers(
        CrossEncoder, lambda one: callable(one) or isinstance(one, property)
    )
    for name, member in members:
        if not name.startswith("_"):
            assert inspect.getdoc(member), name
    constructor = list(inspect.signature(CrossEncoder).parameters)
    assert constructor[:2] == ["model_name_or_path", "modules"]
    assert list(inspect.signature(CrossEncoder.predict).parameters)[1:6] == [
        *("inputs", "prompt_name", "prompt", "batch_size", "show_progress_bar"),
    ]
