import sys

import pytest

from secondpass.cli.main import main
from secondpass.installation import install_line


@pytest.mark.parametrize("module", ["scipy", "psutil", "ir_measures"])
@pytest.mark.parametrize(
    "arguments",
    [
        ["bench"],
        ["eval", "nowhere"],
        ["plan"],
        ["verify", "record"],
        ["verify", "check", "nowhere"],
    ],
)
def test_a_missing_extra_is_said_before_the_work(module, arguments, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert install_line("measure") in capsys.readouterr().err


@pytest.mark.parametrize("module", ["lancedb", "semantic_text_splitter", "sqlglot", "pyarrow"])
@pytest.mark.parametrize(
    "arguments",
    [
        ["index", "nowhere", "--into", "nowhere"],
        ["search", "wool", "--index", "nowhere"],
        ["demo"],
        ["serve", "--index", "nowhere"],
        ["mcp", "--index", "nowhere"],
    ],
)
def test_the_command_that_needs_an_extra_is_named(module, arguments, monkeypatch, capsys):
    for needed in ("anyio", "httptools", "starlette", "uvicorn", "mcp"):
        pytest.importorskip(needed)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    said = capsys.readouterr().err
    named = " ".join(word for word in (arguments[0], *arguments[1:]) if word in ("--index",))
    command = (
        arguments[0] if arguments[0] in ("index", "search", "demo") else f"{arguments[0]} {named}"
    )
    assert f"secondpass {command} needs the extra 'search'" in said
    assert install_line("search") in said
