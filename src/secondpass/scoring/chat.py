"""Query and document in the frame of a chat template, as token ids.

The ids are those of the whole text in one piece, as sentence-transformers tokenizes it: at a seam
the frame's characters and a text's may be one token. Only special tokens of the frame part the
text, as they do for the tokenizer; a special token within a query or a document is text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from secondpass.checks import shortened
from secondpass.errors import UnsupportedModelError
from secondpass.models.chat_template import Frame, read_frame
from secondpass.models.spec import ModelSpec
from secondpass.options.long_documents import LongDocumentPolicy
from secondpass.scoring.cuts import Cut, Span, TextTokens, room_for_text, truncate
from secondpass.scoring.effort import Schedule
from secondpass.scoring.encode import Encoded, TextEncoder, TokenIds
from secondpass.scoring.pairs import Pair
from secondpass.scoring.prepare import prepared
from secondpass.scoring.reading import (
    FIRST_CHARACTERS,
    READ_CHARACTERS,
    is_enough,
    unread_tokens,
)
from secondpass.scoring.select.cut import select
from secondpass.scoring.select.nearness import words_of
from secondpass.scoring.sequences import Prepared, TokenSequence
from secondpass.scoring.windows import cut_windows

if TYPE_CHECKING:
    from tokenizers import Tokenizer

# Texts that meet the frame with letters, digits, blanks, marks and nothing.
_PROBES = (
    ("alpha bravo", "charlie delta."),
    ("  9 ", "\n\n42 x\n"),
    ("\u00e9t\u00e9?!", "\u4e2d\u6587 'quoted'\t"),
    ("a", ""),
    (".", "\r\n.\n"),
)
# What sentence-transformers tells the end of a template by.
_FILLERS = ("0", "1 2 3 4")


class Asked(NamedTuple):
    """A query in its frame: the ids before the text that a document stands in, and its start."""

    ids: TokenIds
    before: str


@dataclass(frozen=True, slots=True)
class ChatLayout:
    """The frame's token ids, and the text of it that is tokenized with a query or a document.

    `head`, `middle` and `tail` are what special tokens part from the texts. `middle` is None where
    query and document stand in one text, which begins with `query_before`, has `query_after`
    between them and ends with `document_after`. `ending` are the ids that end every text that is
    cut; `special_tokens` is how many ids the frame has round two empty texts.
    """

    head: TokenIds
    query_before: str
    query_after: str
    middle: TokenIds | None
    document_before: str
    document_after: str
    tail: TokenIds
    ending: TokenIds
    special_tokens: int

    @property
    def highest_type(self) -> int:
        """Return the highest token type of any pair: there is one type."""
        return 0

    @property
    def fed(self) -> frozenset[int]:
        """Return the token ids that stand in every text."""
        middle = () if self.middle is None else self.middle.tolist()
        return frozenset((*self.head.tolist(), *middle, *self.tail.tolist(), *self.ending.tolist()))

    def join(self, query: TokenIds, text: TokenIds) -> Pair:
        """Return a sequence of what stands before a document's own tokens and of the rest."""
        ids = np.concatenate((query, text), dtype=np.int32)
        return Pair(ids, np.zeros_like(ids), len(query))

    def ask(self, query: str, encoder: TextEncoder) -> Asked:
        """Return a query in its frame."""
        begun = f"{self.query_before}{query}{self.query_after}"
        if self.middle is None:
            return Asked(self.head, begun)
        (ids,) = encoder.encode([begun])
        return Asked(np.concatenate((self.head, ids, self.middle)), self.document_before)

    def whole(self, query: str, text: str, encoder: TextEncoder) -> Pair:
        """Return a pair that is short enough to be scored whole."""
        asked = self.ask(query, encoder)
        (encoding,) = encoder.encode_with_offsets(
            [text], before=asked.before, after=self.document_after
        )
        return self.join(asked.ids, np.array([*encoding.ids, *self.tail], np.int32))


