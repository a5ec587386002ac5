"""The help of every command: options say what they do, bounds are readable, no line is torn."""

import click
import pytest
from click.testing import CliRunner

from secondpass.checks import MOST_INTEGER
from secondpass.cli.main import _COMMANDS, group, main


def commands():
    context = click.Context(group)
    for name in _COMMANDS:
        command = group.get_command(context, name)
        yield name, command
        for inner, one in getattr(command, "commands", {}).items():
            yield f"{name} {inner}", one


@pytest.mark.parametrize(("name", "command"), list(commands()))
def test_every_option_has_a_help_text(name, command):
    silent = [one.name for one in command.params if isinstance(one, click.Option) and not one.help]
    assert silent == []


@pytest.mark.parametrize("name", [name for name, _ in commands()])
def test_no_bound_of_64_bits_is_shown(name):
    shown = CliRunner().invoke(group, [*name.split(), "--help"], terminal_width=80)
    assert shown.exit_code == 0
    assert str(MOST_INTEGER) not in shown.output
    assert "..." not in shown.output.partition("Commands:")[2]


def test_a_bound_is_said_where_it_is_passed():
    for value, expected in ((0, "x>=1."), (MOST_INTEGER + 1, f"is more than {MOST_INTEGER}")):
        shown = CliRunner().invoke(group, ["rerank", "q", "--top-k", str(value)])
        assert shown.exit_code == 2
        assert expected in shown.output


def test_an_example_of_a_command_is_one_line():
    shown = CliRunner().invoke(group, ["verify", "record", "--help"], terminal_width=80)
    assert "--out scifact.json eval ../data/scifact --depth 50" in shown.output


def is_torn_nowhere(line):
    """Tell whether a line has no blank to break it at: an option and its words, or an example."""
    return (line.startswith("  -") and "  " not in line.strip()) or "secondpass " in line


@pytest.mark.parametrize("columns", [30, 40, 60, 80, 200])
@pytest.mark.parametrize("name", ["", *(name for name, _ in commands())])
def test_help_fits_the_terminal(monkeypatch, capsys, name, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    assert main([*name.split(), "--help"]) == 0
    wide = [line for line in capsys.readouterr().out.splitlines() if len(line) > columns]
    assert [line for line in wide if columns >= 80 or not is_torn_nowhere(line)] == []


@pytest.mark.parametrize("name", [name for name, _ in commands()])
def test_the_mark_of_lines_that_are_kept_is_not_shown(name):
    assert "\\b" not in CliRunner().invoke(group, [*name.split(), "--help"]).output
