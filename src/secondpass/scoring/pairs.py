"""Query ids and text ids to the sequence a model scores, laid out as its own tokenizer does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from secondpass.checks import shortened
from secondpass.errors import ModelFileError
from secondpass.scoring.encode import TokenIds

if TYPE_CHECKING:
    from tokenizers import Tokenizer


@dataclass(frozen=True, slots=True)
class Segment:
    """Special tokens at one place of the layout, with their token types."""

    ids: TokenIds
    types: TokenIds


@dataclass(frozen=True, slots=True)
class Pair:
    """One sequence to score: token ids and token types of equal length.

    `head` is how many tokens stand before the text's own, or fewer.
    """

    ids: TokenIds
    types: TokenIds
    head: int = 0


class Sides(NamedTuple):
    """The special tokens around a query and those around a text, where each stands apart."""

    before_query: TokenIds
    after_query: TokenIds
    before_text: TokenIds
    after_text: TokenIds

    def query(self, ids: TokenIds) -> Pair:
        """Return the query's side alone; its token types are 0."""
        whole = np.concatenate((self.before_query, ids, self.after_query), dtype=np.int32)
        return Pair(whole, np.zeros_like(whole))

    def text(self, ids: TokenIds) -> Pair:
        """Return the text's side alone; its token types are 1."""
        whole = np.concatenate((self.before_text, ids, self.after_text), dtype=np.int32)
        return Pair(whole, np.ones_like(whole))

    @property
    def of_text(self) -> int:
        """Return how many special tokens the text's side has."""
        return len(self.before_text) + len(self.after_text)


@dataclass(frozen=True, slots=True)
class PairLayout:
    """Where the special tokens stand around query and text, asked of the tokenizer once."""

    before: Segment
    between: Segment
    after: Segment
    query_type: int
    text_type: int

    @property
    def special_tokens(self) -> int:
        """Return how many special tokens a pair has."""
        return len(self.before.ids) + len(self.between.ids) + len(self.after.ids)

    @property
    def highest_type(self) -> int:
        """Return the highest token type of any pair."""
        around = (self.before.types, self.between.types, self.after.types)
        every = [int(one) for types in around for one in types]
        return max([self.query_type, self.text_type, *every])

    def sides(self) -> Sides | None:
        """Return what stands around each side, by the token types: 0 is the query's, 1 the text's.

        None where the types do not part the sequence so.
        """
        between, of_query = self.between.ids, int(np.count_nonzero(self.between.types == 0))
        query, text = self.between.types[:of_query], self.between.types[of_query:]
        query = np.concatenate((self.before.types, [self.query_type], query))
        text = np.concatenate((text, [self.text_type], self.after.types))
        if query.any() or (text != 1).any():
            return None
        return Sides(self.before.ids, between[:of_query], between[of_query:], self.after.ids)

    def without_types(self) -> PairLayout:
        """Return the layout with token type 0 everywhere, as for a model that is fed none."""

        def untyped(segment: Segment) -> Segment:
            return Segment(segment.ids, np.zeros_like(segment.types))

        return PairLayout(untyped(self.before), untyped(self.between), untyped(self.after), 0, 0)

    def join(self, query: TokenIds, text: TokenIds) -> Pair:
        """Return the pair of a query and a text, special tokens and token types included."""
        ids = np.concatenate(
            (self.before.ids, query, self.between.ids, text, self.after.ids), dtype=np.int32
        )
        types = np.concatenate(
            (
                self.before.types,
                np.full(len(query), self.query_type, np.int32),
                self.between.types,
                np.full(len(text), self.text_type, np.int32),
                self.after.types,
            )
        )
        head = len(self.before.ids) + len(query) + len(self.between.ids)
        return Pair(ids, types, head)


def read_pair_layout(tokenizer: Tokenizer, name: object = "the tokenizer") -> PairLayout:
    """Read the layout off one encoded pair: what belongs to no sequence is a special token.

    `name` is the tokenizer's in a message: its file.

    Raises:
        ModelFileError: the tokenizer has no template for pairs, or mixes query and text.
    """
    probe = tokenizer.encode("a", "b")
    owners = probe.sequence_ids
    query = [at for at, owner in enumerate(owners) if owner == 0]
    text = [at for at, owner in enumerate(owners) if owner == 1]
    if not query or not text or query[-1] > text[0]:
        raise ModelFileError(
            f"{name} does not put a query before its text (sequence ids {shortened(owners)}): it "
            "is not a cross-encoder's"
        )

    def segment(start: int, stop: int) -> Segment:
        return Segment(
            np.asarray(probe.ids[start:stop], np.int32),
            np.asarray(probe.type_ids[start:stop], np.int32),
        )

    return PairLayout(
        before=segment(0, query[0]),
        between=segment(query[-1] + 1, text[0]),
        after=segment(text[-1] + 1, len(owners)),
        query_type=probe.type_ids[query[0]],
        text_type=probe.type_ids[text[0]],
    )


def read_single_layout(tokenizer: Tokenizer) -> tuple[TokenIds, TokenIds]:
    """Return the special tokens before and after a single text, for a bi-encoder."""
    probe = tokenizer.encode("a")
    text = [at for at, owner in enumerate(probe.sequence_ids) if owner == 0]
    return (
        np.asarray(probe.ids[: text[0]], np.int32),
        np.asarray(probe.ids[text[-1] + 1 :], np.int32),
    )
