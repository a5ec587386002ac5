"""A text with its token ids, so that it is not tokenized again."""

from __future__ import annotations

from hashlib import blake2b, sha256
from types import NoneType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from secondpass.checks import kind_of, shortened
from secondpass.errors import InputError

if TYPE_CHECKING:
    from tokenizers import Tokenizer


class TokenizedText(str):
    """A string with the ids that one tokenizer makes of it, without special tokens.

    It is a string so that whoever takes texts takes it, and whoever has another tokenizer sees
    nothing but the text. Make it of the whole text: `max_length` cuts later.

    Ids that were kept elsewhere come with the `ids_digest` that was made with them. Where it is not
    that of this text and these ids, they belong to another text, and nobody uses them.

    Args:
        text: the text.
        ids: its token ids, all of them, integers [n].
        tokenizer: the `tokenizer_digest` of what made them.
        digest: their `ids_digest` from when they were made; None where that is now.
    """

    ids: NDArray[np.integer[Any]]
    tokenizer: str
    ids_are_its_own: bool

    def __new__(
        cls,
        text: str,
        ids: NDArray[np.integer[Any]],
        tokenizer: str,
        digest: int | None = None,
    ) -> Self:
        """Make a string and hang the ids on it."""
        kind_of("text", text, str, "text")
        kind_of("ids", ids, np.ndarray, "an array of integers")
        if ids.ndim != 1 or ids.dtype.kind not in "iu":
            raise InputError(
                f"ids are {ids.dtype} of shape {ids.shape}, expected integers of shape [n]"
            )
        kind_of("tokenizer", tokenizer, str, "text, the digest of a tokenizer")
        kind_of("digest", digest, (int, np.integer, NoneType), "an integer or None")
        made = super().__new__(cls, text)
        made.ids = ids
        made.tokenizer = tokenizer
        made.ids_are_its_own = digest is None or digest == ids_digest(text, ids, tokenizer)
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        """Return what a copy in another process is made of."""
        if not self.ids_are_its_own:
            return str, (str(self),)
        return TokenizedText, (str(self), self.ids, self.tokenizer)


def ids_digest(text: str, ids: NDArray[np.integer[Any]], tokenizer: str) -> int:
    """Return 64 bits, signed, that stand for a text, its ids and what made them.

    They show ids that were damaged or put to another text. They are no seal: whoever writes ids can
    write their digest as well.
    """
    hashed = blake2b(digest_size=8)
    parts = (text.encode("utf-8", "surrogatepass"), ids.astype("<i8").tobytes(), tokenizer.encode())
    for part in parts:
        hashed.update(len(part).to_bytes(8, "little") + part)
    return int.from_bytes(hashed.digest(), "little", signed=True)


def tokenizer_digest(tokenizer: Tokenizer) -> str:
    """Return a hash of all that decides a text's ids, hex.

    tokenizer.json holds more: two models with one vocabulary differ in special tokens, truncation
    and padding, which are nothing to the ids of a text alone. So the file's hash would not do.
    """
    stages = (tokenizer.normalizer, tokenizer.pre_tokenizer, tokenizer.model)
    added = sorted(tokenizer.get_added_tokens_decoder().items())
    hashed = sha256()
    # What pickle would keep is the library's own JSON of a stage.
    rest = (added, tokenizer.encode_special_tokens)
    for part in (*(b"" if stage is None else stage.__getstate__() for stage in stages), *rest):
        described = part if isinstance(part, bytes) else repr(part).encode()
        hashed.update(len(described).to_bytes(8, "little") + described)
    return hashed.hexdigest()


def vocabulary_end(tokenizer: Tokenizer) -> int:
    """Return the id after the largest. Ask once: some versions copy the vocabulary to count it."""
    return max(tokenizer.get_vocab().values(), default=-1) + 1


def check_ids(text: TokenizedText, end: int) -> None:
    """Raise unless every id is below a vocabulary's end, or the model would index past its table.

    Raises:
        InputError: one is not; the message names it.
    """
    if not len(text.ids):
        return
    least, most = int(text.ids.min()), int(text.ids.max())
    if least >= 0 and most < end:
        return
    raise InputError(
        f"the text {shortened(text, 40)} brings the token id {most if least >= 0 else least}, but "
        f"the vocabulary has {end}: the index it comes from is damaged, make it again; or pass "
        "plain strings"
    )
