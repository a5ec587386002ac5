"""Every code block of the README, records/ and docs/ runs, in a copy of docs/examples.

The blocks of a page run in their order. A block that cannot run says why in a comment before it,
`<!-- not run: needs torch -->`; its Python still compiles and its commands still parse. One that
runs only where a package is installed names it: `<!-- runs with: haystack -->`.
"""

import contextlib
import io
import json
import re
import shlex
import shutil
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import click
import pytest
from markdown_it import MarkdownIt

from secondpass.cli.main import group, main

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
OF_DOCS = [page for page in sorted(DOCS.rglob("*.md")) if DOCS / "examples" not in page.parents]
PAGES = [ROOT / "README.md", ROOT / "records" / "README.md", *OF_DOCS]
LINKED = [*PAGES, *(ROOT / name for name in ("ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"))]
WHY_NOT = re.compile(r"<!-- not run: (.+) -->")
RUNS_WITH = re.compile(r"<!-- runs with: (\w+) -->")
LANGUAGES = {"python", "console", "json", "text"}


@dataclass(frozen=True)
class Block:
    """A fenced block, the output that the page shows below it, and why it does not run."""

    language: str
    text: str
    line: int
    output: str | None = None
    why_not: str | None = None


def blocks(page):
    tokens = [None, *MarkdownIt().parse(page.read_text(encoding="utf-8")), None]
    found = []
    for before, token, after in zip(tokens, tokens[1:], tokens[2:], strict=False):
        if token and token.type == "fence":
            shown = after and after.type == "fence" and after.info == "text"
            said = before.content if before and before.type == "html_block" else ""
            found.append(
                Block(
                    token.info,
                    token.content,
                    token.map[0] + 1,
                    after.content if shown else None,
                    reason_not_to_run(said),
                )
            )
    return found


def reason_not_to_run(said):
    """Return why a block does not run here, by the comment before it; None for one that does."""
    if why_not := WHY_NOT.search(said):
        return why_not[1]
    needed = RUNS_WITH.search(said)
    return f"needs {needed[1]}" if needed and find_spec(needed[1]) is None else None


def commands(block):
    """Return the arguments of each `$ secondpass ...` and the output that stands below it."""
    for part in re.split(r"^\$ ", block.text.replace("\\\n", ""), flags=re.M)[1:]:
        line, _, output = part.partition("\n")
        words = shlex.split(line, comments=True)
        if "secondpass" in words and "|" not in words:
            yield words[words.index("secondpass") + 1 :], output
        else:
            assert block.why_not, f"line {block.line}: only secondpass runs here, not {line!r}"


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


def printed(run, *arguments):
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        status = run(*arguments)
    assert not status, out.getvalue()
    return out.getvalue()


def assert_shows(output, expected):
    """Compare words exactly and decimal numbers roughly: int8 differs a little by processor."""
    number = re.compile(r"-?\d+(?:\.\d+(?:e-?\d+)?|e-?\d+)")
    words, expected_words = (
        [line.split() for line in re.sub(rf" *{number.pattern}", " # ", text).splitlines()]
        for text in (output, expected)
    )
    assert words == expected_words
    numbers = [[float(value) for value in number.findall(text)] for text in (output, expected)]
    assert numbers[0] == pytest.approx(numbers[1], abs=0.2)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_blocks_of_a_page_run(page, tmp_path, monkeypatch):
    shutil.copytree(DOCS / "examples", tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    names = {"__name__": page.stem}
    for block in blocks(page):
        assert block.language in LANGUAGES, f"line {block.line}: name one of {LANGUAGES}"
        if block.language == "json":
            json.loads(block.text)
        elif block.language == "python":
            run_python(block, page, names)
        elif block.language == "console":
            for arguments, expected in commands(block):
                if block.why_not:
                    parse(arguments)
                else:
                    output = printed(main, arguments)
                    if expected.strip():
                        assert_shows(output, expected)
    # Once more where the first time left its files, as a reader does who tries things.
    names = {"__name__": page.stem}
    for block in blocks(page):
        if block.language == "python":
            run_python(block, page, names)


def run_python(block, page, names):
    """Run a block with the names of those before it, and compare what it prints."""
    # The line numbers of an error are those of the page.
    code = compile("\n" * block.line + block.text, str(page), "exec")
    if not block.why_not:
        output = printed(exec, code, names)
        if block.output is not None:
            assert_shows(output, block.output)


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
