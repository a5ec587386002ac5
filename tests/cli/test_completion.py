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


def test_bash_completes(tmp_path):
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("there is no bash")
    command = tmp_path / "secondpass"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m secondpass "$@"\n')
    command.chmod(0o755)
    asked = (
        'eval "$(secondpass completion bash)"; COMP_WORDS=(secondpass cali); COMP_CWORD=1; '
        '_secondpass_completion secondpass; echo "${COMPREPLY[@]}"'
    )
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [bash, "-c", asked], capture_output=True, text=True, env=os.environ | {"PATH": path}
    )
    assert done.stdout.strip() == "calibrate", done.stderr


def test_another_shell_is_refused(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["completion", "powershell"])
    assert ended.value.code == 2
    assert "powershell" in capsys.readouterr().err
