"""The late-join model as a module of sentence-transformers, so that its trainer can train it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sentence_transformers.base.modules import InputModule
from tokenizers import Tokenizer
from torch import Tensor

from secondpass.engine.contract import Policy
from secondpass.scoring.batches import group_by_length
from secondpass.training.join_states import JoinStates, default_bytes, join_pairs
from secondpass.training.late_join_folder import read_late_join, save_late_join

# Padded tokens that the layers above the join compute at once.
BATCH_TOKENS = 4096


class LateJoinModule(InputModule):  # type: ignore[misc]
    """Scores pairs. The layers below the join are the bi-encoder's and stay so."""

    def __init__(self, folder: Path, max_length: int) -> None:
        super().__init__()
        self.encoder, self.head, self.config = read_late_join(folder)
        self.encoder.requires_grad_(False)
        self.states = JoinStates(self.encoder, default_bytes())
        self.folder = folder
        self.max_seq_length = max_length
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.enable_truncation(max_length)
        self.tokenizer.enable_padding()

    def read(self, folder: Path) -> None:
        """Take the weights of another folder, such as a checkpoint."""
        encoder, head, _ = read_late_join(folder)
        self.encoder.load_state_dict(encoder.state_dict())
        self.head.load_state_dict(head.state_dict())
        self.states.clear()

    def preprocess(
        self, inputs: Sequence[Any], prompt: str | None = None, **_: Any
    ) -> dict[str, Tensor]:
        """Return token ids, types and mask of (query, text) pairs: [pairs, length] each."""
        encoded = self.tokenizer.encode_batch([tuple(pair) for pair in inputs])
        return {
            "input_ids": torch.tensor([one.ids for one in encoded]),
            "token_type_ids": torch.tensor([one.type_ids for one in encoded]),
            "attention_mask": torch.tensor([one.attention_mask for one in encoded]),
        }

    def forward(self, features: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Add `scores`: logits [pairs, 1]."""
        pairs = [
            self._states_of(ids[seen], types[seen])
            for ids, types, seen in zip(
                features["input_ids"],
                features["token_type_ids"],
                features["attention_mask"].bool(),
                strict=True,
            )
        ]
        features["scores"] = self._score(pairs)[:, None]
        return features

    def _states_of(self, ids: Tensor, types: Tensor) -> tuple[Tensor, Tensor]:
        """Return the states of query and text, from the ids and types of a pair's tokens."""
        middle = len(types) - int(types.sum())
        return self.states.of(ids[:middle]), self.states.of(ids[middle:])

    def _score(self, pairs: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
        """Return logits [pairs], scored in batches of pairs of like length."""
        lengths = [len(query) + len(text) for query, text in pairs]
        groups = group_by_length(
            lengths, Policy(max_tokens=BATCH_TOKENS), length_limit=self.max_seq_length
        )
        rows = [positions for positions, _ in groups]
        scores = [self.head(*join_pairs([pairs[at] for at in chosen]))[0] for chosen in rows]
        back = np.argsort(np.concatenate(rows))
        return torch.cat(scores)[torch.as_tensor(back, device=scores[0].device)]

    def save(self, output_path: str, *_: Any, **__: Any) -> None:
        """Write the folder that secondpass loads, float32: a resumed run is the same bit by bit."""
        save_late_join(
            self.encoder,
            self.head,
            self.folder,
            Path(output_path),
            join_layer=self.config["join_layer"],
            half=False,
        )
