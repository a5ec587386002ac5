"""A folder without a tokenizer.json: what transformers makes of its vocabulary, id for id."""

import importlib.metadata
import io
import json
import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from secondpass import CrossEncoderReranker, MissingExtraError, UnsupportedModelError
from secondpass.errors import ModelFileError
from secondpass.models.folder import find_folder
from secondpass.models.spec import read_cross_encoder_spec
from secondpass.models.tokenizer_settings import CONFIG
from secondpass.scoring.model_tokenizer import model_tokenizer, pair_layout

transformers = pytest.importorskip("transformers", reason="needs the extra: make test-extras")
sentencepiece = pytest.importorskip("sentencepiece", reason="needs the extra: make test-extras")

CORPUS = [
    "csv.DictReader maps the information in each row to a dict of names and values",
    "a task waits for the lock, and threading.Event.wait blocks until the flag is true",
    "read the csv rows one by one; write them to a file, sort the path by date and time",
    "naïve café: 12 3/4 of them (and more) are found in the column 'key' of a zone",
]
TEXTS = [
    "Read the CSV rows, naïve café!",
    "two  blanks\tand\n a tab",
    "",
    "Ünïcode ☃ 读取 🙂 ½ ﬁne",
    "a" * 150,
    "(waits), it's 12 o'clock.",
]
SIZES = {
    "hidden_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "num_labels": 1,
    "initializer_range": 0.3,
}


def pieces(name, **options):
    def write(folder):
        made = io.BytesIO()
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(CORPUS * 3),
            model_writer=made,
            vocab_size=120,
            hard_vocab_limit=False,
            minloglevel=2,
            **options,
        )
        (folder / name).write_bytes(made.getvalue())

    return write


def words(special):
    def write(folder):
        from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

        made = Tokenizer(models.WordPiece(unk_token="[UNK]"))
        made.normalizer = normalizers.BertNormalizer()
        made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        trainer = trainers.WordPieceTrainer(vocab_size=200, special_tokens=special)
        made.train_from_iterator(CORPUS, trainer)
        listed = sorted(made.get_vocab().items(), key=lambda item: item[1])
        (folder / "vocab.txt").write_text("\n".join(word for word, _ in listed) + "\n")

    return write


def byte_pairs(special):
    def write(folder):
        from tokenizers import Tokenizer, models, pre_tokenizers, trainers

        made = Tokenizer(models.BPE())
        made.pre_tokenizer = pre_tokenizers.ByteLevel()
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        trainer = trainers.BpeTrainer(
            vocab_size=330, special_tokens=special, initial_alphabet=alphabet
        )
        made.train_from_iterator(CORPUS, trainer)
        made.model.save(str(folder))

    return write


BERT = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
ROBERTA = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
V3 = {
    "pad_id": 0,
    "bos_id": 1,
    "eos_id": 2,
    "unk_id": 3,
    "pad_piece": "[PAD]",
    "bos_piece": "[CLS]",
    "eos_piece": "[SEP]",
    "unk_piece": "[UNK]",
}
V1 = {"pad_id": 0, "unk_id": 1, "bos_id": -1, "eos_id": -1}

