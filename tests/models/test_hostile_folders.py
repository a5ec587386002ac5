"""A hostile model folder is refused by name: no other exception, no hang, no score of nonsense."""

import json
import shutil

import hostile
import numpy as np
import pytest

from secondpass import CrossEncoderReranker
from secondpass.cli.main import main
from secondpass.engine.select import Machine, Wanted, select
from secondpass.errors import (
    EngineError,
    InputError,
    ModelError,
    ModelFileError,
    UnsupportedModelError,
)
from secondpass.models.boundary import at_the_boundary
from secondpass.retrieval.embedder import Embedder

pytestmark = pytest.mark.timeout(60)


class Panic(BaseException):
    """As what a Rust library raises: no Exception."""


PAIRS = [("read a file", "csv"), ("read a file", "the date and the time " * 9)]


def cases(changes, fine=()):
    return [pytest.param(change, id=name) for name, change in changes.items() if name not in fine]


def refused(folder, load):
    with pytest.raises(ModelError) as raised:
        load(folder)
    message = str(raised.value)
    assert "\n" not in message
    assert len(message.replace(str(folder), "")) < 500
    assert str(folder) in message or folder.name in message


def rerank(folder):
    return CrossEncoderReranker(folder, 32, precision="fp32").predict(PAIRS)


def embed(folder):
    return Embedder(folder, precision="fp32").embed(["a file"])


@pytest.mark.parametrize("change", cases(hostile.CONFIG, hostile.CONFIG_FINE))
def test_a_config_is_refused(model_copy, change):
    if change is hostile.CONFIG["no model_type"]:
        pytest.importorskip("torch", reason="what torch is asked for is refused with torch")
    folder = model_copy()
    change(folder)
    refused(folder, rerank)


@pytest.mark.parametrize("change", cases(hostile.FILES, hostile.FILES_FINE))
def test_a_file_is_refused(model_copy, change):
    folder = model_copy()
    change(folder)
    refused(folder, rerank)


@pytest.mark.parametrize("change", cases(hostile.INDEX))
def test_a_shard_index_is_refused(model_copy, change):
    folder = model_copy()
    change(folder)
    refused(folder, rerank)


@pytest.mark.parametrize("change", cases(hostile.WEIGHTS, hostile.WEIGHTS_FINE))
def test_weights_are_refused_at_load(model_copy, change):
    folder = model_copy()
    change(folder)
    refused(folder, lambda folder: CrossEncoderReranker(folder, 64, precision="fp32"))


@pytest.mark.parametrize("change", cases(hostile.TOKENIZER, hostile.TOKENIZER_FINE))
def test_a_tokenizer_is_refused(model_copy, change):
    folder = model_copy()
    change(folder)
    refused(folder, rerank)


@pytest.mark.parametrize("change", cases(hostile.MODERN))
def test_a_modernbert_is_refused(model_copy, change):
    folder = model_copy("modernbert")
    change(folder)
    refused(folder, rerank)


FINE = {
    name: change
    for changes, fine in (
        (hostile.CONFIG, hostile.CONFIG_FINE),
        (hostile.FILES, hostile.FILES_FINE),
        (hostile.WEIGHTS, hostile.WEIGHTS_FINE),
        (hostile.TOKENIZER, hostile.TOKENIZER_FINE),
    )
    for name, change in changes.items()
    if name in fine
}


@pytest.mark.parametrize("change", cases(FINE))
def test_what_nothing_reads_changes_no_score(model_copy, change, tiny):
    folder = model_copy()
    change(folder)
    reranker = CrossEncoderReranker(folder, 64, precision="fp32")
    np.testing.assert_allclose(reranker.predict(PAIRS), tiny.predict(PAIRS), atol=1e-6)


@pytest.mark.parametrize(
    "change", [hostile.WEIGHTS["exit without head"], hostile.CONFIG["exits list"]]
)
def test_exits_that_cannot_be_read_are_refused_when_asked_for(model_copy, change):
    folder = model_copy(exits={"fast": [[1, 0.5]]})
    change(folder)
    reranker = CrossEncoderReranker(folder, 32, precision="fp32")
    with pytest.raises((ModelError, InputError)):
        reranker.rank("read a file", ["csv", "json"], effort="fast")


@pytest.fixture
def embedder_copy(model_copy, parity):
    """A copy of the tiny cross-encoder with the modules of a bi-encoder, the head left unread."""

    def copy():
        folder = model_copy()
        shutil.copytree(parity / "bert-embedder" / "1_Pooling", folder / "1_Pooling")
        for name in ("modules.json", "sentence_bert_config.json"):
            shutil.copyfile(parity / "bert-embedder" / name, folder / name)
        return folder

    return copy


def test_the_embedder_that_is_changed_below_works(embedder_copy):
    assert np.isfinite(embed(embedder_copy())).all()


# What a bi-encoder does not read: labels, a head, exits, and how a pair is laid out.
CROSS_ENCODERS_ONLY = ("label", "head ", "no head", "late join", "exit", "text before")
EMBEDDER = {
    name: change
    for changes, fine in (
        (hostile.CONFIG, hostile.CONFIG_FINE),
        (hostile.FILES, hostile.FILES_FINE),
        (hostile.INDEX, ()),
        (hostile.WEIGHTS, hostile.WEIGHTS_FINE),
        (hostile.TOKENIZER, hostile.TOKENIZER_FINE),
    )
    for name, change in changes.items()
    if name not in fine and not any(word in name for word in CROSS_ENCODERS_ONLY)
}


