"""What goes wrong outside the usual: odd JSON, odd characters, a full disk, a broken cache."""

import json
import os
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from secondpass.cli import output
from secondpass.cli.main import main
from secondpass.cli.options import Query


def secondpass(*arguments, stdin="", stdout=subprocess.PIPE, **environment):
    return subprocess.run(
        [sys.executable, "-m", "secondpass", *map(str, arguments)],
        input=stdin,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | environment,
    )


def one_line(done, status):
    assert done.returncode == status
    (line,) = done.stderr.splitlines()
    assert line.startswith("secondpass: ")
    return line


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8:surrogateescape", "ascii"])
def test_a_row_that_cannot_be_encoded_comes_back_unchanged_and_alone_in_escapes(encoding):
    rows = [{"text": "é", "id": "\udc80"}, {"text": "é"}, {"text": "é", "\ud800": ["\udfff"]}]
    stdin = "\n".join(map(json.dumps, rows))
    done = secondpass("rerank", "q", stdin=stdin, PYTHONIOENCODING=encoding, PYTHONUTF8="1")
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert len({one.pop("cross_encoder_score") for one in found}) == 1
    assert found == rows


def test_text_that_can_be_encoded_is_not_escaped():
    done = secondpass("rerank", "q", stdin='{"text": "שלום \\u00e9"}', PYTHONIOENCODING="utf-8")
    assert "שלום é" in done.stdout


@pytest.mark.parametrize("opening", ["[", '{"text":"a","x":', '{"text":"a"}\n{"x":'])
def test_deep_nesting_is_one_line(opening):
    line = one_line(secondpass("rerank", "q", stdin=opening + "[" * 100_000), 2)
    assert "nested too deeply" in line


def test_what_can_be_read_can_be_written(tmp_path, capsys):
    from secondpass.cli.candidates import read_candidates
    from secondpass.errors import InputError

    file = tmp_path / "deep.jsonl"
    refused = 0
    for depth in range(sys.getrecursionlimit() - 200, sys.getrecursionlimit() + 20):
        file.write_text('{"text":"a","x":' + "[" * depth + "]" * depth + "}")
        try:
            rows = read_candidates(str(file))
        except InputError:
            refused += 1
        else:
            output.print_json_lines(rows)
    assert capsys.readouterr().out.count("\n") == 220 - refused


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999"])
@pytest.mark.parametrize(
    ("stdin", "line"),
    [
        ('{"text": "a"}\n\n{"text": "b", "x": {"y": [%s]}}', 3),
        ('["a",\n "\\" %s",\n {"text": "b",\n "x": %s}]', 4),
    ],
    ids=["lines", "array"],
)
def test_numbers_that_are_not_finite_are_refused_with_their_line(
    number, stdin, line, tmp_path, capsys
):
    file = tmp_path / "candidates"
    file.write_text(stdin.replace("%s", number))
    with pytest.raises(SystemExit) as ended:
        main(["rerank", "q", str(file)])
    assert ended.value.code == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith(f"secondpass: {file} line {line} holds the number {number}, ")


def test_finite_numbers_pass_through(tmp_path, capsys):
    file = tmp_path / "candidates"
    file.write_text('{"text": "NaN 1e999", "x": [1.5, -2e-7, 1e-999, 12345678901234567890]}')
    main(["rerank", "q", str(file)])
    assert json.loads(capsys.readouterr().out)["x"] == [1.5, -2e-7, 0.0, 12345678901234567890]


def test_no_number_that_is_not_finite_is_printed():
    from secondpass.errors import InputError

    with pytest.raises(InputError, match="cannot be written as JSON"):
        output.print_json_lines([{"x": float("nan")}])


def test_a_warning_is_one_line(parity, unwritable):
    done = secondpass(
        *("rerank", "q", "--model", parity / "bert", "--max-length", 64, "--precision", "fp32"),
        stdin='"a"',
        SECONDPASS_CACHE_DIR=str(unwritable),
    )
    line = one_line(done, 0)
    assert line.startswith("secondpass: warning: the cache folder ")
    assert json.loads(done.stdout)["text"] == "a"


def test_warnings_are_shown_as_before_after_the_command(capsys):
    before = warnings.showwarning, list(warnings.filters)
    with pytest.raises(SystemExit):
        main(["nonsense"])
    assert (warnings.showwarning, list(warnings.filters)) == before


needs_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")


@needs_full
@pytest.mark.parametrize("arguments", [["rerank", "q"], ["--help"], ["--version"]])
def test_a_full_disk_is_one_line_and_status_1(arguments):
    with open("/dev/full", "w") as full:  # noqa: PTH123
        done = secondpass(*arguments, stdin='"a"', stdout=full)
    assert one_line(done, 1) == "secondpass: No space left on device"


