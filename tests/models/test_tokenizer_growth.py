"""A tokenizer whose own rules make a text very long is refused when it is loaded."""

from __future__ import annotations

import json
from base64 import b64encode

import pytest

from secondpass import UnsupportedModelError
from secondpass.models.embedded import BI_ENCODER, CROSS_ENCODER, embedded_folder
from secondpass.models.tokenizer import load_tokenizer

DOUBLING = {"type": "Replace", "pattern": {"String": "a"}, "content": "aa"}
EACH = {"type": "Replace", "pattern": {"Regex": "."}, "content": "xx"}
LONG = {"type": "Replace", "pattern": {"String": " "}, "content": "y" * 1000}
CHARSMAP = b64encode((4).to_bytes(4, "little") + b"\0" * 4 + b"z" * 10_000 + b"\0").decode()


def sequence(*parts):
    return {"type": "Sequence", "normalizers": list(parts)}


@pytest.mark.parametrize(
    "normalizer",
    [
        LONG,
        sequence(*[DOUBLING] * 20),
        sequence(*[EACH] * 7),
        sequence({"type": "Lowercase"}, sequence(LONG)),
        {"type": "Prepend", "prepend": "p" * 1000},
        {"type": "Precompiled", "precompiled_charsmap": CHARSMAP},
    ],
)
def test_a_normalizer_that_multiplies_text_is_refused(parity, tmp_path, normalizer):
    assert "its rules make more than 256 characters of one" in refused(
        parity, tmp_path, normalizer=normalizer
    )


def test_a_word_that_would_be_read_for_hours_is_refused(parity, tmp_path):
    data = json.loads((parity / "bert" / "tokenizer.json").read_text())
    model = data["model"] | {"max_input_chars_per_word": 10**9}
    assert "max_input_chars_per_word 1000000000, expected at most 1000" in refused(
        parity, tmp_path, model=model
    )


def refused(parity, tmp_path, **changed):
    data = json.loads((parity / "bert" / "tokenizer.json").read_text())
    file = tmp_path / "tokenizer.json"
    file.write_text(json.dumps(data | changed))
    with pytest.raises(UnsupportedModelError) as raised:
        load_tokenizer(file)
    assert str(file) in str(raised.value)
    return str(raised.value)


@pytest.mark.parametrize(
    "normalizer",
    [
        sequence(
            {"type": "NFKC"}, {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}
        ),
        {"type": "Replace", "pattern": {"String": "``"}, "content": '"'},
        sequence(
            {"type": "Prepend", "prepend": "▁"},
            {"type": "Replace", "pattern": {"String": " "}, "content": "▁"},
        ),
        None,
    ],
)
def test_what_saved_tokenizers_do_is_not(parity, tmp_path, normalizer):
    data = json.loads((parity / "bert" / "tokenizer.json").read_text())
    file = tmp_path / "tokenizer.json"
    file.write_text(json.dumps(data | {"normalizer": normalizer}))
    load_tokenizer(file)


def test_the_saved_ones_load(parity):
    files = [*parity.glob("*/tokenizer.json")]
    files += [embedded_folder(name) / "tokenizer.json" for name in (CROSS_ENCODER, BI_ENCODER)]
    for file in files:
        load_tokenizer(file)


def added(text):
    def change(value):
        value["added_tokens"].append({**value["added_tokens"][0], "id": 600, "content": text})

    return change


def word(text):
    return lambda value: value["model"]["vocab"].update({text: 600})


def piece(text):
    return lambda value: value["model"]["vocab"].append([text, -9.0])


def changed(parity, tmp_path, family, change):
    value = json.loads((parity / family / "tokenizer.json").read_text())
    change(value)
    file = tmp_path / "tokenizer.json"
    file.write_text(json.dumps(value))
    return file


@pytest.mark.parametrize(
    ("family", "change"),
    [
        ("bert", added("a" * 10_000_000)),
        ("bert", word("b" * 1001)),
        ("bert", word('"' * 1001)),
        ("bert", added("\\" * 1001)),
        ("roberta", word("\u2581" * 1001)),
        # As a piece it would end the process.
        ("xlm-roberta", piece("c" * 2_000_000)),
        (
            "xlm-roberta",
            lambda value: piece("precompiled_charsmap")(value) or piece("d" * 2000)(value),
        ),
    ],
)
def test_a_token_longer_than_any_word_is_refused_before_it_is_loaded(
    parity, tmp_path, family, change
):
    file = changed(parity, tmp_path, family, change)
    with pytest.raises(UnsupportedModelError, match=r"token or rule of [0-9,]+ characters") as said:
        load_tokenizer(file)
    assert str(file) in str(said.value)
    assert len(str(said.value)) < 400


@pytest.mark.parametrize("text", ["e" * 1000, "\u2581" * 1000, '"' * 1000, "\\" * 1000, 'a\\"'])
def test_a_token_of_a_thousand_characters_is_loaded(parity, tmp_path, text):
    assert load_tokenizer(changed(parity, tmp_path, "bert", word(text))).token_to_id(text) == 600