@pytest.mark.parametrize("change", cases(EMBEDDER))
def test_an_embedder_is_refused(embedder_copy, change):
    folder = embedder_copy()
    change(folder)
    refused(folder, embed)


@pytest.mark.parametrize(("transformers", "load"), [(2, rerank), (1000, embed), (1000, rerank)])
def test_a_repeated_transformer_is_refused(embedder_copy, transformers, load):
    folder = embedder_copy()
    entries = json.loads((folder / "modules.json").read_text())
    repeated = [entries[0] | {"name": str(at)} for at in range(transformers)]
    (folder / "modules.json").write_text(json.dumps(repeated + entries[1:]))
    with pytest.raises(UnsupportedModelError, match=rf"modules\.json lists {transformers} mod"):
        load(folder)


@pytest.mark.parametrize("load", [rerank, embed])
@pytest.mark.parametrize("path", ["0_T", "0_T/"])
def test_a_transformer_in_a_folder_of_its_own_is_refused_by_its_path(embedder_copy, load, path):
    folder = embedder_copy()
    entries = json.loads((folder / "modules.json").read_text())
    entries[0]["path"] = path
    (folder / "modules.json").write_text(json.dumps(entries))
    (folder / "0_T").mkdir()
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        (folder / name).rename(folder / "0_T" / name)
    with pytest.raises(UnsupportedModelError, match=r"Transformer's path is '0_T.*model folder"):
        load(folder)


BACKTRACKING = hostile.tokenizer(
    pre_tokenizer={
        "type": "Split",
        "pattern": {"Regex": "(z+)+c"},
        "behavior": "Isolated",
        "invert": False,
    }
)


def test_a_pattern_that_takes_too_many_steps_on_a_text_is_an_engine_error(model_copy):
    folder = model_copy()
    BACKTRACKING(folder)
    reranker = CrossEncoderReranker(folder, 32, precision="fp32")
    with pytest.raises(EngineError, match="tokenizer failed on a text"):
        reranker.predict([("read", "z" * 60)])
    assert np.isfinite(reranker.predict([("read", "a file")])).all()


@pytest.mark.parametrize(
    "name", ["hidden_size text", "model.safetensors pipe", "tokenizer.json deep", "type float8"]
)
def test_the_command_says_it_in_one_line(model_copy, tmp_path, capsys, name):
    folder = model_copy()
    candidates = tmp_path / "candidates.jsonl"
    candidates.write_text('{"text": "a"}\n')
    (hostile.CONFIG | hostile.FILES | hostile.WEIGHTS)[name](folder)
    with pytest.raises(SystemExit) as raised:
        main(["rerank", "q", str(candidates), "--model", str(folder), "--max-length", "32"])
    assert raised.value.code == 2
    said = capsys.readouterr().err.strip()
    assert said.startswith(f"secondpass: {folder}")
    assert len(said.splitlines()) == 1
    assert "Traceback" not in said


def test_a_link_to_a_file_is_followed_as_in_the_hubs_cache(model_copy, tmp_path, tiny):
    folder = model_copy()
    blobs = tmp_path / "blobs"
    blobs.mkdir()
    for number, file in enumerate(sorted(folder.iterdir())):
        file.rename(blobs / str(number))
        file.symlink_to(f"../blobs/{number}")
    reranker = CrossEncoderReranker(folder, 64, precision="fp32")
    np.testing.assert_allclose(reranker.predict(PAIRS), tiny.predict(PAIRS), atol=1e-6)


def test_shards_that_are_whole_score_as_one_file(model_copy, tiny):
    folder = model_copy()
    hostile.shards(hostile.as_named)(folder)
    reranker = CrossEncoderReranker(folder, 64, precision="fp32")
    np.testing.assert_allclose(reranker.predict(PAIRS), tiny.predict(PAIRS), atol=1e-6)


@pytest.mark.parametrize("name", ["gelu_python", "gelu_python_tanh", "gelu_accurate"])
def test_an_activation_by_another_name_is_the_same(model_copy, tiny, name):
    reranker = CrossEncoderReranker(model_copy(hidden_act=name), 64, precision="fp32")
    near = 1e-6 if name == "gelu_python" else 1e-2
    np.testing.assert_allclose(reranker.predict(PAIRS), tiny.predict(PAIRS), atol=near)


def test_an_activation_without_an_operation_is_torchs():
    wanted = Wanted("bert", activations=("gelu", "xielu"))
    assert select(wanted, Machine()).engine == "torch"
    selection = select(wanted, Machine(torch=False))
    assert selection.engine is None
    assert "no activation 'xielu'" in selection.reasons


@pytest.mark.parametrize("kind", [KeyError, RecursionError, MemoryError, OverflowError, Panic])
def test_whatever_a_library_raises_is_a_file_error(tmp_path, kind):
    @at_the_boundary
    def load(folder):
        raise kind("deep\nbelow")

    with pytest.raises(ModelFileError, match="deep") as raised:
        load(tmp_path)
    assert "below" not in str(raised.value)


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, InputError])
def test_what_is_not_the_folders_fault_passes(tmp_path, kind):
    @at_the_boundary
    def load(folder):
        raise kind

    with pytest.raises(kind):
        load(tmp_path)
