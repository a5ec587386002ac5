"""The part of a text that says why it was found, as one line with the query's words marked."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from secondpass.checks import MOST_INTEGER, described, integer, is_integer
from secondpass.errors import Argument, InputError
from secondpass.retrieval.terms import UNSPACED, marked_words
from secondpass.scoring.candidates import checked_query, checked_text
from secondpass.scoring.select.sentences import sentence_starts

WIDTH = 300

_CUT = "…"
_WORD = re.compile(r"\S+")
# Between characters of a script without blanks, and beside them, a text may be cut.
_UNSPACED = re.compile(f"[{UNSPACED}]")
# What is before the first marked word may take this share of a snippet.
_BEFORE = 0.4

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Snippet:
    """A part of a text.

    `text` is one line: white space is one blank, and "…" stands where the text goes on. `marks` are
    the places [start, end) in it, in characters, of words of the query; `span` is the part of the
    whole text that it shows.
    """

    text: str
    marks: tuple[Span, ...]
    span: Span

    def __str__(self) -> str:
        return self.text

    def marked(self, before: str = "**", after: str = "**") -> str:
        """Return the text with something before and after each word of the query.

        Raises:
            InputError: one of the two is not a string.
        """
        before, after = checked_text(before, "before"), checked_text(after, "after")
        parts, done = [], 0
        for start, end in self.marks:
            parts += [self.text[done:start], before, self.text[start:end], after]
            done = end
        return "".join([*parts, self.text[done:]])


def snippet(query: str, text: str, *, span: Span | None = None, width: int = WIDTH) -> Snippet:
    """Return the part of a text that has most words of a query, in at most `width` characters.

    It begins with a sentence where there is room, else with a word. A text that has none of the
    words is shown from its beginning.

    Args:
        query: its words are marked, but for stop words.
        text: a whole document.
        span: the only part to choose from, such as `Hit.span`, the window that a score comes from.
        width: the most characters, the dots at both ends included.

    Raises:
        InputError: the query is empty, the text is not a string, `span` is not two integers, or
            `width` is not an integer of at least 20.
    """
    integer("width", width, least=20)
    asked, begin, end = checked_query(query), *_within(span, len(checked_text(text, "text")))
    part = text[begin:end]
    line = _Line(part)
    marks = [(line.place(one), line.place(other)) for one, other in marked_words(asked, part)]
    if len(line.text) <= width:
        first, last = 0, len(line.text)
    else:
        room = width - 2 * len(f"{_CUT} ")
        first = _start(line, [line.place(at) for at in sentence_starts(part)], marks, room)
        last = line.end_before(first, first + room)
    shown = (
        (begin + line.origin(first), begin + line.origin(last - 1) + 1) if last else (begin,) * 2
    )
    before = f"{_CUT} " if text[: shown[0]].strip() else ""
    after = f" {_CUT}" if text[shown[1] :].strip() else ""
    shift = len(before) - first
    kept = ((max(one, first), min(other, last)) for one, other in marks)
    return Snippet(
        f"{before}{line.text[first:last]}{after}",
        tuple((one + shift, other + shift) for one, other in kept if one < other),
        shown,
    )


class _Line:
    """A text as one line, and where each character of it comes from."""

    def __init__(self, text: str) -> None:
        words = [match.span() for match in _WORD.finditer(text)]
        self.text = " ".join(text[start:end] for start, end in words)
        self._origins = [start for start, _ in words]
        lengths = (end - start + 1 for start, end in words)
        self._places = list(accumulate(lengths, initial=0))[:-1]

    def place(self, origin: int) -> int:
        """Return where a character of the text is in the line, or the next that is there."""
        word = bisect_right(self._origins, origin) - 1
        if word < 0:
            return 0
        place = self._places[word] + origin - self._origins[word]
        following = self._places[word + 1] if word + 1 < len(self._places) else len(self.text)
        return min(place, following)

    def origin(self, place: int) -> int:
        """Undo `place`."""
        word = bisect_right(self._places, place) - 1
        return self._origins[word] + place - self._places[word]

    def start_after(self, place: int, most: int) -> int:
        """Return the first place from here on where a word begins, at most `most`."""
        begins = (at for at in range(max(place, 0), most) if self._may_part(at, at - 1))
        return next(begins, most)

    def end_before(self, begin: int, place: int) -> int:
        """Return the last place up to here where a word ends; amid one that is too long, here."""
        place = min(place, len(self.text))
        ends = (at for at in range(place, begin, -1) if self._may_part(at - 1, at))
        return next(ends, place)

    def _may_part(self, inner: int, outer: int) -> bool:
        """Tell whether a cut may be between a character that is shown and one that is not."""
        if not 0 <= outer < len(self.text):
            return True
        shown, left = self.text[inner], self.text[outer]
        return shown != " " and (left == " " or bool(_UNSPACED.search(shown + left)))


def _within(span: Span | None, length: int) -> Span:
    if span is None:
        return 0, length
    if not isinstance(span, tuple | list) or len(span) != 2 or not all(map(_is_place, span)):
        raise InputError(
            Argument("span"), f" is {described(span)}, expected two integers, such as (0, 200)"
        )
    return max(0, min(span[0], length)), max(0, min(span[1], length))


def _is_place(value: object) -> bool:
    return is_integer(value, least=-MOST_INTEGER)


def _start(line: _Line, sentences: Sequence[int], marks: Sequence[Span], room: int) -> int:
    """Return where a snippet begins: with a sentence if its marks fit then, else with a word."""
    if not marks:
        return 0
    first, last = _densest(line.text, marks, room)
    begin, end = marks[first][0], marks[last][1]
    sentence = sentences[bisect_right(sentences, begin) - 1]
    if end - sentence <= room:
        return sentence
    before = min(int(_BEFORE * room), max(0, room - (end - begin)))
    return line.start_after(begin - before, begin)


def _densest(text: str, marks: Sequence[Span], room: int) -> tuple[int, int]:
    """Return the first and last of the marks that count most together within the room.

    A word that comes often counts less each time, and one that is there again hardly.
    """
    words = [text[start:end].casefold() for start, end in marks]
    often = Counter(words)
    best, chosen = -1.0, (0, 0)
    for first, (start, _) in enumerate(marks):
        last, seen, worth = first, set[str](), 0.0
        for at in range(first, len(marks)):
            if marks[at][1] - start > room:
                break
            worth += 0.01 if words[at] in seen else 1 / often[words[at]] ** 0.5
            seen.add(words[at])
            last = at
        if worth > best + 1e-9:
            best, chosen = worth, (first, last)
    return chosen
