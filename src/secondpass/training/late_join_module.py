"""The late-join model as a module of sentence-transformers, so that its trainer can train it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from sentence_transformers.base.modules import InputModule
from tokenizers import Tokenizer
from torch import Tensor

from secondpass.training.late_join_folder import read_late_join, save_late_join


class LateJoinModule(InputModule):  # type: ignore[misc]
    """Reads pairs and scores them. The layers below the join are the bi-encoder's and stay so."""

    def __init__(self, folder: Path, max_length: int) -> None:
        super().__init__()
        self.encoder, self.head, self.config = read_late_join(folder)
        self.encoder.requires_grad_(False)
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
        seen = features["attention_mask"].bool()
        second = features["token_type_ids"].bool()
        query, text = seen & ~second, seen & second
        with torch.no_grad():
            x = self.encoder.apart(features["input_ids"], query, text)
        scores, _early = self.head(x.float(), query, text)
        features["scores"] = scores[:, None]
        return features

    def save(self, output_path: str, *_: Any, **__: Any) -> None:
        """Write the folder that secondpass loads, float32: a run goes on from it bit by bit."""
        save_late_join(
            self.encoder,
            self.head,
            self.folder,
            Path(output_path),
            join_layer=self.config["join_layer"],
            half=False,
        )
