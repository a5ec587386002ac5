"""Models of sentence-transformers modules on the tiny encoders of tests/parity; needs torch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any


def spread(modules: Sequence[Any], seed: int = 5) -> None:
    """Draw what starts at 0 or 1 too: else a forgotten bias or norm would not show."""
    import torch

    torch.manual_seed(seed)
    with torch.no_grad():
        for module in modules:
            for parameter in module.parameters():
                parameter.add_(0.3 * torch.randn(parameter.shape))


def encoder(folder: Path, max_length: int = 64) -> Any:
    """Return a tiny model's encoder as a module, without its head."""
    from sentence_transformers.base.modules import Transformer

    task = "feature-extraction"
    return Transformer(str(folder), transformer_task=task, max_seq_length=max_length)


def heads(width: int) -> dict[str, list[Any]]:
    """Return lists of modules that give a score, by name."""
    import torch
    from sentence_transformers.base.modules import Dense, Normalize
    from sentence_transformers.sentence_transformer.modules import Dropout, LayerNorm, Pooling

    def score(inputs: int, **more: Any) -> Any:
        more = {"activation_function": torch.nn.Identity(), **more}
        return Dense(inputs, 1, module_output_name="scores", **more)

    gelu = {"bias": False, "activation_function": torch.nn.GELU()}
    return {
        "cls": [Pooling(width, "cls"), score(width)],
        "ettin": [
            Pooling(width, "cls"),
            Dense(width, width, **gelu),
            LayerNorm(width),
            score(width),
        ],
        "mean": [Pooling(width, "mean"), Dropout(0.1), Dense(width, 7), score(7, bias=False)],
        "joined": [Pooling(width, ("cls", "max", "lasttoken")), score(3 * width)],
        "weighted": [
            Pooling(width, ("mean_sqrt_len_tokens", "weightedmean")),
            Dense(2 * width, 5, use_residual=True, activation_function=torch.nn.SiLU()),
            score(5),
        ],
        "unit": [
            Pooling(width, "mean"),
            Normalize(),
            Dense(width, width, use_residual=True, activation_function=torch.nn.ReLU()),
            score(width, activation_function=torch.nn.Sigmoid()),
        ],
    }


def save_cross_encoder(base: Path, folder: Path, head: str, max_length: int = 64) -> Any:
    """Write a modular cross-encoder on the encoder of `base`, and return it."""
    import torch
    from sentence_transformers import CrossEncoder

    first = encoder(base, max_length)
    behind = heads(first.get_embedding_dimension())[head]
    spread(behind)
    model = CrossEncoder(modules=[first, *behind], activation_fn=torch.nn.Identity(), device="cpu")
    model.save_pretrained(str(folder), create_model_card=False)
    return CrossEncoder(str(folder), device="cpu")
