"""Each check sees what it is there for: a sound model passes, one broken on purpose fails."""

import shutil

import numpy as np
import pytest
from broken_models import (
    as_graph,
    change_json,
    change_weights,
    over_the_rows,
    with_types,
    without_mask,
)

from secondpass import InputError, ModelNotFoundError, UnsupportedModelError
from secondpass.doctor.examine import NAMES
from secondpass.doctor.examine import examine as examine_with
from secondpass.installation import install_line


def examine(model):
    """One thread: the models are tiny, and the machine may be busy."""
    return examine_with(model, threads=1)


def verdicts(found):
    return {check.name: check.verdict for check in found.checks}


def failed(found):
    return {check.name for check in found.failed}


def check_of(found, name):
    return next(check for check in found.checks if check.name == name)


FAMILIES = [
    "albert",
    "bert",
    "bert-bf16",
    "bert-onnx",
    "deberta",
    "deberta-v2-kind",
    "distilbert",
    "electra",
    "ernie",
    "gte",
    "gte-new",
    "jina-bert",
    "modernbert",
    "modernbert-mean",
    "mpnet",
    "roberta",
    "xlm-roberta",
    "xlm-roberta-flash",
]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_sound_model_of_each_family_fails_nothing(parity, family):
    found = examine(parity / family)
    assert failed(found) == set()
    assert [check.name for check in found.checks] == list(NAMES)
    always = {"vocabulary", "head", "finite", "sensitive", "padding", "order"}
    assert {verdicts(found)[name] for name in always} == {"passed"}
    assert found.arithmetic == "f32"


def test_late_join_needs_its_token_types_and_has_them(late_join):
    found = examine(late_join)
    assert failed(found) == set()
    assert verdicts(found)["token types"] == "passed"
    peer = check_of(found, "sentence-transformers")
    assert peer.verdict == "not checked"
    assert "late-join" in peer.measured


def test_a_model_is_loaded_once(parity, monkeypatch):
    from secondpass import loaded_model

    loads, real = [], loaded_model.load_engine

    def counted(spec, **options):
        loads.append(spec.name)
        return real(spec, **options)

    monkeypatch.setattr(loaded_model, "load_engine", counted)
    assert failed(examine(parity / "bert")) == set()
    assert len(loads) == 1


def test_the_embedded_model_is_sound():
    found = examine("embedded/cross-encoder")
    assert failed(found) == set()
    assert {verdicts(found)[name] for name in ("head", "token types", "padding")} == {"passed"}


def test_a_tokenizer_that_forgot_its_token_types(model_copy):
    folder = model_copy()

    def forget(tokenizer):
        for part in tokenizer["post_processor"]["pair"]:
            for value in part.values():
                value["type_id"] = 0

    change_json(folder / "tokenizer.json", forget)
    found = examine(folder)
    assert failed(found) == {"token types"}
    assert "same type 0" in check_of(found, "token types").measured
    assert "type_id" in check_of(found, "token types").advice


def test_a_graph_exported_without_its_token_types(parity, tmp_path):
    found = examine(as_graph(parity / "bert", tmp_path / "ir", type_vocab_size=1))
    assert failed(found) == {"token types"}
    assert "changes by 0" in check_of(found, "token types").measured


def test_a_tokenizer_with_a_type_the_model_has_not(parity, model_copy):
    folder = with_types(model_copy(type_vocab_size=1), 1)
    found = examine(folder)
    assert failed(found) == {"loads"}
    assert "token type 1 is beyond the 1 rows" in check_of(found, "loads").measured
    assert check_of(found, "token types").verdict == "not checked"


def test_a_checkpoint_without_its_pooler(parity):
    found = examine(parity / "bert-no-pooler")
    assert failed(found) == {"head", "loads"}
    assert check_of(found, "head").measured == "bert.pooler.dense.weight is missing"
    assert verdicts(found)["padding"] == "not checked"
    assert found.precision is None


def test_a_head_of_zeros(model_copy):
    folder = change_weights(model_copy(), lambda t: t["classifier.weight"].fill(0))
    found = examine(folder)
    assert failed(found) >= {"head", "sensitive"}
    assert check_of(found, "head").measured == "classifier.weight is 0 everywhere"


def test_a_pooler_with_a_nan_in_it(model_copy):
    def damage(tensors):
        tensors["bert.pooler.dense.weight"][0, 0] = np.nan

    found = examine(change_weights(model_copy(), damage))
    assert failed(found) == {"head", "finite"}
    assert "holds 1 values that are not finite" in check_of(found, "head").measured
    assert check_of(found, "order").measured == "the scores are not finite numbers"


