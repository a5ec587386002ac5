"""Whether a tokenizer, a config and weights belong together, seen from their shapes.

An id beyond a table reads whatever lies there, so it is looked for before anything is scored.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from secondpass.errors import ModelFileError
from secondpass.graph.tensors import Tensors, open_tensors
from secondpass.models.spec import ModelSpec

if TYPE_CHECKING:
    from tokenizers import Tokenizer

WORDS = ("word_embeddings.weight", "tok_embeddings.weight", "embed_tokens.weight")
POSITIONS = ("position_embeddings.weight",)
TYPES = ("token_type_embeddings.weight",)

# Keys of ModernBERT that say whether a layer has a bias, and one tensor of those that then has.
_BIASES = {
    "attention_bias": "layers.0.attn.Wqkv.bias",
    "mlp_bias": "layers.0.mlp.Wi.bias",
    "norm_bias": "final_norm.bias",
    "classifier_bias": "head.dense.bias",
}


@dataclass(frozen=True, slots=True)
class Tables:
    """The rows of the embedding tables in a safetensors file; None for one that is not there."""

    words: int | None
    types: int | None


def read_tables(spec: ModelSpec) -> Tables | None:
    """Return the tables of a model, None where its weights are not safetensors."""
    if spec.weights.format != "safetensors":
        return None
    with open_tensors(spec.weights.files) as tensors:
        return Tables(*(_rows(tensors, *names) for names in (WORDS, TYPES)))


def largest_id(tokenizer: Tokenizer, spec: ModelSpec) -> int:
    """Return the largest token id that a model may be fed, its padding's too.

    A special token within a text is text, so one counts only if it stands around the texts.
    """
    special = {
        number for number, token in tokenizer.get_added_tokens_decoder().items() if token.special
    }
    around = set(tokenizer.encode("", "").ids) | {spec.padding_id}
    given = {
        number
        for number in tokenizer.get_vocab(with_added_tokens=True).values()
        if number not in special
    }
    return max(given | around, default=-1)


def require_fitting(
    spec: ModelSpec, tokenizer: Tokenizer, *, highest_type: int, fed: Iterable[int] = ()
) -> None:
    """Raise unless every id that can be fed, with those of `fed`, is one of a table.

    Raises:
        ModelFileError: one is beyond it; the message names the id and the rows.
    """
    if spec.weights.format != "safetensors":
        return
    faults = fitting_faults(spec, tokenizer, highest_type=highest_type, fed=fed)
    if faults:
        raise ModelFileError(f"{spec.folder}: {faults[0]}")


def fitting_faults(
    spec: ModelSpec, tokenizer: Tokenizer, *, highest_type: int, fed: Iterable[int] = ()
) -> list[str]:
    """Return what does not fit, in words, the worst first."""
    tables = read_tables(spec)
    if tables is None:
        return []
    largest = max(largest_id(tokenizer, spec), *fed, -1)
    checks = (
        (tables.words, largest, "token id", "embedding table", "tokenizer.json"),
        (tables.types, highest_type, "token type", "table of token types", "tokenizer.json"),
    )
    faults = [
        f"the {what} {highest} is beyond the {rows} rows of the {table}; {source} is not the one "
        "that this model was trained with: take both files from the same place"
        for rows, highest, what, table, source in checks
        if rows is not None and highest >= rows
    ]
    return faults + _bias_faults(spec)


def _bias_faults(spec: ModelSpec) -> list[str]:
    if spec.architecture != "modernbert":
        return []
    with open_tensors(spec.weights.files) as tensors:
        return [
            f"config.json has {key} {bool(spec.config.get(key))}, but the weights have "
            f"{'a' if there else 'no'} {name}"
            for key, name in _BIASES.items()
            for there in [tensors.shape_of(name) is not None]
            if there != bool(spec.config.get(key)) and _has_layer(tensors, name)
        ]


def _has_layer(tensors: Tensors, bias: str) -> bool:
    return tensors.shape_of(bias.removesuffix("bias") + "weight") is not None


def _rows(tensors: Tensors, *names: str) -> int | None:
    shape = tensors.shape_of(*names)
    return None if not shape else shape[0]
