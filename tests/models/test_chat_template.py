"""The frame of a chat template, and the templates that make none."""

import json
import shutil

import numpy as np
import pytest

from secondpass import CrossEncoderReranker, InputError, UnsupportedModelError
from secondpass.errors import MissingExtraError, ModelFileError
from secondpass.graph.fits import fitting_faults
from secondpass.models.chat_template import read_frame
from secondpass.models.folder import find_folder
from secondpass.models.spec import read_cross_encoder_spec
from secondpass.scoring.model_tokenizer import model_tokenizer

pytest.importorskip("jinja2", reason="needs the chat extra")

PAIRS = [("read the csv rows", "csv rows are read"), ("wait", "a lock is free " * 40)]
QUERY, DOCUMENT, SYSTEM = (
    f"{{{{ messages | selectattr('role', 'eq', '{role}') | map(attribute='content') | first }}}}"
    for role in ("query", "document", "system")
)
BOTH = "{{ messages[0].content }} {{ messages[1].content }}"


@pytest.fixture
def with_template(parity, tmp_path):
    def made(template, name="qwen2-causal"):
        folder = shutil.copytree(parity / name, tmp_path / "model")
        (folder / "chat_template.jinja").write_text(template)
        return folder

    return made


def change(file, **values):
    file.write_text(json.dumps({**json.loads(file.read_text()), **values}))


def load(folder, **options):
    return CrossEncoderReranker(folder, 128, precision="fp32", threads=1, **options)


def frame(folder, instruction=""):
    return read_frame(read_cross_encoder_spec(find_folder(folder)), instruction)


def test_a_frame_is_the_text_round_query_and_document(with_template):
    folder = with_template(f"<s>{SYSTEM}|Q: {QUERY}\nD: {DOCUMENT}<|im_end|>{{{{ eos_token }}}}\n")
    assert frame(folder) == ("<s>|Q: ", "\nD: ", "<|im_end|><|im_end|>")
    assert frame(folder, "judge").before == "<s>judge|Q: "


@pytest.mark.parametrize(
    ("template", "why"),
    [
        (f"{QUERY} only", "document 0 times"),
        (f"{QUERY} {QUERY} {DOCUMENT}", "query 2 times"),
        (f"{DOCUMENT} {QUERY}", "document before the query"),
        ("{% for m in messages if m.role == 'user' %}{{ m.content }}{% endfor %}", "query 0 times"),
        ("{{ messages[0].content | trim }} {{ messages[1].content }}", "as they are"),
        ("{{ messages[0].content | upper }} {{ messages[1].content }}", "query 0 times"),
        ("{{ messages[0].content }} {{ messages[1].content | tojson }}", "as they are"),
        ("{{ messages[0].content }} {{ messages[1].content[:2000] }}", "as they are"),
        ("{% if messages[1].content %}x{% endif %}" + BOTH, "as they are"),
        ("{{ messages[0].content | length }}" + BOTH, "as they are"),
        ("{{ raise_exception('roles must alternate') }}", "roles must alternate"),
        ("{% for a in range(40000) %}{% for b in range(40000) %}{% endfor %}{% endfor %}", "steps"),
        ("{{ messages[0].content", "TemplateSyntaxError"),
        ("", "query 0 times"),
    ],
)
def test_a_template_without_a_fixed_frame_is_refused_by_name(with_template, template, why):
    if not template:
        template = "{# nothing #}"
    with pytest.raises(UnsupportedModelError, match=rf"chat_template\.jinja\).*{why}"):
        load(with_template(template))


def test_a_template_may_stand_in_tokenizer_config_json(with_template, parity):
    folder = with_template("")
    (folder / "chat_template.jinja").unlink()
    template = (parity / "qwen2-causal" / "chat_template.jinja").read_text()
    change(folder / "tokenizer_config.json", chat_template=template)
    expected = load(parity / "qwen2-causal").predict(PAIRS)
    np.testing.assert_array_equal(load(folder).predict(PAIRS), expected)
    change(folder / "tokenizer_config.json", chat_template=[{"name": "a", "template": template}])
    with pytest.raises(UnsupportedModelError, match="expected one text"):
        load(folder)


def test_a_template_that_is_gone_is_missed(with_template):
    folder = with_template("")
    (folder / "chat_template.jinja").unlink()
    with pytest.raises(UnsupportedModelError, match="there is no chat template"):
        load(folder)