def read_chat_layout(tokenizer: Tokenizer, spec: ModelSpec, instruction: str) -> ChatLayout:
    """Return how a model's chat template lays a pair out; the tokenizer's settings are kept.

    Raises:
        UnsupportedModelError: the template makes no fixed frame, or the tokenizer reads the parts
            of the text otherwise than the whole.
    """
    frame = read_frame(spec, instruction)
    _require_plain_tokens(tokenizer, frame, spec)
    layout = _layout(tokenizer, frame)
    encoder = TextEncoder(tokenizer, threads=1)
    for query, text in _PROBES:
        parts = layout.whole(query, text, encoder).ids.tolist()
        if parts != _whole(tokenizer, frame.holding(query, text)):
            raise UnsupportedModelError(
                f"{spec.name}: tokenizer.json reads the text of its chat template ({spec.chats}) "
                f"otherwise in parts than as a whole, of the pair {shortened((query, text))}"
            )
    return layout


def _layout(tokenizer: Tokenizer, frame: Frame) -> ChatLayout:
    special = _special_tokens(tokenizer)
    *head, query_before = _parts(frame.before, special)
    between = _parts(frame.between, special)
    document_after, *tail = _parts(frame.after, special)
    first, second = (_whole(tokenizer, frame.holding(text, text)) for text in _FILLERS)
    return ChatLayout(
        head=_ids(tokenizer, head, special),
        query_before=query_before,
        query_after=between[0],
        middle=_ids(tokenizer, between[1:-1], special) if len(between) > 1 else None,
        document_before=between[-1],
        document_after=document_after,
        tail=_ids(tokenizer, tail, special),
        ending=_common_ending(first, second),
        special_tokens=len(_whole(tokenizer, frame.holding("", ""))),
    )


def _special_tokens(tokenizer: Tokenizer) -> dict[str, int]:
    return {
        token.content: number
        for number, token in tokenizer.get_added_tokens_decoder().items()
        if token.special and token.content
    }


def _parts(text: str, special: dict[str, int]) -> list[str]:
    """Cut a text at its special tokens, the longest of several: text and token by turns."""
    if not special:
        return [text]
    longest_first = sorted(special, key=len, reverse=True)
    return re.split(f"({'|'.join(map(re.escape, longest_first))})", text)


def _ids(tokenizer: Tokenizer, parts: Sequence[str], special: dict[str, int]) -> TokenIds:
    ids: list[int] = []
    for part in parts:
        known = special.get(part)
        ids += tokenizer.encode(part, add_special_tokens=False).ids if known is None else [known]
    return np.array(ids, np.int32)


def _whole(tokenizer: Tokenizer, text: str) -> list[int]:
    """Return the ids of a whole text, in which special tokens are read as such."""
    kept = tokenizer.encode_special_tokens
    tokenizer.encode_special_tokens = False
    try:
        return list(tokenizer.encode(text, add_special_tokens=False).ids)
    finally:
        tokenizer.encode_special_tokens = kept


def _common_ending(one: Sequence[int], other: Sequence[int]) -> TokenIds:
    count = 0
    while count < min(len(one), len(other)) and one[-1 - count] == other[-1 - count]:
        count += 1
    return np.array(one[len(one) - count :], np.int32)


def _require_plain_tokens(tokenizer: Tokenizer, frame: Frame, spec: ModelSpec) -> None:
    """Raise if a special token of the frame takes blanks of the texts beside it."""
    text = frame.holding("", "")
    for token in tokenizer.get_added_tokens_decoder().values():
        stretches = token.lstrip or token.rstrip or token.single_word or token.normalized
        if token.special and token.content in text and stretches:
            raise UnsupportedModelError(
                f"{spec.tokenizer_file} has the special token {shortened(token.content)} of the "
                "chat template with lstrip, rstrip, single_word or normalized, which is not done "
                "here"
            )


