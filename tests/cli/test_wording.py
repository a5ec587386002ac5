"""Errors in the words of the command: its options and commands, the nearest name, no Python."""

import json
import pickle
import re

import click
import pytest

from secondpass.checks import did_you_mean, one_of
from secondpass.cli.main import group, main
from secondpass.cli.wording import told
from secondpass.errors import Argument, Either, InputError, MissingExtraError, SecondpassError

PYTHON = re.compile(
    r"CrossEncoderReranker|Embedder\b|Index\.|rank\(\)|\bmodel_name\b|\bmax_length\b|\bfuse_weight\b"
    r"|\bselect_tokens\b|\blong_documents\b|\bbudget_ms\b|\blocal_files_only\b|\bpass \w+="
    r"|\b(effort|precision|fuse|stride|cascade|keep|replace|exist_ok)="
)


@pytest.fixture
def failed(capsys, monkeypatch):
    def run(*arguments, stdin="[]"):
        import io
        import sys

        standard_input = io.TextIOWrapper(io.BytesIO(stdin.encode()))
        monkeypatch.setattr(sys, "stdin", standard_input)
        with pytest.raises(SystemExit) as ended:
            main(list(map(str, arguments)))
        assert ended.value.code == 2
        (line,) = capsys.readouterr().err.splitlines()
        return line.removeprefix("secondpass: ")

    return run


@pytest.mark.parametrize(
    ("option", "hint"),
    [
        ("--device", ""),
        ("--zzz", ""),
        ("--efort", "--effort"),
        ("--max-lenght", "--max-length"),
    ],
)
def test_an_option_that_is_not_known_is_like_another_or_none(failed, option, hint):
    told = failed("rerank", "q", option, "1")
    # click has no quotes before 8.4
    assert re.match(rf"No such option( '{option}'|: {option})", told)
    assert ("Did you mean" in told) == bool(hint)
    assert hint in told


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("null", "'text' is null, expected"),
        ("7", "'text' is the number 7, expected"),
        ("true", "'text' is the boolean true, expected"),
        ("[null]", "'text' is the list [null], expected"),
        ('{"a": false}', "'text' is the object {\"a\": false}, expected"),
    ],
)
def test_a_value_of_json_is_called_as_json_calls_it(failed, value, told):
    assert told in failed("rerank", "q", "-", stdin='{"text": ' + value + "}")


WRONG = [
    (["rerank", "q", "--model", ""], "--model is ''"),
    (["rerank", "q", "--model", "./nowhere"], "no model folder './nowhere'"),
    (["rerank", "q", "--model", "a b"], "--model 'a b' is neither a folder"),
    (["rerank", "q", "--model", "x" * 300], "--model 'x"),
    (["rerank", "q", "--fuse-weight", "3"], "--fuse none has no weight: use --fuse weighted"),
    (["rerank", "q", "--keep", "3"], "--cascade SMALL --model LARGE, or leave --keep out"),
    (["rerank", "q", "--cascade", "x", "--effort", "fast"], "leave --cascade or --effort out"),
    (["rerank", "q", "--stride", "3"], "--stride is 3, but --long-documents truncate"),
    (["rerank", "q", "--select-tokens", "3"], "--select-tokens is 3, but --long-documents"),
    (["rerank", "q", "--cache", __file__], "is a file, expected a folder"),
    (["search", "q", "--index", "/no"], "make one with secondpass index PATH... --into DIR"),
    (["bench", "--index", "/no"], "make one with secondpass index"),
    (
        ["eval", "/no", "--fuse", "none", "--fuse-weight", "3"],
        "use --fuse weighted, or leave --fuse-weight out",
    ),
    (["plan", "--model", "", "--seconds", "1"], "--model is"),
    (["doctor", "./nowhere"], "no model folder"),
    (["doctor", ""], "MODEL is"),
    (["doctor", "embedded/accurate", "--revision", "x"], "--revision 'x' only applies to hub"),
    (["doctor", "some/model"], "HF_HUB_OFFLINE is set"),
    (["compile", "some/model"], "HF_HUB_OFFLINE is set"),
    (["index", "/no/such", "--into", "x"], "/no/such"),
    (["verify", "check", "/no/such"], "/no/such cannot be read"),
    (["train", "--train", "x", "--out", "y", "--model", "some/model"], "some/model"),
]


@pytest.mark.parametrize(("arguments", "expected"), WRONG, ids=lambda one: " ".join(one)[:40])
def test_an_error_names_options_and_nothing_of_python(failed, arguments, expected):
    if arguments[0] == "train":
        pytest.importorskip("torch", reason="the train extra is not installed")
    line = failed(*arguments)
    assert expected in line
    assert not PYTHON.search(line), line
    assert len(line) < 600


@pytest.mark.parametrize(
    ("stdin", "expected"),
    [
        ("[3]", "item 1 is the number 3, expected an object"),
        ('[{"text": "\\ud800"}]', "repair it"),
    ],
)
def test_an_error_of_a_candidate_is_about_json(failed, stdin, expected):
    line = failed("rerank", "q", stdin=stdin)
    assert expected in line
    assert not PYTHON.search(line)


