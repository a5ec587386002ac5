"""What is read of a text that does not fit. Loads no numpy, for the command.

"first" and "max" are FirstP and MaxP of Dai and Callan, "Deeper Text Understanding for IR with
Contextual Neural Language Modeling", SIGIR 2019. "mean-top-k" takes the three best windows, as
Birch takes the three best sentences (Akkalyoncu Yilmaz et al., "Cross-Domain Modeling of
Sentence-Level Evidence for Document Retrieval", EMNLP 2019), each counting the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from secondpass.errors import InputError

LongDocuments = Literal["truncate", "max", "mean-top-k", "first"]
LONG_DOCUMENTS: tuple[str, ...] = get_args(LongDocuments)

# The k of "mean-top-k".
BEST_WINDOWS = 3


@dataclass(frozen=True, slots=True)
class WindowRule:
    """A checked choice. Make it with `checked`.

    `stride` is how many tokens lie between the starts of two windows; None is half a window, as Dai
    and Callan have it: whatever is no longer than half a window stands whole in one of them.
    """

    long_documents: LongDocuments = "truncate"
    stride: int | None = None

    @classmethod
    def checked(
        cls, long_documents: LongDocuments = "truncate", stride: int | None = None
    ) -> WindowRule:
        """Return the choice, or raise an InputError that names the value and what is allowed.

        A stride for a rule that reads one window is an error, for it would do nothing.
        """
        if not isinstance(long_documents, str) or long_documents not in LONG_DOCUMENTS:
            raise InputError(
                f"long_documents is {long_documents!r}, expected one of {', '.join(LONG_DOCUMENTS)}"
            )
        rule = cls(long_documents, stride)
        if stride is None:
            return rule
        if rule.only_first:
            raise InputError(
                f"stride is {stride!r}, but long_documents={long_documents!r} reads one window of "
                "a text: use 'max' or 'mean-top-k', or leave stride out"
            )
        if isinstance(stride, bool) or not isinstance(stride, int) or stride < 1:
            raise InputError(f"stride is {stride!r}, expected a whole number of at least 1")
        return rule

    def checked_for(self, text_tokens: int) -> WindowRule:
        """Return the rule if its stride skips no token of windows of at most `text_tokens`."""
        if self.stride is not None and self.stride > text_tokens:
            raise InputError(
                f"stride {self.stride} is more than the {text_tokens} tokens that a window holds "
                f"beside the shortest query, so some would not be read: pass stride={text_tokens} "
                "or less, or raise max_length"
            )
        return self

    @property
    def only_first(self) -> bool:
        """Whether a text is read up to what fits and no further."""
        return self.long_documents in ("truncate", "first")

    @property
    def in_windows(self) -> bool:
        """Tell whether a text that does not fit is read in several windows."""
        return self.long_documents in ("max", "mean-top-k")

    @property
    def best_windows(self) -> int:
        """Of how many of a text's best windows the score is the mean."""
        return BEST_WINDOWS if self.long_documents == "mean-top-k" else 1

    def stride_in(self, room: int) -> int:
        """Return the tokens from one window's start to the next, for windows of `room` tokens.

        Never more than `room`: where a long query leaves less room than the stride, the windows
        stand side by side, and every token is still read.
        """
        return max(1, room // 2) if self.stride is None else min(self.stride, room)
