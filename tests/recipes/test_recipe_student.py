"""The student computes what late_join.py does, by attention without a mask."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")

from tiny_teachers import write_models

from recipes.embedded.assemble import calibrate, trained_tensors
from recipes.embedded.bert import columns, hidden_states, read_encoder
from recipes.embedded.layouts import DeviceTexts, pair, single
from recipes.embedded.ragged import Ragged
from recipes.embedded.settings import Beginning
from recipes.embedded.student import begin
from secondpass.models.embedded import CROSS_ENCODER, embedded_folder

QUERIES = ["how do I read a csv file", "date"]
TEXTS = ["csv.reader reads rows of a file", "a clock " * 40, "x"]
PAIRS = [(0, 0), (0, 1), (1, 2)]
SHIPPED = Beginning("minilm", [0, 1], 1, -3.0, trained_layers=True)


@pytest.fixture(scope="module")
def tokenizer():
    from tokenizers import Tokenizer

    return Tokenizer.from_file(str(embedded_folder(CROSS_ENCODER) / "tokenizer.json"))


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return write_models(tmp_path_factory.mktemp("tiny") / "models")


@pytest.fixture(scope="module")
def sides(tokenizer):
    return [
        DeviceTexts(
            Ragged.packed([tokenizer.encode(t, add_special_tokens=False).ids for t in side]), "cpu"
        )
        for side in (QUERIES, TEXTS)
    ]


@pytest.fixture(scope="module")
def sequences(sides):
    rows = torch.tensor(PAIRS)
    return pair(*sides, rows[:, 0], rows[:, 1], twice=True)


def test_a_pair_is_laid_out_as_the_tokenizer_does(sequences, tokenizer):
    for (query, text), ids, asks, answers in zip(PAIRS, *sequences, strict=True):
        expected = tokenizer.encode(QUERIES[query], TEXTS[text])
        length = len(expected.ids)
        assert ids[:length].tolist() == expected.ids
        assert not ids[length:].any()
        assert answers[:length].long().tolist() == expected.type_ids
        assert (asks | answers).tolist() == [True] * length + [False] * (len(ids) - length)
        assert not (asks & answers).any()


def test_without_the_second_start_a_pair_is_berts(sides, tokenizer):
    ids, query, text = pair(*sides, torch.tensor([1]), torch.tensor([2]), twice=False)
    expected = [101, *tokenizer.encode("date", add_special_tokens=False).ids, 102]
    assert ids[0, query[0]].tolist() == expected
    assert ids[0, text[0]].tolist() == [1060, 102]


def test_a_long_text_is_cut_where_the_positions_end():
    queries, texts = (DeviceTexts(Ragged.packed([[7] * n]), "cpu") for n in (30, 900))
    zero = torch.tensor([0])
    ids, query, text = pair(queries, texts, zero, zero, twice=True)
    assert ids.shape == (1, 512)
    assert (query | text).all()
    assert ids[0, -1] == 102


def test_a_single_text_stands_between_start_and_end(sides):
    ids, real = single(sides[0], torch.tensor([1, 0]), 7, [55])
    assert ids[0, real[0]].tolist()[:2] == [101, 55]
    assert ids[0, real[0]].tolist()[-1] == 102
    assert ids[1, real[1]].tolist()[-1] == 102


def test_attention_by_columns_is_masked_attention(models, sequences):
    ids, query, text = sequences
    real = query | text
    encoder = read_encoder(models / "minilm.safetensors")
    with torch.inference_mode():
        expected = encoder(ids, real)[-1][real]
        torch.testing.assert_close(
            hidden_states(encoder, ids, real)[real], expected, atol=1e-5, rtol=1e-5
        )


def test_columns_add_their_bias_between_the_sides_only():
    query, text = torch.tensor([[1, 1, 0, 0]]).bool(), torch.tensor([[0, 0, 1, 0]]).bool()
    asking, seen = columns(query, text, -3.0)
    added = (asking @ seen.transpose(1, 2))[0, :3, :3]
    assert added.tolist() == [[0, 0, -3], [0, 0, -3], [-3, -3, 0]]
    assert (asking @ seen.transpose(1, 2))[0, :3, 3].max() < -1000


@torch.inference_mode()
def test_the_student_scores_as_the_encoder_and_the_joint_head(models, sequences):
    student = begin(SHIPPED, models, (0,)).prepare("cpu").eval()
    logits = student(*sequences)
    _, query, text = sequences
    end, early = student.head(student.encoder.apart(*sequences), query, text)
    torch.testing.assert_close(logits["end"], end, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(logits["early"], early, atol=1e-4, rtol=1e-4)
    below = student.encoder.apart(*sequences, layers=0)
    expected = student.exits["0"](below, query, text)
    torch.testing.assert_close(logits["0"], expected, atol=1e-4, rtol=1e-4)


@torch.inference_mode()
def test_what_is_assembled_gives_the_calibrated_logit(models, sequences, tmp_path):
    from secondpass.training.late_join_files import write_folder
    from secondpass.training.late_join_folder import read_late_join

    base = write_base(models, tmp_path / "base")
    student = begin(SHIPPED, models, (0,)).prepare("cpu").eval()
    logits = student(*sequences)
    fit = {"C": 1.5, "slope": 0.25, "intercept": -6.0, "lines": {"0": [0.5, 1.0], "1": [2.0, 0.0]}}
    calibrate(student, fit)
    trained = {
        name: value.numpy() for name, value in trained_tensors(student, fit["lines"], base).items()
    }
    assert trained["exits.1.scale"].tolist() == [2.0]
    assert not any(name.startswith("embeddings.") for name in trained)
    stored = load(base / "model.safetensors")
    embeddings = {name: stored[name] for name in stored if name.startswith("embeddings.")}
    write_folder(embeddings | trained, base, tmp_path / "whole", join_layer=1)
    encoder, head, _ = read_late_join(tmp_path / "whole")
    _, query, text = sequences
    end, _ = head(encoder.apart(*sequences), query, text)
    expected = 0.25 * (logits["end"] + 1.5 * logits["early"]) - 6.0
    np.testing.assert_allclose(end.numpy(), expected.numpy(), atol=0.05)


def load(file):
    from safetensors.numpy import load_file

    return load_file(file)


def write_base(models, folder):
    """Write the base's folder: the tiny encoder with the shipped tokenizer and its own sizes."""
    import json
    import shutil

    from recipes.embedded.bert import config_of, load_bert

    folder.mkdir()
    shutil.copyfile(models / "minilm.safetensors", folder / "model.safetensors")
    shutil.copyfile(embedded_folder(CROSS_ENCODER) / "tokenizer.json", folder / "tokenizer.json")
    config = config_of(load_bert(models / "minilm.safetensors"))
    (folder / "config.json").write_text(json.dumps(config))
    return folder
