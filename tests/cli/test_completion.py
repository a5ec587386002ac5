"""A shell completes commands, options, words and files."""

import os
import shutil
import subprocess
import sys

import pytest

from secondpass.cli.completion import SHELLS
from secondpass.cli.main import _COMMANDS, main


def completed(monkeypatch, capfd, *words):
    """Return the type and value of each completion of the last word, as bash asks for it."""
    monkeypatch.setenv("_SECONDPASS_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", "\n".join(["secondpass", *words]))
    monkeypatch.setenv("COMP_CWORD", str(len(words)))
    with pytest.raises(SystemExit) as ended:
        main([])
    assert ended.value.code == 0
    return [tuple(line.split(",", 1)) for line in capfd.readouterr().out.splitlines()]


def test_commands_are_completed_without_loading_them(monkeypatch, capfd):
    for name in [name for name in sys.modules if name == "secondpass.cli.rerank"]:
        monkeypatch.delitem(sys.modules, name)
    assert completed(monkeypatch, capfd, "re") == [("plain", "rerank")]
    assert completed(monkeypatch, capfd, "") == [("plain", name) for name in _COMMANDS]
    assert "secondpass.cli.rerank" not in sys.modules


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["rerank", "q", "--eff"], [("plain", "--effort")]),
        (["rerank", "q", "--effort", "f"], [("plain", "full"), ("plain", "fast")]),
        (["rerank", "q", "--precision", "int"], [("plain", "int8")]),
        (["verify", "re"], [("plain", "record")]),
        (["completion", ""], [("plain", shell) for shell in SHELLS]),
        (["serve", "--por"], [("plain", "--port")]),
    ],
)
def test_options_and_words_are_completed(monkeypatch, capfd, words, expected):
    assert sorted(completed(monkeypatch, capfd, *words)) == sorted(expected)


@pytest.mark.parametrize(
    "words",
    [
        ["rerank", "q", "cand"],
        ["search", "q", "--index", "my"],
        ["rerank", "q", "--model", "my"],
        ["verify", "check", "rec"],
        ["eval", "coll"],
    ],
)
def test_files_are_completed(monkeypatch, capfd, words):
    assert completed(monkeypatch, capfd, *words) == [("file", words[-1])]


@pytest.mark.parametrize("shell", SHELLS)
def test_each_shell_has_a_script(capsys, shell):
    if shell == "bash" and shutil.which("bash") is None:
        pytest.skip("there is no bash")
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert "_SECONDPASS_COMPLETE" in script
    assert "\ufffd" not in script


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["rerank", "q", "--effort", "=", "f"], ["full", "fast"]),
        (["rerank", "q", "--effort", "="], ["full", "balanced", "fast", "instant"]),
        (["rerank", "q", "--precision", "=", "fp"], ["fp32"]),
        (["rerank", "q", "--effort", "=", "fast", "--plai"], ["--plain"]),
        (["rerank", "=", "--plai"], ["--plain"]),
    ],
)
def test_bash_gives_an_equals_sign_as_a_word_of_its_own(monkeypatch, capfd, words, expected):
    assert [value for _, value in completed(monkeypatch, capfd, *words)] == expected


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("--effort=f", ["--effort=full", "--effort=fast"]),
        ("--precision=int", ["--precision=int8"]),
        ("--plai", ["--plain"]),
    ],
)
def test_fish_completes_the_whole_of_an_option_and_its_value(monkeypatch, capfd, word, expected):
    monkeypatch.setenv("_SECONDPASS_COMPLETE", "fish_complete")
    monkeypatch.setenv("COMP_WORDS", f"secondpass rerank q {word}")
    monkeypatch.setenv("COMP_CWORD", word)
    with pytest.raises(SystemExit):
        main([])
    lines = capfd.readouterr().out.splitlines()
    assert [line.removeprefix("plain,").partition("\t")[0] for line in lines] == expected


def script_of(tmp_path):
    """Put the command into a folder, and return the environment in which a shell finds it."""
    command = tmp_path / "secondpass"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m secondpass "$@"\n')
    command.chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    return os.environ | {"PATH": path, "HOME": str(tmp_path), "TERM": "dumb"}


def test_fish_completes(tmp_path):
    fish = shutil.which("fish")
    if fish is None:
        pytest.skip("there is no fish")
    (tmp_path / "my docs").mkdir()
    asked = "secondpass completion fish | source; cd ~; for line in $argv; complete -C $line; end"
    typed = ["calib", "rerank q --effort=fa", "rerank q --model=~/my"]
    lines = [f"secondpass {line}" for line in typed]
    done = subprocess.run(
        [fish, "--no-config", "-c", asked, *lines],
        capture_output=True,
        text=True,
        env=script_of(tmp_path),
    )
    assert done.stdout.splitlines() == [
        "calibrate\tMake a model's scores probabilities, by judged candidates.",
        "--effort=fast",
        "--model=~/my docs/",
    ], done.stderr


def test_zsh_keeps_the_option_before_a_value(tmp_path):
    zsh = shutil.which("zsh")
    if zsh is None:
        pytest.skip("there is no zsh")
    # What the completion system offers is caught: without a terminal there is none to complete in.
    asked = """
        compdef() {}; compset() { print "compset $*" }; compadd() { print "compadd ${(P)@[-1]}" }
        eval "$(secondpass completion zsh)"
        PREFIX=--effort=fa words=(secondpass rerank q --effort=fa) CURRENT=4
        _secondpass_completion
    """
    done = subprocess.run(
        [zsh, "-f", "-c", asked], capture_output=True, text=True, env=script_of(tmp_path)
    )
    assert done.stdout.splitlines() == ["compset -P 1 *=", "compadd fast"], done.stderr


def test_bash_completes(tmp_path):
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("there is no bash")
    asked = (
        'eval "$(secondpass completion bash)"; COMP_WORDS=(secondpass cali); COMP_CWORD=1; '
        '_secondpass_completion secondpass; echo "${COMPREPLY[@]}"'
    )
    done = subprocess.run(
        [bash, "-c", asked], capture_output=True, text=True, env=script_of(tmp_path)
    )
    assert done.stdout.strip() == "calibrate", done.stderr


def test_another_shell_is_refused(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["completion", "powershell"])
    assert ended.value.code == 2
    assert "powershell" in capsys.readouterr().err
