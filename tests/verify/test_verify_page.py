"""docs/verify.md and records/README.md: the commands in them exist, and its table is the code's."""

import re
import shlex
from pathlib import Path

import click
import pytest

from secondpass.cli.main import group
from secondpass.verify import arithmetic
from secondpass.verify.record import read_record

ROOT = Path(__file__).parent.parent.parent
PAGE = ROOT / "docs" / "verify.md"
PAGES = [PAGE, ROOT / "records" / "README.md"]


def commands(page):
    """Return the arguments of each `$ secondpass ...` in a page, without a redirection."""
    lines = re.findall(r"^\$ (?:\w+=\S+ )?secondpass (.*)$", page.read_text(), re.MULTILINE)
    return [shlex.split(line.partition(" | ")[0]) for line in lines]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_commands_exist_with_these_options(page):
    found = commands(page)
    assert found
    for arguments in found:
        with click.Context(group) as outer:
            name, command, rest = group.resolve_command(outer, arguments)
            while isinstance(command, click.Group):
                with click.Context(command, parent=outer, info_name=name) as inner:
                    name, command, rest = command.resolve_command(inner, rest)
            command.make_context(name, rest, parent=outer)


def test_the_margins_of_the_page_are_those_of_the_code():
    text = PAGE.read_text()
    assert f"{arithmetic.SWAP_SHARE:.0%}".replace("%", " %") in text
    assert "1e-4" in text
    assert arithmetic.SCORE_TOLERANCE == 1e-4
    assert f"{arithmetic.MEASURE_TOLERANCE:g}" in text


def test_every_verdict_and_file_that_the_page_names_is_there():
    from typing import get_args

    from secondpass.verify.check_lines import Verdict

    text = PAGE.read_text()
    assert all(f"| {verdict} |" in text for verdict in get_args(Verdict))
    for link in re.findall(r"\]\((\.\./[^)#]+)\)", text):
        assert (PAGE.parent / link).exists(), link


def test_the_output_on_the_page_is_that_of_the_kept_record():
    text = PAGE.read_text()
    record = read_record(ROOT / "records" / "example.json")
    assert record.time in text
    for stage in record.outcome.observed.stages:
        for query in stage.queries:
            shown = " ".join(query.ids[:3])
            assert re.search(rf"{stage.stage}: order for {query.query} +{shown} …", text)
