"""The code blocks of the README, records/ and docs/: how they are read and run.

The blocks of a page run in their order, in a copy of docs/examples. A block that cannot run says
why in a comment before it, `<!-- not run: needs torch -->`. One that runs only where a package is
installed names it: `<!-- runs with: haystack -->`.
"""

from __future__ import annotations

import contextlib
import io
import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token

from secondpass.cli.main import main

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
EXAMPLES = DOCS / "examples"
OF_DOCS = [page for page in sorted(DOCS.rglob("*.md")) if EXAMPLES not in page.parents]
PAGES = [ROOT / "README.md", ROOT / "records" / "README.md", *OF_DOCS]

# A number with a fraction: what a page shows of scores, which differ a little by processor.
NUMBER = re.compile(r"-?\d+(?:\.\d+(?:e-?\d+)?|e-?\d+)")
_WHY_NOT = re.compile(r"<!-- not run: (.+) -->")
_RUNS_WITH = re.compile(r"<!-- runs with: (\w+) -->")


@dataclass(frozen=True)
class Fence:
    """A fenced block; `line` is that of its opening, from 1."""

    language: str
    text: str
    line: int


@dataclass(frozen=True)
class Block:
    """A fenced block, the output that the page shows below it, and why it does not run."""

    code: Fence
    output: Fence | None = None
    why_not: str | None = None


@dataclass(frozen=True)
class Shown:
    """What a page shows of a run, the fence that holds it, and what the run printed."""

    fence: Fence
    text: str
    printed: str


def blocks(page: Path) -> list[Block]:
    """Return the fenced blocks of a page."""
    tokens = [None, *MarkdownIt().parse(page.read_text(encoding="utf-8")), None]
    found = []
    for before, token, after in zip(tokens, tokens[1:], tokens[2:], strict=False):
        if token and token.type == "fence":
            shown = after and after.type == "fence" and after.info == "text"
            said = before.content if before and before.type == "html_block" else ""
            output = _fence(after) if after and shown else None
            found.append(Block(_fence(token), output, reason_not_to_run(said)))
    return found


def reason_not_to_run(said: str) -> str | None:
    """Return why a block does not run here, by the comment before it; None for one that does."""
    if why_not := _WHY_NOT.search(said):
        return why_not[1]
    needed = _RUNS_WITH.search(said)
    return f"needs {needed[1]}" if needed and find_spec(needed[1]) is None else None


def commands(block: Block) -> Iterator[tuple[list[str], str]]:
    """Yield the arguments of each `$ secondpass ...` and the output that stands below it."""
    for part in re.split(r"^\$ ", block.code.text.replace("\\\n", ""), flags=re.M)[1:]:
        line, _, output = part.partition("\n")
        words = shlex.split(line, comments=True)
        if "secondpass" in words and "|" not in words:
            yield words[words.index("secondpass") + 1 :], output
        elif not block.why_not:
            raise ValueError(f"line {block.code.line}: only secondpass runs here, not {line!r}")


def outputs(block: Block, page: Path, names: dict[str, Any]) -> Iterator[Shown]:
    """Run a block in the current folder, and yield each output that the page shows of it.

    `names` are those of the page's Python so far.
    """
    if block.code.language == "python":
        printed = run_python(block, page, names)
        if block.output and not block.why_not:
            yield Shown(block.output, block.output.text, printed)
    elif block.code.language == "console" and not block.why_not:
        for arguments, shown in commands(block):
            printed = printed_by(main, arguments)
            if shown.strip():
                yield Shown(block.code, shown, printed)


def run_python(block: Block, page: Path, names: dict[str, Any]) -> str:
    """Compile a block of Python, run it if it runs here, and return what it printed."""
    # The line numbers of an error are those of the page.
    code = compile("\n" * block.code.line + block.code.text, str(page), "exec")
    return "" if block.why_not else printed_by(exec, code, names)


def printed_by(run: Callable[..., object], *arguments: object) -> str:
    """Return what a call prints; a status that is not 0 is an error with it."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        status = run(*arguments)
    if status:
        raise ValueError(f"status {status}: {out.getvalue()}")
    return out.getvalue()


def words(text: str) -> list[list[str]]:
    """Return the words of each line, a # for each number with a fraction."""
    return [line.split() for line in re.sub(rf" *{NUMBER.pattern}", " # ", text).splitlines()]


def _fence(token: Token) -> Fence:
    assert token.map is not None
    return Fence(token.info, token.content, token.map[0] + 1)