def test_a_graph_without_its_pooler_s_tanh(parity, tmp_path):
    import openvino as ov

    def drop_tanh(model):
        (tanh,) = [one for one in model.get_ops() if one.get_type_name() == "Tanh"]
        source = tanh.input(0).get_source_output()
        for target in list(tanh.output(0).get_target_inputs()):
            target.replace_source_output(source)
        return ov.Model(model.get_results(), model.get_parameters(), "no tanh")

    found = examine(as_graph(parity / "bert", tmp_path / "ir", drop_tanh))
    assert failed(found) == {"head"}
    assert "tanh" in check_of(found, "head").measured


def test_a_sound_graph_passes_as_its_source_does(parity, tmp_path):
    assert failed(examine(as_graph(parity / "bert", tmp_path / "ir"))) == set()


def test_a_graph_that_ignores_its_mask(parity, tmp_path):
    found = examine(as_graph(parity / "bert", tmp_path / "ir", without_mask))
    assert "padding" in failed(found)
    assert "attention_mask" in check_of(found, "padding").advice


def test_a_graph_that_mixes_its_rows(parity, tmp_path):
    found = examine(as_graph(parity / "bert", tmp_path / "ir", over_the_rows))
    assert failed(found) >= {"alone or in a batch", "order"}
    assert "padding" not in failed(found)


def test_a_tokenizer_of_another_model(parity, model_copy):
    folder = model_copy()

    def add(tokenizer):
        tokenizer["model"]["vocab"]["secondpassword"] = 600

    change_json(folder / "tokenizer.json", add)
    found = examine(folder)
    assert failed(found) == {"vocabulary", "loads"}
    assert check_of(found, "vocabulary").measured.startswith("token ids to 600")
    assert "600 rows" in check_of(found, "vocabulary").limit


def test_positions_that_are_promised_and_not_there(model_copy):
    found = examine(model_copy(max_position_embeddings=128))
    assert failed(found) == {"positions", "loads"}
    assert "64 rows" in check_of(found, "positions").limit


def test_an_activation_that_is_not_torch_s_is_said_and_not_run(model_copy):
    path = {"activation_fn": "os.system"}
    found = examine(model_copy(sentence_transformers=path))
    assert failed(found) == {"activation"}
    assert "os.system" in check_of(found, "activation").measured


def test_an_unknown_activation(model_copy):
    path = {"activation_fn": "torch.nn.modules.activation.Hardsigmoid"}
    assert failed(examine(model_copy(sentence_transformers=path))) == {"activation"}


def test_two_labels(parity):
    found = examine(parity / "bert-two-labels")
    assert failed(found) == {"one label", "loads"}
    assert check_of(found, "one label").measured == "2 in the last layer"


def test_an_embedding_model_is_no_reranker(parity):
    for name in (parity / "bert-embedder", "embedded/bi-encoder"):
        with pytest.raises(UnsupportedModelError, match="is an embedding model, and doctor exam"):
            examine(name)


def test_a_folder_without_weights(model_copy):
    found = examine(model_copy(without=("model.safetensors",)))
    assert failed(found) == {"files"}
    assert "holds no weights" in check_of(found, "files").measured


def test_a_model_that_is_not_there_is_an_error_and_no_finding():
    with pytest.raises(ModelNotFoundError, match="no model folder"):
        examine("./nowhere")
    with pytest.raises(InputError, match="empty"):
        examine("")


def test_what_torch_would_say_is_not_checked_without_it(parity, monkeypatch):
    from secondpass.doctor import sentence_transformers_check

    monkeypatch.setattr(sentence_transformers_check, "find_spec", lambda name: None)
    check = check_of(examine(parity / "bert"), "sentence-transformers")
    assert check.verdict == "not checked"
    assert check.advice == install_line("torch")


@pytest.mark.parametrize("family", ["bert", "roberta", "distilbert", "modernbert"])
def test_sentence_transformers_agrees(parity, family):
    pytest.importorskip("sentence_transformers", reason="needs torch: make test-extras")
    check = check_of(examine(parity / family), "sentence-transformers")
    assert check.verdict == "passed", check


def test_a_difference_from_sentence_transformers_fails(parity, tmp_path, monkeypatch):
    """The peer reads other weights than we do: those of the same model with another classifier."""
    pytest.importorskip("sentence_transformers", reason="needs torch: make test-extras")
    from secondpass.doctor import sentence_transformers_check

    other = tmp_path / "other"
    shutil.copytree(parity / "bert", other)
    change_weights(other, lambda tensors: tensors["classifier.weight"].__imul__(1.1))
    theirs = sentence_transformers_check.their_logits
    monkeypatch.setattr(
        sentence_transformers_check, "their_logits", lambda _, length: theirs(other, length)
    )
    check = check_of(examine(parity / "bert"), "sentence-transformers")
    assert check.verdict == "failed"
    assert "logits differ by" in check.measured
