"""An engine to examine: a way to load it anew, and sequences of mixed length for it."""

from __future__ import annotations

from dataclasses import replace

from secondpass.models.folder import find_folder
from secondpass.models.spec import read_cross_encoder_spec
from secondpass.models.tokenizer import load_tokenizer
from secondpass.scoring.batches import balanced, make_batches, restore_order
from secondpass.scoring.encode import TextEncoder
from secondpass.scoring.pairs import read_pair_layout

QUERY = "read the csv rows"
LIMIT = 64


class Subject:
    """`load` makes an engine of the folder's spec; `pairs` are forty texts beside a query."""

    def __init__(self, folder, load, documents):
        self.spec = read_cross_encoder_spec(find_folder(folder))
        tokenizer = load_tokenizer(self.spec.tokenizer_file)
        layout = read_pair_layout(tokenizer)
        query, *texts = TextEncoder(tokenizer, threads=1).encode([QUERY, *documents[20:60]])
        room = LIMIT - layout.special_tokens - len(query)
        self.pairs = [layout.join(query, text[:room]) for text in texts]
        self.load = lambda: load(self.spec)

    def batches(self, engine, pairs=None, **policy):
        pairs = self.pairs if pairs is None else pairs
        wanted = balanced(replace(engine.policy, **policy), [len(pair.ids) for pair in pairs])
        return make_batches(pairs, wanted, padding_id=self.spec.padding_id, length_limit=LIMIT)

    def logits(self, engine, pairs=None, **policy):
        batches = self.batches(engine, pairs, **policy)
        return restore_order(batches, engine.run(batches))[:, 0]


def everyone(_, logits):
    """Every row continues."""
    return logits == logits