def test_special_tokens_that_are_split_are_refused(with_template, parity):
    folder = with_template((parity / "qwen2-causal" / "chat_template.jinja").read_text())
    change(folder / "tokenizer_config.json", split_special_tokens=True)
    with pytest.raises(UnsupportedModelError, match="split_special_tokens true"):
        load(folder)


@pytest.mark.parametrize("flag", ["lstrip", "rstrip", "single_word"])
def test_a_special_token_that_takes_blanks_of_a_text_is_refused(with_template, parity, flag):
    folder = with_template((parity / "qwen2-causal" / "chat_template.jinja").read_text())
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    for token in tokenizer["added_tokens"]:
        token[flag] = token[flag] or token["content"] == "<|im_end|>"
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    with pytest.raises(UnsupportedModelError, match=f"<.im_end.>' of the chat template.*{flag}"):
        load(folder)


def test_what_stands_in_every_text_has_a_row(parity):
    spec = read_cross_encoder_spec(find_folder(parity / "qwen2-causal"))
    tokenizer = model_tokenizer(spec)
    assert fitting_faults(spec, tokenizer, highest_type=0, fed={609}) == []
    (fault,) = fitting_faults(spec, tokenizer, highest_type=0, fed={610, 3})
    assert "token id 610 is beyond the 610 rows" in fault


def test_several_templates_are_refused(with_template):
    folder = with_template(f"{QUERY} {DOCUMENT}")
    (folder / "additional_chat_templates").mkdir()
    with pytest.raises(UnsupportedModelError, match="several templates"):
        load(folder)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe{{", b"x" * 2**20])
def test_a_file_that_is_no_template_is_refused(with_template, content):
    folder = with_template("x")
    (folder / "chat_template.jinja").write_bytes(content)
    with pytest.raises((ModelFileError, UnsupportedModelError), match=r"chat_template\.jinja"):
        load(folder)


def test_without_jinja2_the_error_names_the_pip_line(parity, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(MissingExtraError, match="chat template needs the extra 'chat': pip"):
        load(parity / "qwen3-causal")


def test_an_instruction_fills_the_system_s_message(parity):
    folder = parity / "qwen3-causal"
    own, other = load(folder), load(folder, instruction="Find a lock.")
    assert np.abs(own.predict(PAIRS) - other.predict(PAIRS)).min() > 1e-3
    named = load(folder, instruction="Find what answers.")  # the folder's own
    np.testing.assert_array_equal(named.predict(PAIRS), own.predict(PAIRS))
    without = load(folder, instruction="")
    default = load(folder, instruction="Find the passage.")  # the template's own
    np.testing.assert_array_equal(without.predict(PAIRS), default.predict(PAIRS))


def test_an_instruction_that_reaches_no_text_is_refused(parity):
    with pytest.raises(InputError, match=r"instruction 'Find a lock\.' reaches no text"):
        load(parity / "qwen3-one-token", instruction="Find a lock.")
    load(parity / "qwen3-one-token", instruction="")


def test_an_instruction_stands_before_the_query_of_a_model_without_a_template(parity):
    plain = CrossEncoderReranker(parity / "bert", precision="fp32", threads=1)
    told = CrossEncoderReranker(parity / "bert", precision="fp32", threads=1, instruction="csv: ")
    pairs = [(f"csv: {query}", text) for query, text in PAIRS]
    np.testing.assert_array_equal(told.predict(PAIRS), plain.predict(pairs))


@pytest.mark.parametrize(
    ("value", "why"), [(3, "expected a text"), ("a\ud800", "surrogate"), ("a" * 10_001, "10,000")]
)
def test_an_instruction_is_a_text(parity, value, why):
    with pytest.raises(InputError, match=f"instruction.*{why}"):
        load(parity / "qwen3-causal", instruction=value)


def test_scores_of_one_instruction_are_not_found_under_another(parity, tmp_path):
    folder, cache = parity / "qwen3-causal", tmp_path / "cache"
    for instruction in ("Find a lock.", "Find a file."):
        expected = load(folder, instruction=instruction).predict(PAIRS)
        cached = load(folder, instruction=instruction, cache=cache)
        scores = [cached.score(query, [text]).scores[0] for query, text in PAIRS]
        np.testing.assert_allclose(scores, expected, atol=1e-6)
