"""What is scored of a text that does not fit.

"first" and "max" are FirstP and MaxP of Dai and Callan, "Deeper Text Understanding for IR with
Contextual Neural Language Modeling", SIGIR 2019. "mean-top-k" takes the three best windows, as
Birch takes the three best sentences (Akkalyoncu Yilmaz et al., "Cross-Domain Modeling of
Sentence-Level Evidence for Document Retrieval", EMNLP 2019), each counting the same. "select"
scores the sentences nearest to the query (scoring/select/).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args
from unicodedata import unidata_version

from secondpass.checks import integer, one_of, shortened
from secondpass.errors import Argument, InputError

LongDocuments = Literal["truncate", "max", "mean-top-k", "first", "select"]
LONG_DOCUMENTS: tuple[LongDocuments, ...] = get_args(LongDocuments)

# Raise it with any change of which sentences "select" scores: it is part of a score cache's keys,
# as are Python's Unicode tables, which say what a letter is.
CHOICE_VERSION = f"1 {unidata_version}"

# The k of "mean-top-k".
BEST_WINDOWS = 3

# How many tokens of a text "select" scores by default.
SELECT_TOKENS = 256


@dataclass(frozen=True, slots=True)
class LongDocumentPolicy:
    """A checked choice. Make it with `checked`.

    `stride` is how many tokens lie between the starts of two windows; None is half a window, as Dai
    and Callan have it: whatever is no longer than half a window stands whole in one of them.
    `select_tokens` is how many tokens of a text "select" scores; None for the other rules.
    """

    long_documents: LongDocuments = "truncate"
    stride: int | None = None
    select_tokens: int | None = None

    @classmethod
    def checked(
        cls,
        long_documents: LongDocuments = "truncate",
        stride: int | None = None,
        select_tokens: int | None = None,
    ) -> LongDocumentPolicy:
        """Return the choice, or raise an InputError that names the value and what is allowed.

        A number that is another rule's is an error, for it would do nothing.
        """
        one_of("long_documents", long_documents, LONG_DOCUMENTS)
        if long_documents == "select" and select_tokens is None:
            select_tokens = SELECT_TOKENS
        rule = cls(long_documents, stride, select_tokens)
        if stride is not None and not rule.in_windows:
            raise InputError(
                Argument("stride"),
                f" is {shortened(stride)}, but ",
                Argument("long_documents", long_documents),
                " scores one window of a text: use 'max' or 'mean-top-k', or leave ",
                Argument("stride"),
                " out",
            )
        if select_tokens is not None and long_documents != "select":
            raise InputError(
                Argument("select_tokens"),
                f" is {shortened(select_tokens)}, but ",
                Argument("long_documents", long_documents),
                " chooses no sentences: use 'select', or leave ",
                Argument("select_tokens"),
                " out",
            )
        for name, number in (("stride", stride), ("select_tokens", select_tokens)):
            if number is not None:
                integer(name, number)
        return rule

    def checked_for(self, text_tokens: int) -> LongDocumentPolicy:
        """Return the rule if its stride skips no token of windows of at most `text_tokens`."""
        if self.stride is not None and self.stride > text_tokens:
            raise InputError(
                Argument("stride"),
                f" {self.stride} is more than the {text_tokens} tokens that a window holds beside "
                "the shortest query, so some would not be scored: pass ",
                Argument("stride", text_tokens),
                " or less, or raise ",
                Argument("max_length"),
            )
        return self

    @property
    def in_windows(self) -> bool:
        """Tell whether a text that does not fit is scored in several windows."""
        return self.long_documents in ("max", "mean-top-k")

    @property
    def choice(self) -> str:
        """All that decides which sentences are scored; nothing where none are chosen."""
        return "" if self.select_tokens is None else f"{CHOICE_VERSION} {self.select_tokens}"

    @property
    def best_windows(self) -> int:
        """Of how many of a text's best windows the score is the mean."""
        return BEST_WINDOWS if self.long_documents == "mean-top-k" else 1

    def stride_in(self, room: int) -> int:
        """Return the tokens from one window's start to the next, for windows of `room` tokens.

        Never more than `room`: where a long query leaves less room than the stride, the windows
        stand side by side, and every token is still scored.
        """
        return max(1, room // 2) if self.stride is None else min(self.stride, room)