# Of each: the architecture, what writes its vocabulary, tokenizer_config.json, more of config.json.
FOLDERS = {
    "bert": ("bert", words(BERT), {}, {}),
    "bert, cased": ("bert", words(BERT), {"do_lower_case": False}, {}),
    "bert, its class named": ("bert", words(BERT), {"tokenizer_class": "BertTokenizer"}, {}),
    "distilbert": ("distilbert", words(BERT), {}, {"dim": 32, "n_heads": 4, "n_layers": 1}),
    "electra": ("electra", words(BERT), {"strip_accents": False}, {"embedding_size": 16}),
    "mpnet": ("mpnet", words(["<s>", "<pad>", "</s>", "[UNK]", "<mask>"]), {}, {}),
    "roberta": ("roberta", byte_pairs(ROBERTA), {}, {}),
    "roberta, prefix space": ("roberta", byte_pairs(ROBERTA), {"add_prefix_space": True}, {}),
    "qwen2": (
        "qwen2",
        byte_pairs(["<|endoftext|>"]),
        {"pad_token": "<|endoftext|>"},
        {"num_key_value_heads": 2, "pad_token_id": 0},
    ),
    "xlm-roberta": ("xlm-roberta", pieces("sentencepiece.bpe.model"), {}, {}),
    "camembert": ("camembert", pieces("sentencepiece.bpe.model"), {}, {}),
    "deberta-v2": ("deberta-v2", pieces("spm.model", **V3), {"do_lower_case": False}, {}),
    "deberta-v3": (
        "deberta-v2",
        pieces("spm.model", **V3),
        {"vocab_type": "spm"},
        {"relative_attention": True, "pos_att_type": ["p2c", "c2p"], "position_buckets": 8},
    ),
    "albert": (
        "albert",
        pieces("spiece.model", control_symbols="[CLS],[SEP]", user_defined_symbols="(,)", **V1),
        {},
        {"embedding_size": 16},
    ),
}


def make(folder, kind):
    import torch

    architecture, write, settings, more = FOLDERS[kind]
    folder.mkdir()
    write(folder)
    if settings:
        (folder / CONFIG).write_text(json.dumps(settings))
    torch.manual_seed(3)
    config = transformers.AutoConfig.for_model(
        architecture, **{**SIZES, "vocab_size": 600, "max_position_embeddings": 130, **more}
    )
    transformers.AutoModelForSequenceClassification.from_config(config).save_pretrained(folder)
    assert not (folder / "tokenizer.json").exists()
    return folder


@pytest.fixture
def cache(tmp_path, monkeypatch):
    place = tmp_path / "cache"
    monkeypatch.setenv("SECONDPASS_CACHE_DIR", str(place))
    return place


def listed(folder):
    return {file.name: file.read_bytes() for file in Path(folder).iterdir()}


@pytest.mark.parametrize("kind", FOLDERS)
def test_the_ids_are_those_of_transformers_and_the_folder_is_left_alone(tmp_path, cache, kind):
    folder = make(tmp_path / "model", kind)
    before = listed(folder)
    spec = read_cross_encoder_spec(find_folder(folder))
    tokenizer = model_tokenizer(spec)
    layout = pair_layout(tokenizer, spec)
    assert listed(folder) == before
    assert spec.tokenizer_file.is_relative_to(cache)

    theirs = transformers.AutoTokenizer.from_pretrained(folder)
    for query in TEXTS:
        for text in TEXTS:
            fed = {name: rows[0] for name, rows in theirs([query], [text]).items()}
            made = [tokenizer.encode(one, add_special_tokens=False).ids for one in (query, text)]
            pair = layout.join(*(np.array(ids, np.int32) for ids in made))
            assert pair.ids.tolist() == fed["input_ids"]
            assert pair.types.tolist() == fed.get("token_type_ids", [0] * len(pair.ids))


@pytest.mark.parametrize(
    "kind",
    ["bert", "roberta", "mpnet", "qwen2", "xlm-roberta", "camembert", "deberta-v3", "albert"],
)
def test_the_scores_are_those_of_the_peer(tmp_path, cache, kind):
    cross = pytest.importorskip("sentence_transformers").CrossEncoder
    folder = make(tmp_path / "model", kind)
    pairs = [(query, text) for query in TEXTS[:2] for text in TEXTS]
    reranker = CrossEncoderReranker(folder, 128, precision="fp32", threads=1)
    expected = cross(str(folder), device="cpu", max_length=128).predict(pairs)
    np.testing.assert_allclose(reranker.predict(pairs), expected, atol=1e-4)


