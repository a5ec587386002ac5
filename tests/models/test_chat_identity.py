"""What a model with a chat template is known by: in its info, records and the score cache."""

import json
import shutil

import numpy as np
import pytest

from secondpass import CrossEncoderReranker
from secondpass.models.digest import file_sha256, text_sha256
from secondpass.result_file import as_values

pytest.importorskip("jinja2", reason="needs the chat extra")

PAIRS = [("read the csv rows", "csv rows are read"), ("wait", "a lock is free")]


def load(folder, **options):
    return CrossEncoderReranker(folder, precision="fp32", threads=1, **options)


@pytest.fixture
def folder(parity, tmp_path):
    return shutil.copytree(parity / "qwen3-causal", tmp_path / "model")


def in_tokenizer_config(folder, template):
    (folder / "chat_template.jinja").unlink(missing_ok=True)
    file = folder / "tokenizer_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "chat_template": template}))


def test_info_holds_the_instruction_and_the_template(folder):
    info = load(folder).info
    assert info.instruction == "Find what answers."  # the folder's own
    assert info.chat_template_sha256 == file_sha256(folder / "chat_template.jinja")
    assert load(folder, instruction="Find a lock.").info.instruction == "Find a lock."
    assert load(folder, instruction="").info.instruction == ""
    assert as_values(info)["instruction"] == info.instruction
    template = (folder / "chat_template.jinja").read_text()
    in_tokenizer_config(folder, template)
    assert load(folder).info.chat_template_sha256 == text_sha256(template)


def test_a_model_without_them_says_so(parity):
    info = load(parity / "bert").info
    assert (info.instruction, info.chat_template_sha256) == ("", None)
    assert load(parity / "bert", instruction="csv: ").info.instruction == "csv: "


def keys(*models):
    return [model.model.rules.digest() for model in models]


@pytest.mark.parametrize("instruction", ["Find a lock.", "Find a lock", "", " Find what answers."])
def test_another_instruction_has_other_keys(folder, instruction):
    own, told, again = keys(
        load(folder), load(folder, instruction=instruction), load(folder, instruction=instruction)
    )
    assert own != told
    assert told == again


def changed_file(folder):
    file = folder / "chat_template.jinja"
    file.write_text(file.read_text().replace("Judge:", "Say:"))


def changed_setting(folder):
    in_tokenizer_config(folder, (folder / "chat_template.jinja").read_text())


def changed_prompt(folder):
    file = folder / "config_sentence_transformers.json"
    file.write_text(file.read_text().replace("Find what answers.", "Find what asks."))


@pytest.mark.parametrize("change", [changed_file, changed_setting, changed_prompt])
def test_another_template_has_other_keys(folder, change):
    (before,) = keys(load(folder))
    change(folder)
    (after,) = keys(load(folder))
    assert before != after


def test_a_cache_in_a_folder_keeps_instructions_and_templates_apart(folder, tmp_path):
    for change in (None, changed_file):
        if change is not None:
            change(folder)
        for instruction in ("Find a lock.", "Find a file.", ""):
            expected = load(folder, instruction=instruction).predict(PAIRS)
            cached = load(folder, instruction=instruction, cache=tmp_path / "cache")
            found = [cached.score(query, [text]) for query, text in PAIRS]
            assert [one.timings.cached for one in found] == [0, 0]
            np.testing.assert_allclose([one.scores[0] for one in found], expected, atol=1e-5)
            again = [cached.score(query, [text]) for query, text in PAIRS]
            assert [one.timings.cached for one in again] == [1, 1]