def test_a_closed_standard_output_is_one_line_and_status_1():
    done = subprocess.run(
        f"echo '\"a\"' | {sys.executable} -m secondpass rerank q --json >&-",
        shell=True,
        input="",
        stderr=subprocess.PIPE,
        text=True,
    )
    assert (done.returncode, done.stderr) == (
        1,
        "secondpass: standard output is closed: the result is lost\n",
    )


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (MemoryError(), "out of memory"),
        (MemoryError("12 GB"), "out of memory: 12 GB"),
        (PermissionError(13, "Permission denied", "/x/y"), "/x/y: Permission denied"),
        (OSError("lost"), "lost"),
    ],
)
def test_what_the_machine_refuses_is_one_line_and_status_1(error, message, monkeypatch, capsys):
    def refuse(file, **options):
        raise error

    monkeypatch.setattr("secondpass.cli.rerank.read_candidates", refuse)
    with pytest.raises(SystemExit) as ended:
        main(["rerank", "q"])
    assert ended.value.code == 1
    assert capsys.readouterr().err == f"secondpass: {message}\n"


HARMFUL = "a\x1b[2Jb\x07c\x9bd\u202ee\u2066f\x7f"
HARMLESS = "a\ufffd[2Jb\ufffdc\ufffdd\ufffde\ufffdf\ufffd"


def test_control_codes_do_not_reach_the_terminal_but_stay_in_json(capsys):
    output.print_table(("id", "text"), [(HARMFUL, output.one_line(f"{HARMFUL}\n\tg"))])
    assert capsys.readouterr().out.splitlines()[1].split() == [HARMLESS, HARMLESS, "g"]
    output.print_table(("id", "x"), [[f"{HARMFUL}\ng", "1"]])
    assert capsys.readouterr().out.splitlines()[1] == f"{HARMLESS} g  1"
    output.print_json_lines([{"text": HARMFUL}])
    assert json.loads(capsys.readouterr().out) == {"text": HARMFUL}


def test_every_control_character_is_replaced_and_no_letter():
    import unicodedata

    for code in range(0x3000):
        character = chr(code)
        if unicodedata.category(character) == "Cc":
            assert output.harmless(character) in ("\ufffd", " ")
        elif unicodedata.category(character) != "Cf":
            assert output.harmless(character) == character


def test_the_bare_command_prints_its_help_as_it_is():
    done = secondpass()
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == secondpass("--help").stdout


def test_an_empty_model_name_is_not_the_embedded_model():
    assert "--model is '', expected a hub name" in one_line(
        secondpass("rerank", "q", "--model", ""), 2
    )


def snapshot(cache, name, parity):
    """Put a tiny model into a hub cache, as the hub library lays it out."""
    import shutil

    folder = cache / f"models--some--{name}" / "snapshots" / ("0123456789" * 4)
    shutil.copytree(parity / "bert", folder)
    return folder


def test_a_broken_snapshot_does_not_hide_the_others(tmp_path, parity):
    snapshot(tmp_path, "whole", parity)
    weights = snapshot(tmp_path, "broken", parity) / "model.safetensors"
    weights.unlink()
    weights.mkdir()
    done = secondpass("models", HF_HUB_CACHE=str(tmp_path))
    assert done.returncode == 0, done.stderr
    found = [json.loads(line)["model"] for line in done.stdout.splitlines()]
    assert "some/whole@01234567" in found
    assert "some/broken@01234567" not in found
    (line,) = done.stderr.splitlines()
    assert line.startswith("note: some/broken@01234567 is left out, it cannot be read: ")


def test_a_broken_shard_index_does_not_hide_the_others(tmp_path, parity):
    snapshot(tmp_path, "whole", parity)
    folder = snapshot(tmp_path, "broken", parity)
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors.index.json").write_text("{")
    done = secondpass("models", HF_HUB_CACHE=str(tmp_path))
    assert done.returncode == 0, done.stderr
    found = [json.loads(line)["model"] for line in done.stdout.splitlines()]
    assert "some/whole@01234567" in found
    assert "some/broken@01234567" not in found


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("caf\udcc3\udca9", "café"),
        ("\udce4\udcb8\udcad wool", "中 wool"),
        ("caf\udcff", "caf\udcff"),
        ("a\ud800", "a\ud800"),
        ("wool", "wool"),
        ("中", "中"),
    ],
)
def test_a_query_that_the_locale_has_no_characters_for_is_read_as_utf_8(given, expected):
    assert Query().convert(given, None, None) == expected
