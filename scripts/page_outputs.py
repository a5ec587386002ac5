"""Write what the code blocks print into the pages that show it: after a change of embedded models.

    python -m scripts.page_outputs            every page, some minutes
    python -m scripts.page_outputs docs/start.md --check

A number keeps the decimals that the page has. Where the words differ, the whole output is replaced
and said: read it, since it may have a time or a path of this machine. tests/test_pages.py compares
the same outputs. What stands in sentences, and in blocks that do not run, stays: the lines that
have a number which changed are listed.
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import tempfile
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

from scripts.page_blocks import EXAMPLES, NUMBER, PAGES, ROOT, Fence, Shown, blocks, outputs, words
from secondpass.atomic import write_text


def main(arguments: list[str] | None = None) -> None:
    """Run pages, show what changed, and write it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("pages", nargs="*", type=Path, default=PAGES)
    parser.add_argument("--check", action="store_true", help="write nothing")
    options = parser.parse_args(arguments)
    changed: set[str] = set()
    for page in (one.resolve() for one in options.pages):
        text = page.read_text(encoding="utf-8")
        shown = run(page)
        new = rewritten(text, shown)
        for one in shown:
            changed |= say(page, one)
        if new != text and not options.check:
            write_text(page, new)
    for place in mentions(changed):
        print(f"see {place}")


def run(page: Path) -> list[Shown]:
    """Run a page's blocks in a copy of docs/examples."""
    names = {"__name__": page.stem}
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(EXAMPLES, folder, dirs_exist_ok=True)
        with contextlib.chdir(folder):
            return [one for block in blocks(page) for one in outputs(block, page, names)]


def rewritten(page: str, shown: Iterable[Shown]) -> str:
    """Return a page's text with what was printed in place of what it shows."""
    fences = [list(of_one) for _, of_one in groupby(shown, lambda one: one.fence)]
    # From the last to the first, so that the lines before keep their numbers.
    for of_one in reversed(fences):
        fence = of_one[0].fence
        page = in_place(page, fence, _with_outputs(fence.text, of_one))
    return page


def in_place(page: str, fence: Fence, text: str) -> str:
    """Return a page's text with another text in a fence that is not indented."""
    lines = page.splitlines(keepends=True)
    lines[fence.line : fence.line + len(fence.text.splitlines())] = [text]
    return "".join(lines)


def output(shown: Shown) -> str:
    """Return a run's output as the page is to show it."""
    if words(shown.text) != words(shown.printed):
        ending = shown.text[len(shown.text.rstrip()) :]
        return shown.printed.rstrip() + ending
    found = iter(NUMBER.findall(shown.printed))
    return NUMBER.sub(lambda old: _number(old[0], next(found)), shown.text)


def say(page: Path, shown: Shown) -> set[str]:
    """Print what changes of an output, and return the numbers that the page had."""
    place, new = f"{page.relative_to(ROOT)}:{shown.fence.line}", output(shown)
    if words(shown.text) != words(shown.printed):
        print(f"{place}: other words, read them\n{new}")
        return set()
    pairs = zip(NUMBER.findall(shown.text), NUMBER.findall(new), strict=True)
    changes = {old: now for old, now in pairs if old != now}
    if changes:
        print(f"{place}: " + ", ".join(f"{old} is {now}" for old, now in changes.items()))
    return set(changes)


def mentions(numbers: set[str]) -> list[str]:
    """Return the lines of pages outside of shown outputs' numbers that have one of these."""
    found = []
    for page in PAGES:
        for at, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
            if hit := numbers & set(NUMBER.findall(line)):
                found.append(f"{page.relative_to(ROOT)}:{at} has {', '.join(sorted(hit))}")
    return found


def _with_outputs(text: str, shown: Iterable[Shown]) -> str:
    done, rest = "", text
    for one in shown:
        before, _, rest = rest.partition(one.text)
        done += before + output(one)
    return done + rest


def _number(old: str, new: str) -> str:
    """Return the new number with the decimals of the old one, which stays if it is the same so."""
    if "e" in old:
        return old if float(old) == float(new) else new
    decimals = len(old.partition(".")[2])
    rounded = f"{float(new):.{decimals}f}"
    return old if float(rounded) == float(old) else rounded


if __name__ == "__main__":
    main()
