"""Everything a logit depends on besides query and text, and the cache key made of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from hashlib import blake2b

from secondpass.score_cache.entries import LAYOUT
from secondpass.scoring.passage import Passage

KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class ScoringRules:
    """A score made under one set of rules is never found under another.

    The activation is not among them: logits are kept. Threads and batch sizes are not either: what
    they change is rounding (docs/guide/caching.md).
    """

    weights_sha256: str
    config_sha256: str
    tokenizer_sha256: str
    precision: str
    arithmetic: str
    engine: str
    device: str
    graph_version: str
    processor: str
    max_length: int
    long_documents: str = "truncate"
    stride: int | None = None
    choice: str = ""
    instruction: str = ""

    def digest(self) -> bytes:
        """Return `KEY_BYTES` bytes that stand for these rules and the layout of an entry."""
        described = json.dumps([LAYOUT, asdict(self)], sort_keys=True)
        return blake2b(described.encode(), digest_size=KEY_BYTES).digest()


def pair_keys(rules: bytes, query: str, texts: Sequence[str]) -> Iterator[bytes]:
    """Yield the key of the query with each text under the rules with this digest.

    Keyed BLAKE2b (RFC 7693) over the query's length, the query and the text: the length keeps
    ("ab", "c") and ("a", "bc") apart. A text that brings states may be scored from them, which
    rounds: its key is over their digest too, personalised as no other is.
    """
    encoded = query.encode()
    length = len(encoded).to_bytes(8, "little")
    begun = blake2b(length + encoded, key=rules, digest_size=KEY_BYTES)
    from_states = blake2b(length + encoded, key=rules, digest_size=KEY_BYTES, person=b"states")
    for text in texts:
        digest = text.states_digest if isinstance(text, Passage) else None
        pair = begun.copy() if digest is None else from_states.copy()
        if digest is not None:
            pair.update(digest.to_bytes(8, "little", signed=True))
        pair.update(text.encode())
        yield pair.digest()
