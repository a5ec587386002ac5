"""The headings of a text, and those that a place in it is under."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

# How a text is written, which says what its headings are: plain text has none.
Markup = Literal["plain", "markdown", "rst"]

# Between a heading and the one below it, in what `Outline.of` returns.
BETWEEN = " > "
_LONGEST = 120
_LINE = re.compile(r"[^\r\n]*(?:\r\n?|\n|$)")
_ADORNMENT = re.compile(r"([!-/:-@[-`{-~])\1*")


class Heading(NamedTuple):
    """Where a heading begins, in characters, its level (1 is the highest) and its text."""

    start: int
    level: int
    title: str


class Outline:
    """The headings of a text, in order of their places."""

    def __init__(self, headings: Iterable[Heading]) -> None:
        self._starts, self._paths = list[int](), list[str]()
        above: list[Heading] = []
        for heading in sorted(headings, key=lambda one: one.start):
            above = [one for one in above if one.level < heading.level] + [heading]
            self._starts.append(heading.start)
            self._paths.append(BETWEEN.join(_short(one.title) for one in above))

    def of(self, start: int, end: int) -> str:
        """Return the headings that a part of the text begins under, highest first.

        Where it is under none they are those of the first heading in it; "" where it has none.
        """
        after = bisect_right(self._starts, start)
        if after:
            return self._paths[after - 1]
        return self._paths[0] if self._starts and self._starts[0] < end else ""


def headings_of(text: str, markup: Markup) -> Iterator[Heading]:
    """Yield the headings of a text, in order."""
    if markup == "markdown":
        yield from _markdown(text)
    elif markup == "rst":
        yield from _rst(text)


def _markdown(text: str) -> Iterator[Heading]:
    starts = [line.start() for line in _LINE.finditer(text)]
    # What is within the blocks is not looked at.
    tokens = _parser("normalize", "block").parse(text)
    for opening, inline in pairwise(tokens):
        if opening.type == "heading_open" and opening.map and inline.content.strip():
            yield Heading(starts[opening.map[0]], int(opening.tag[1:]), _plain(inline.content))


def _rst(text: str) -> Iterator[Heading]:
    """Yield the titles that are underlined; the order of the kinds of lines gives the levels."""
    found = list(_LINE.finditer(text))
    lines = [line.group().rstrip() for line in found]
    levels: dict[tuple[str, bool], int] = {}
    for at, title in enumerate(lines[:-1]):
        under = lines[at + 1]
        over = at > 0 and lines[at - 1] == under
        if not title.strip() or _ADORNMENT.fullmatch(title) or not _ADORNMENT.fullmatch(under):
            continue
        begins = over or (title[0] != " " and (at == 0 or not lines[at - 1]))
        if begins and len(under) >= len(title):
            level = levels.setdefault((under[0], over), len(levels) + 1)
            yield Heading(found[at - over].start(), level, title.strip())


@cache
def _parser(*stages: str) -> MarkdownIt:
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark")
    parser.core.ruler.enableOnly(stages)
    return parser


def _plain(inline: str) -> str:
    """Return a heading's text without its markup."""
    children = _parser("block", "inline").parseInline(inline)[0].children or []
    return " ".join("".join(one.content for one in children if one.type != "html_inline").split())


def _short(title: str) -> str:
    return title if len(title) <= _LONGEST else title[: _LONGEST - 1] + "…"
