"""Standard streams that are closed, full or gone, and what must not reach a terminal."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from secondpass.cli import output, terminal

CLI = Path(output.__file__).parent
COMMAND = f"{sys.executable} -m secondpass"

needs_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")


def shell(line, **more):
    return subprocess.run(
        ["bash", "-c", line], input=more.pop("stdin", ""), capture_output=True, text=True, **more
    )


@pytest.mark.parametrize(
    "line", ["rerank q <&-", "rerank q - <&- 2>&1 >/dev/null", "bench --candidates - <&-"]
)
def test_closed_standard_input_is_the_error_of_a_terminal(line):
    done = shell(f"{COMMAND} {line}")
    assert done.returncode == 2
    text = done.stderr + done.stdout
    assert text.splitlines() == [
        "secondpass: no FILE was given and standard input is a terminal or closed: name a file or "
        "pipe one"
    ]


@pytest.mark.parametrize(
    "line", ["models >&-", "models --json >&-", "--help >&-", "rerank --help >&-", "--version >&-"]
)
def test_what_a_closed_output_does_not_take_is_an_error(line):
    done = shell(f"{COMMAND} {line}")
    told = "secondpass: standard output is closed: the result is lost\n"
    assert (done.returncode, done.stderr) == (1, told)


def test_a_ranking_that_a_closed_output_does_not_take_is_an_error():
    done = shell(f"{COMMAND} rerank wool - >&-", stdin="sheep\n")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("secondpass: standard output is closed")


@pytest.mark.parametrize(("line", "status"), [("--version >&- 2>&-", 1), ("nonsense 2>&-", 2)])
def test_closed_outputs_are_no_traceback(line, status):
    done = shell(f"{COMMAND} {line}")
    assert (done.returncode, done.stderr) == (status, "")


def test_who_prints_nothing_needs_no_standard_output():
    done = shell(f"{COMMAND} nonsense >&-")
    assert (done.returncode, done.stderr.count("closed")) == (2, 0)


@needs_full
def test_full_outputs_keep_the_exit_status():
    assert shell(f"{COMMAND} nonsense 2>/dev/full").returncode == 2
    done = shell(f"{COMMAND} models --json >/dev/full")
    assert (done.returncode, done.stderr) == (1, "secondpass: No space left on device\n")


@pytest.mark.parametrize("line", ["models --json", "--help", "rerank --help"])
def test_a_reader_that_goes_away_is_quiet_and_status_141(line):
    done = shell(f"set -o pipefail; {COMMAND} {line} | true")
    assert (done.returncode in (0, 141), done.stderr) == (True, "")


def test_a_broken_pipe_within_a_command_is_status_141(monkeypatch):
    from secondpass.cli.main import main

    def gone(*_, **_more):
        raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr("secondpass.cli.terminal.drop", lambda _: None)
    monkeypatch.setattr("secondpass.cli.rerank.read_candidates", gone)
    with pytest.raises(SystemExit) as ended:
        main(["rerank", "q"])
    assert ended.value.code == 141


def test_a_closed_stream_is_not_the_next_file():
    code = (
        "import os; os.close(1); from secondpass.cli.terminal import open_closed_streams as o; o();"
        "f = os.open('/dev/null', os.O_RDONLY); raise SystemExit(f)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode > 2


@pytest.mark.skipif(os.name == "nt", reason="needs SIGINT")
def test_ctrl_c_while_the_command_is_loaded_is_one_line():
    code = (
        "import builtins, os, signal, sys; real = builtins.__import__\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "def load(name, *more):\n"
        "    if name == 'click': os.kill(os.getpid(), signal.SIGINT)\n"
        "    return real(name, *more)\n"
        "from secondpass.__main__ import main\n"
        "builtins.__import__ = load\n"
        "sys.exit(main())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (130, "secondpass: interrupted\n")


def test_the_installed_command_begins_where_ctrl_c_is_caught():
    import tomllib

    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    assert project["project"]["scripts"] == {"secondpass": "secondpass.__main__:main"}


HARMFUL = ["\x1b[2J", "\x1b]0;title\x07", "a\x08b", "\u202egpj.exe", "\u2066x", "\x9b31m"]


@pytest.mark.parametrize("harmful", HARMFUL, ids=ascii)
def test_no_control_character_reaches_either_stream(harmful, capsys, monkeypatch):
    from secondpass.cli.main import main

    with pytest.raises(SystemExit):
        main(["rerank", "q", f"/no/{harmful}/file"])
    with pytest.raises(SystemExit):
        main(["doctor", f"./{harmful}"])
    output.say(harmful)
    output.show(harmful)
    output.print_table((harmful, "n"), [(harmful, 1)], caption=harmful)
    output.print_json_lines([{harmful: harmful}])
    shown = capsys.readouterr()
    for character in shown.out + shown.err:
        assert character == "\n" or ord(character) not in terminal.HARMFUL
    assert json.loads(shown.out.splitlines()[-1]) == {harmful: harmful}


def test_all_text_goes_out_in_one_place():
    for file in CLI.glob("*.py"):
        if file.name == "terminal.py":
            continue
        for node in ast.walk(ast.parse(file.read_text())):
            called = node.func if isinstance(node, ast.Call) else None
            assert getattr(called, "id", getattr(called, "attr", "")) not in {
                "echo",
                "secho",
                "print",
            }, f"{file.name}:{node.lineno}"


def test_what_the_encoding_lacks_is_shown_as_an_escape():
    code = "from secondpass.cli import output; output.show('a\\u2191b')"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONIOENCODING": "latin-1"},
    )
    assert done.stdout == "a\\u2191b\n", done.stderr