class DocumentTokens:
    """The tokens of a text that have characters of a document; their characters are its own."""

    def __init__(self, encoding: TextTokens, start: int, stop: int) -> None:
        bounds = np.array(encoding.offsets, np.int64).reshape(-1, 2)
        # A normalizer may put marks in another order.
        starts, ends = np.maximum.accumulate(bounds, axis=0).T
        self.first = int(np.searchsorted(ends, start, side="right"))
        behind = int(np.searchsorted(starts, stop, side="left"))
        self.stop = max(self.first, behind) if stop > start else self.first
        self.ids = encoding.ids[self.first : self.stop]
        own = np.clip(bounds[self.first : self.stop], start, stop) - start
        self.offsets: list[Span] = [(first, last) for first, last in own.tolist()]

    def token_to_chars(self, token_index: int) -> Span | None:
        """Return the characters [start, end) of one token."""
        return self.offsets[token_index]

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class ChatPreparer:
    """Encodes and cuts documents within the frame of a chat template.

    A document that does not fit is cut at its end, and the frame's last tokens follow, as in
    sentence-transformers; the query is never cut.
    """

    encoder: TextEncoder
    layout: ChatLayout
    max_length: int
    rule: LongDocumentPolicy

    def prepare(self, query: str, texts: Sequence[str], schedule: Schedule = ()) -> Prepared:
        """Return the texts beside the query as sequences.

        Raises:
            InputError: the query leaves no room for a text.
        """
        started = perf_counter()
        ((_, tokens),) = self.encoder.encode_counted([query], self.max_length)
        room_for_text(tokens, self.layout.special_tokens, self.max_length)
        asked, words = self.layout.ask(query, self.encoder), words_of(query)
        cuts = (self._laid_out(*one, asked, words) for one in self._tokens(asked, texts))
        return prepared(cuts, 0, schedule, started)

    def _tokens(self, asked: Asked, texts: Sequence[str]) -> Iterator[tuple[str, int, TextTokens]]:
        """Yield each text, how many characters of it are read, and its tokens in the frame."""
        whole = self.rule.long_documents != "truncate"
        read = READ_CHARACTERS if whole else FIRST_CHARACTERS
        for text, tokens in zip(texts, self._encodings(asked, texts, read), strict=True):
            if len(text) <= read or whole or is_enough(len(tokens), self.max_length):
                yield text, read, tokens
            else:
                (again,) = self._encodings(asked, [text], READ_CHARACTERS)
                yield text, READ_CHARACTERS, again

    def _encodings(self, asked: Asked, texts: Sequence[str], read: int) -> Iterator[TextTokens]:
        return self.encoder.encode_with_offsets(
            texts, before=asked.before, after=self.layout.document_after, read=read
        )

    def _laid_out(
        self, text: str, read: int, tokens: TextTokens, asked: Asked, words: AbstractSet[str]
    ) -> tuple[Cut, list[TokenSequence]]:
        """Return what is scored of a text, and the sequence of each part."""
        layout, start = self.layout, len(asked.before)
        own = DocumentTokens(tokens, start, start + min(len(text), read))
        ids = np.array(tokens.ids, np.int32)
        head = np.concatenate((asked.ids, ids[: own.first]))
        rest = np.concatenate((ids[own.stop :], layout.tail))
        room = room_for_text(
            len(head) + len(layout.ending) - layout.special_tokens,
            layout.special_tokens,
            self.max_length,
        )
        # sentence-transformers writes the frame's ending over a text of just as many tokens too.
        fits = len(text) <= read and len(head) + len(own) + len(rest) < self.max_length
        cut = self._cut(text, read, own, words, max(room, len(own)) if fits else room)
        is_whole = fits and [len(part) for part in cut.parts] == [len(own)]
        after = rest if is_whole else layout.ending
        parts = (np.concatenate((part, after), dtype=np.int32) for part in cut.parts)
        return cut, [TokenSequence(head, part) for part in parts]

    def _cut(
        self, text: str, read: int, own: DocumentTokens, words: AbstractSet[str], room: int
    ) -> Cut:
        if self.rule.long_documents == "truncate":
            ids = np.array(own.ids[:room], np.int32)
            return truncate(Encoded(ids, len(own) + unread_tokens(text, read)), room)
        if self.rule.select_tokens is not None:
            return select(own, text, words, min(self.rule.select_tokens, room))
        stride = self.rule.stride_in(room) if self.rule.in_windows else None
        return cut_windows(own, text, room, stride)
