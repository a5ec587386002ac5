"""Every code block of the README, records/ and docs/ runs, in a copy of docs/examples.

scripts/page_blocks.py says how. Of a block that does not run here its Python still compiles and its
commands still parse.
"""

import json
import re
import shutil

import click
import pytest

from scripts.page_blocks import (
    DOCS,
    EXAMPLES,
    NUMBER,
    OF_DOCS,
    PAGES,
    ROOT,
    blocks,
    commands,
    outputs,
    run_python,
    words,
)
from secondpass.cli.main import group

LINKED = [*PAGES, *(ROOT / name for name in ("ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"))]
LANGUAGES = {"python", "console", "json", "text"}


def parse(arguments):
    """Check that the command is there and has these options."""
    command, name, outer = group, "secondpass", None
    while isinstance(command, click.Group):
        outer = click.Context(command, parent=outer, info_name=name)
        name, command, arguments = command.resolve_command(outer, arguments)
    parameters = {parameter.name: parameter for parameter in command.params}
    for parameter in parameters.values():
        # A file or folder that only the reader has need not be here.
        if isinstance(parameter.type, click.Path):
            parameter.type.exists = False
    command.make_context(name, list(arguments), parent=outer)


def assert_shows(output, expected):
    """Compare words exactly and decimal numbers roughly: int8 differs a little by processor."""
    assert words(output) == words(expected)
    numbers = [[float(value) for value in NUMBER.findall(text)] for text in (output, expected)]
    assert numbers[0] == pytest.approx(numbers[1], abs=0.2)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_blocks_of_a_page_run(page, tmp_path, monkeypatch):
    shutil.copytree(EXAMPLES, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    names = {"__name__": page.stem}
    for block in blocks(page):
        code = block.code
        assert code.language in LANGUAGES, f"line {code.line}: name one of {LANGUAGES}"
        if code.language == "json":
            json.loads(code.text)
        elif code.language == "console" and block.why_not:
            for arguments, _ in commands(block):
                parse(arguments)
        for shown in outputs(block, page, names):
            assert_shows(shown.printed, shown.text)
    # Once more where the first time left its files, as a reader does who tries things.
    names = {"__name__": page.stem}
    for block in blocks(page):
        if block.code.language == "python":
            run_python(block, page, names)


def slugs(file):
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", file.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", LINKED, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_a_page_leads_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if not target.startswith("http"):
            name, _, anchor = target.partition("#")
            file = page.parent / name if name else page
            assert file.exists(), target
            assert not anchor or anchor in slugs(file), target


def test_the_index_names_every_page():
    index = (DOCS / "README.md").read_text(encoding="utf-8")
    pages = {str(page.relative_to(DOCS)) for page in OF_DOCS}
    assert set(re.findall(r"\]\(([\w/-]+\.md)\)", index)) == pages - {"README.md"}