def test_a_long_value_is_quoted_in_part(failed):
    key = "k" * 10_000_000
    assert len(failed("rerank", "q", stdin=json.dumps([{key: "a"}]))) < 300
    assert len(failed("rerank", " " * 5_000_000, stdin='["a"]')) < 300
    assert len(failed("rerank", "q", "--top-k", "9x" * 5_000)) < 300
    assert len(failed("rerank", "q", "--model", "a b" * 5_000)) < 400
    assert len(failed("z" * 5_000)) < 300


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (["serch", "q"], "search"),
        (["Rerank", "q"], "rerank"),
        (["modles"], "models"),
        (["rerank", "q", "--precision", "int9"], "int8"),
        (["rerank", "q", "--effort", "blanced"], "balanced"),
        (["rerank", "q", "--long-documents", "mean-topk"], "mean-top-k"),
        (["search", "q", "--index", "x", "--fuse", "wheighted"], "weighted"),
        (["plan", "--precision", "Auot"], "auto"),
        (["rerank", "q", "--model", "cross-encodr"], "embedded/cross-encoder"),
        (["rerank", "q", "--model", "Accurate"], "embedded/accurate"),
        (["doctor", "embeded/bi-encoder"], "embedded/bi-encoder"),
        (["rerank", "q", "--presision", "int8"], "--precision"),
    ],
    ids=lambda one: one[0] if isinstance(one, list) else one,
)
def test_the_nearest_name_is_suggested(failed, arguments, meant):
    line = failed(*arguments)
    assert re.search(rf"[Dd]id you mean .*'?{re.escape(meant)}'?\?", line), line


def test_a_cached_hub_model_a_measure_a_collection_and_a_folder_are_suggested(
    failed, tmp_path, monkeypatch
):
    from huggingface_hub import constants

    (tmp_path / "models--some--reranker-base").mkdir()
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    assert "did you mean 'some/reranker-base'?" in failed(
        "rerank", "q", "--model", "some/rerankerbase"
    )
    (tmp_path / "scifact").mkdir()
    assert "did you mean 'scifact'?" in failed("eval", tmp_path / "scifct")
    assert "did you mean 'scifact'?" in failed("doctor", tmp_path / "scifct")


@pytest.mark.parametrize(
    ("given", "known", "meant"),
    [
        ("fp-32", ["auto", "fp32"], "fp32"),
        ("nDGC@10", ["nDCG@10", "AP@10"], "nDCG@10"),
        ("BALANCED", ["full", "balanced"], "balanced"),
        ("banana", ["auto", "fp32"], None),
        ("x", ["xx"], None),
        ("a" * 100_000, ["aa"], None),
        (3, ["3"], None),
    ],
)
def test_what_is_near(given, known, meant):
    assert did_you_mean(given, known) == (f"; did you mean {meant!r}?" if meant else "")


def test_python_reads_pythons_words():
    with pytest.raises(InputError, match=r"precision is 'int9', expected .*; did you mean 'int8'"):
        one_of("precision", "int9", ("auto", "int8"))


def test_a_message_of_parts_is_one_text_in_python_and_another_on_a_command():
    error = InputError(
        "x; use ", Argument("effort", "full"), " or ", Either("a()", "b"), ", ", Argument("keep")
    )
    assert str(error) == "x; use effort='full' or a(), keep"
    command = group.get_command(click.Context(group), "rerank")
    assert told(error, command) == "x; use --effort full or b, --keep"
    # An option that the command does not have.
    models = group.get_command(click.Context(group), "models")
    assert told(error, models) == "x; use effort=full in Python or b, keep in Python"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("pass max_length=24 or less", "pass --max-length 24 or less"),
        ("max_length 99 is more", "--max-length 99 is more"),
        ("use fuse='rrf', or leave top_k out", "use --fuse rrf, or leave --top-k out"),
        ("'max_length=3' has no 'text'", "'max_length=3' has no 'text'"),
        ("/data/max_length/effort=fast cannot be read", "/data/max_length/effort=fast cannot"),
        ("pass local_files_only=True", "pass HF_HUB_OFFLINE=1"),
        ("the index's effort is lost", "the index's effort is lost"),
    ],
)
def test_plain_text_is_rendered_too_and_quotations_and_paths_stay(text, expected):
    command = group.get_command(click.Context(group), "rerank")
    assert told(InputError(text), command).startswith(expected)


@pytest.mark.parametrize(
    "error",
    [InputError("a", Argument("keep", 3)), MissingExtraError("x", "torch"), SecondpassError()],
)
def test_an_error_can_be_pickled(error):
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again)) == (type(error), str(error))


def test_no_message_is_unbounded():
    message = str(InputError(f"{'x' * 10**7!r} is wrong; use ", Argument("keep", 3)))
    assert len(message) <= 2000
    assert message.endswith("use keep=3")


def commands():
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        inner = getattr(command, "commands", {})
        yield from ((f"{name} {sub}", one) for sub, one in inner.items())
        if not inner:
            yield name, command


@pytest.mark.parametrize(("name", "command"), list(commands()), ids=lambda one: str(one)[:20])
def test_json_is_a_flag_everywhere_and_help_fits_80_columns(name, command):
    if name not in ("serve", "mcp", "completion"):  # which print no result
        (flag,) = (one for one in command.params if "--json" in one.opts)
        assert flag.is_flag
    text = command.get_help(click.Context(command, info_name=f"secondpass {name}"))
    assert max(map(len, text.splitlines())) <= 80
    assert "[default: none]" not in text
