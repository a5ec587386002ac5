"""Modules behind an encoder, against sentence-transformers; needs the extra: make test-extras."""

import json
import shutil

import numpy as np
import pytest

from scripts.modular_models import encoder, save_cross_encoder, spread
from secondpass import CrossEncoderReranker, Embedder, UnsupportedModelError
from secondpass.errors import ModelFileError

pytest.importorskip("sentence_transformers", reason="needs the torch extra: make test-extras")

PAIRS = [
    ("read the csv rows", "csv.DictReader maps the information in each row to a dict."),
    ("read the csv rows", ""),
    ("wait", "threading.Event.wait blocks until it is set."),
    ("wait", "naïve café 读取"),
]
MODES = ["cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken"]


@pytest.fixture
def modular(parity, tmp_path):
    save_cross_encoder(parity / "bert", tmp_path / "model", "ettin")
    return tmp_path / "model"


def test_an_embedder_refuses_a_cross_encoder_of_modules(modular):
    with pytest.raises(UnsupportedModelError, match="give it to CrossEncoderReranker"):
        Embedder(modular)


def test_paths_are_read_and_not_guessed(modular):
    before = CrossEncoderReranker(modular, precision="fp32", threads=1).predict(PAIRS)
    listed = json.loads((modular / "modules.json").read_text())
    for entry in listed[1:]:
        moved = f"parts/{entry['idx']}-of-it"
        (modular / moved).parent.mkdir(exist_ok=True)
        shutil.move(modular / entry["path"], modular / moved)
        entry["path"] = moved
    (modular / "modules.json").write_text(json.dumps(listed))
    after = CrossEncoderReranker(modular, precision="fp32", threads=1)
    np.testing.assert_array_equal(after.predict(PAIRS), before)


def change(file, **values):
    file.write_text(json.dumps({**json.loads(file.read_text()), **values}))


@pytest.mark.parametrize(
    ("file", "values", "error", "message"),
    [
        ("2_Dense", {"in_features": 31}, ModelFileError, "in_features 31"),
        ("2_Dense", {"bias": True}, ModelFileError, "linear.bias"),
        ("4_Dense", {"out_features": 2}, ModelFileError, "expected .2, 32."),
        ("4_Dense", {"module_output_name": None}, UnsupportedModelError, "'scores'"),
        ("2_Dense", {"module_input_name": "pooled"}, ModelFileError, "'pooled'"),
        (
            "2_Dense",
            {"activation_function": "torch.nn.modules.activation.Mish"},
            UnsupportedModelError,
            "activation_function 'torch.nn.modules.activation.Mish'",
        ),
        ("1_Pooling", {"pooling_mode": "median"}, UnsupportedModelError, "pooling_mode 'median'"),
        ("1_Pooling", {"include_prompt": False}, None, ""),
    ],
)
def test_what_does_not_fit_is_refused_by_file(modular, file, values, error, message):
    change(modular / file / "config.json", **values)
    if error is None:
        CrossEncoderReranker(modular, precision="fp32", threads=1)
        return
    with pytest.raises(error, match=message):
        CrossEncoderReranker(modular, precision="fp32", threads=1)


def test_a_prompt_that_pooling_leaves_out_is_refused(modular):
    change(modular / "1_Pooling" / "config.json", include_prompt=False)
    change(
        modular / "config_sentence_transformers.json",
        prompts={"query": "find: "},
        default_prompt_name="query",
    )
    with pytest.raises(UnsupportedModelError, match="include_prompt"):
        CrossEncoderReranker(modular)


def test_the_hashes_cover_the_weights_of_the_modules(modular, tmp_path):
    from safetensors.numpy import load_file, save_file

    first = CrossEncoderReranker(modular, precision="fp32", threads=1, cache_dir=tmp_path / "c")
    scores, digest = first.predict(PAIRS), first.model.rules.digest()
    file = modular / "4_Dense" / "model.safetensors"
    save_file({name: 2 * tensor for name, tensor in load_file(file).items()}, file)
    second = CrossEncoderReranker(modular, precision="fp32", threads=1, cache_dir=tmp_path / "c")
    assert second.info.weights_sha256 != first.info.weights_sha256
    assert second.model.rules.digest() != digest
    np.testing.assert_allclose(second.predict(PAIRS), 2 * scores, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("modes", [*MODES, ("mean", "cls"), ("max", "lasttoken", "weightedmean")])
@pytest.mark.parametrize("family", ["bert", "roberta", "modernbert", "deberta"])
@pytest.mark.filterwarnings("ignore:.* texts have more than")
def test_embeddings_equal_sentence_transformers(parity, tmp_path, family, modes):
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Dense, Pooling

    first = encoder(parity / family)
    width = first.get_embedding_dimension()
    joined = width * (1 if isinstance(modes, str) else len(modes))
    behind = [Pooling(width, modes)]
    if modes == "max":
        behind.append(Dense(joined, 12))
    spread(behind)
    peer = SentenceTransformer(modules=[first, *behind], device="cpu")
    peer.save_pretrained(str(tmp_path / "model"), create_model_card=False)
    texts = [text for pair in PAIRS for text in pair]
    ours = Embedder(tmp_path / "model", precision="fp32", threads=1)
    expected = peer.encode(texts, normalize_embeddings=True, batch_size=3)
    assert ours.dimension == expected.shape[1]
    np.testing.assert_allclose(ours.embed(texts), expected, atol=1e-4)


@pytest.mark.parametrize("mode", MODES)
def test_the_older_booleans_mean_the_same(parity, tmp_path, mode):
    """Both formats of a pooling's config give the vectors of the mode that they name."""
    old = {
        "cls": "pooling_mode_cls_token",
        "max": "pooling_mode_max_tokens",
        "mean": "pooling_mode_mean_tokens",
        "mean_sqrt_len_tokens": "pooling_mode_mean_sqrt_len_tokens",
        "weightedmean": "pooling_mode_weightedmean_tokens",
        "lasttoken": "pooling_mode_lasttoken",
    }
    vectors = []
    for number, config in enumerate(
        ({"embedding_dimension": 32, "pooling_mode": mode}, {**dict.fromkeys(old.values(), False)})
    ):
        folder = shutil.copytree(parity / "bert-embedder", tmp_path / str(number))
        if number:
            config |= {"word_embedding_dimension": 32, old[mode]: True}
        (folder / "1_Pooling" / "config.json").write_text(json.dumps(config))
        texts = ["csv rows are read", "wait"]
        vectors.append(Embedder(folder, precision="fp32", threads=1).embed(texts))
    np.testing.assert_array_equal(*vectors)