def test_it_is_made_once_and_made_again_where_it_was_damaged(tmp_path, cache, monkeypatch):
    folder = make(tmp_path / "model", "bert")
    first = read_cross_encoder_spec(find_folder(folder)).tokenizer_file
    content = first.read_bytes()
    first.write_text("{}")
    assert read_cross_encoder_spec(find_folder(folder)).tokenizer_file.read_bytes() == content
    monkeypatch.setattr(transformers.AutoTokenizer, "from_pretrained", None)
    assert read_cross_encoder_spec(find_folder(folder)).tokenizer_file == first
    with pytest.raises(ModelFileError):
        read_cross_encoder_spec(find_folder(folder), cache_dir=tmp_path / "another")


def test_another_vocabulary_or_setting_is_another_tokenizer(tmp_path, cache):
    folder = make(tmp_path / "model", "bert")
    made = {read_cross_encoder_spec(find_folder(folder)).tokenizer_file}
    (folder / CONFIG).write_text('{"do_lower_case": false}')
    made.add(read_cross_encoder_spec(find_folder(folder)).tokenizer_file)
    with (folder / "vocab.txt").open("a") as stream:
        stream.write("another\n")
    made.add(read_cross_encoder_spec(find_folder(folder)).tokenizer_file)
    assert len(made) == 3


def test_a_cache_that_cannot_be_written_is_a_warning(tmp_path, monkeypatch):
    folder = make(tmp_path / "model", "bert")
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SECONDPASS_CACHE_DIR", str(tmp_path / "file"))
    with pytest.warns(UserWarning, match="cannot be written"):
        spec = read_cross_encoder_spec(find_folder(folder))
    assert model_tokenizer(spec).get_vocab_size() == len((folder / "vocab.txt").read_text().split())


@pytest.mark.parametrize(
    ("kind", "lacking"),
    [("bert", "transformers"), ("xlm-roberta", "sentencepiece"), ("deberta-v2", "protobuf")],
)
def test_what_is_not_installed_is_named_with_the_extra(tmp_path, cache, monkeypatch, kind, lacking):
    folder = make(tmp_path / "model", kind)
    real = importlib.metadata.version

    def version(name):
        if name == lacking:
            raise importlib.metadata.PackageNotFoundError(name)
        return real(name)

    monkeypatch.setattr("secondpass.models.vocabulary.version", version)
    with pytest.raises(MissingExtraError, match=r"vocab\.txt|\.model") as caught:
        CrossEncoderReranker(folder)
    assert caught.value.extra == "tokenizer"


def test_an_older_transformers_is_refused(tmp_path, cache, monkeypatch):
    folder = make(tmp_path / "model", "bert")
    monkeypatch.setattr("secondpass.models.vocabulary.version", lambda name: "4.57.1")
    with pytest.raises(MissingExtraError, match=r"4\.57\.1 is installed"):
        CrossEncoderReranker(folder)


def remove(*names):
    return lambda folder: [(folder / name).unlink() for name in names]


def write(name, content):
    return lambda folder: (folder / name).write_bytes(content)


def pipe(folder):
    (folder / "vocab.txt").unlink()
    os.mkfifo(folder / "vocab.txt")


def exchanged(folder):
    (folder / "vocab.txt").rename(folder / "spm.model")


