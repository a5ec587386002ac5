"""What sentence-transformers makes of a pair, and whether we make the same.

Each tokenizer's class decides the special tokens, the token types, the side of the padding and what
is fed at all. It is asked once, with a few pairs: what it feeds is fed, and where its tokens are
others than ours the model is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from secondpass.engine.contract import Batch, Columns
from secondpass.errors import UnsupportedModelError
from secondpass.models.spec import ModelSpec
from secondpass.scoring.chat import read_chat_layout
from secondpass.scoring.encode import TextEncoder
from secondpass.scoring.model_tokenizer import model_tokenizer, pair_layout
from secondpass.scoring.pairs import Pair

# Short and long, cased, with digits, accents and blanks, another script, and an empty one.
_PAIRS = (
    ("How do I read a CSV file?", "csv.reader returns an object that reads 2 rows, one by one."),
    ("wait", "Threading.Lock.acquire waits until the lock is free."),
    ("naïve  café", "Ünïcode 读取文件 tabs\tand two  blanks"),
    ("csv", ""),
)
_COLUMNS = ("input_ids", "attention_mask", "token_type_ids")


@dataclass(frozen=True, slots=True)
class PeerFeatures:
    """How a batch is fed.

    `names` are the columns that are fed, `padding` what stands in them where no token does, and
    `others` what goes along with every batch. `trial` are the pairs that were compared.
    """

    names: tuple[str, ...]
    padding: Mapping[str, int]
    pads_left: bool
    others: Mapping[str, Any]
    trial: tuple[Pair, ...]

    def laid_out(self, batch: Batch) -> Columns:
        """Return the columns of a batch as sentence-transformers would make them."""
        seen = batch.columns["attention_mask"].astype(bool)
        columns = {
            name: np.where(seen, batch.columns[name], self.padding[name]) for name in self.names
        }
        if not self.pads_left:
            return columns
        shifts = (batch.padded_length - batch.lengths)[:, None]
        places = (np.arange(batch.padded_length)[None, :] - shifts) % batch.padded_length
        return {
            name: np.take_along_axis(column, places, axis=1) for name, column in columns.items()
        }


def read_peer_features(model: Any, spec: ModelSpec) -> PeerFeatures:
    """Ask a CrossEncoder what it makes of a few pairs.

    Raises:
        UnsupportedModelError: its tokens are others than those of `model_tokenizer`.
    """
    ours = _our_pairs(spec)
    try:
        features = model.preprocess([list(pair) for pair in _PAIRS], prompt=spec.prompt or None)
    except Exception as error:  # a tokenizer's own code may fail in any way
        reason = str(error).partition("\n")[0]
        raise UnsupportedModelError(
            f"{spec.name}: sentence-transformers cannot read two texts of different length "
            f"({reason}): it may need a padding token, pad_token in tokenizer_config.json and "
            "pad_token_id in config.json"
        ) from error
    columns = {name: np.asarray(features[name]) for name in _COLUMNS if name in features}
    if "attention_mask" not in columns:
        raise UnsupportedModelError(
            f"{spec.name}: its tokenizer gives no attention_mask, so padding would count"
        )
    seen = columns["attention_mask"].astype(bool)
    for row, (texts, pair) in enumerate(zip(_PAIRS, ours, strict=True)):
        expected = {"input_ids": pair.ids, "token_type_ids": pair.types}
        for name in columns.keys() & expected.keys():
            theirs = columns[name][row][seen[row]]
            if theirs.tolist() != expected[name].tolist():
                raise _reads_otherwise(spec, model, texts, name)
    padding = {name: int(np.append(column[~seen], 0)[0]) for name, column in columns.items()}
    others = {name: value for name, value in features.items() if name not in _COLUMNS}
    return PeerFeatures(tuple(columns), padding, bool((~seen[:, 0]).any()), others, tuple(ours))


def _our_pairs(spec: ModelSpec) -> list[Pair]:
    tokenizer = model_tokenizer(spec)
    encoder = TextEncoder(tokenizer, threads=1)
    if spec.chats is not None:
        frame = read_chat_layout(tokenizer, spec, spec.prompt)
        return [frame.whole(query, text, encoder) for query, text in _PAIRS]
    layout = pair_layout(tokenizer, spec)
    queries = encoder.encode([spec.prompt + query for query, _ in _PAIRS])
    texts = encoder.encode([text for _, text in _PAIRS])
    return [layout.join(query, text) for query, text in zip(queries, texts, strict=True)]


def _reads_otherwise(
    spec: ModelSpec, model: Any, texts: tuple[str, str], name: str
) -> UnsupportedModelError:
    tokenizer = type(model.tokenizer).__name__
    return UnsupportedModelError(
        f"{spec.name}: {tokenizer} makes other {name} of the pair {texts} than tokenizer.json "
        "does, so its scores would be others; score with sentence-transformers"
    )
