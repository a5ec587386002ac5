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
LONG = {"type": "Replace", "pattern": {"String": " "}, "content": "y" * 10_000}
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
        {"type": "Prepend", "prepend": "p" * 10**5},
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