HOSTILE = {
    "no vocabulary": ("bert", remove("vocab.txt"), r"tokenizer\.json is missing.*vocab\.txt"),
    "half a vocabulary": ("roberta", remove("merges.txt"), r"vocab\.json with merges\.txt"),
    "an empty one": ("bert", write("vocab.txt", b""), "is empty"),
    "a pipe": ("bert", pipe, "named pipe"),
    "a pointer": (
        "xlm-roberta",
        write("sentencepiece.bpe.model", b"version https://git-lfs.github.com/spec/v1\noid x"),
        "LFS pointer",
    ),
    "not UTF-8": ("bert", write("vocab.txt", b"[PAD]\n\xff\xfe\n"), "not UTF-8"),
    "a token too long": ("bert", write("vocab.txt", b"[UNK]\n" + b"a" * 5000), "5,000 characters"),
    "a merge too long": (
        "roberta",
        write("merges.txt", b"#version: 0.2\na " + b"b" * 9000),
        "9,002 characters",
    ),
    "a name too long": (
        "roberta",
        write("vocab.json", json.dumps({"a" * 4000: 0}).encode()),
        "4,000 characters",
    ),
    "a setting too long": (
        "xlm-roberta",
        write(CONFIG, json.dumps({"mask_token": "m" * 1_000_000}).encode()),
        "1,000,000 characters",
    ),
    "not a sentencepiece": ("xlm-roberta", write("sentencepiece.bpe.model", b"\xff" * 40), "not a"),
    "a sentencepiece of nothing": (
        "deberta-v2",
        write("spm.model", b"\x12\x00"),
        "without pieces",
    ),
    "the vocabulary of another class": ("bert", exchanged, "not a sentencepiece"),
    "not JSON": ("roberta", write("vocab.json", b"{"), "cannot be loaded"),
    "nested too deep": ("roberta", write("vocab.json", b"[" * 100_000), "cannot be loaded"),
    "no unknown token": ("bert", write("vocab.txt", b"a\nb\n"), "cannot be loaded|does not hold"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_broken_vocabulary_is_refused_by_name(tmp_path, cache, case):
    kind, change, said = HOSTILE[case]
    folder = make(tmp_path / "model", kind)
    change(folder)
    with pytest.raises((ModelFileError, UnsupportedModelError), match=said):
        CrossEncoderReranker(folder, 64, precision="fp32", threads=1)


def test_a_class_that_reads_another_file_is_named(tmp_path, cache):
    folder = make(tmp_path / "model", "bert")
    (folder / CONFIG).write_text('{"tokenizer_class": "XLMRobertaTokenizer"}')
    with pytest.raises(ModelFileError, match=r"reads sentencepiece\.bpe\.model, .* vocab\.txt"):
        CrossEncoderReranker(folder)


def test_a_piece_that_ends_the_process_is_refused_before_it_is_read(tmp_path, cache):
    """tokenizers keeps a piece as a trie of as many levels, one call within the other."""
    from sentencepiece import sentencepiece_model_pb2

    folder = make(tmp_path / "model", "xlm-roberta")
    file = folder / "sentencepiece.bpe.model"
    model = sentencepiece_model_pb2.ModelProto()
    model.ParseFromString(file.read_bytes())
    model.pieces.add(piece="b" * 1_000_000, score=-1.0)
    file.write_bytes(model.SerializeToString())
    with pytest.raises(UnsupportedModelError, match="1,000,000 characters"):
        CrossEncoderReranker(folder)


@pytest.mark.parametrize(
    "settings",
    [
        {"auto_map": {"AutoTokenizer": ["planted.Planted", None]}, "tokenizer_class": "Planted"},
        {"tokenizer_file": "/etc/hostname", "vocab_file": "/etc/hostname"},
        {"gguf_file": "/etc/hostname", "tokenizer_object": "x", "backend": "x"},
    ],
)
def test_a_key_that_names_code_or_a_file_reaches_nobody(tmp_path, cache, settings):
    folder = make(tmp_path / "model", "bert")
    plain = model_tokenizer(read_cross_encoder_spec(find_folder(folder))).to_str()
    (folder / "planted.py").write_text("raise SystemExit('planted')")
    (folder / CONFIG).write_text(json.dumps(settings))
    if "tokenizer_class" in settings:
        with pytest.raises(UnsupportedModelError, match="Planted"):
            read_cross_encoder_spec(find_folder(folder))
    else:
        spec = read_cross_encoder_spec(find_folder(folder))
        assert model_tokenizer(spec).to_str() == plain
    assert "planted" not in sys.modules


def test_a_folder_of_another_place_makes_the_same(tmp_path, cache):
    folder = make(tmp_path / "model", "roberta")
    moved = shutil.copytree(folder, tmp_path / "moved")
    first, second = (read_cross_encoder_spec(find_folder(one)) for one in (folder, moved))
    assert first.tokenizer_file == second.tokenizer_file
