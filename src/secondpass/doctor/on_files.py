"""Checks of what a folder holds, made before the model is loaded."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

from secondpass.architectures.table import ARCHITECTURES
from secondpass.doctor.result import Finding, judged, not_checked
from secondpass.doctor.stored_weights import StoredHead, read_head, table_rows
from secondpass.models.activation import configured_activation
from secondpass.models.spec import ModelSpec
from secondpass.models.tokenizer import load_tokenizer
from secondpass.options.model import ACTIVATIONS

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_WORDS = ("word_embeddings.weight", "tok_embeddings.weight")
_POSITIONS = ("position_embeddings.weight",)


def one_label(spec: ModelSpec) -> Finding:
    """Check that the last layer has one row; config.json was asked when the folder was read."""
    families = ARCHITECTURES.values() if spec.family is None else [spec.family]
    labels = table_rows(spec, *(f"{family.head.layers[-1]}.weight" for family in families))
    if labels is None:
        return not_checked("the weights name no last layer")
    return judged(
        labels == 1,
        f"{labels} in the last layer",
        limit="exactly 1",
        advice="it classifies and cannot rank: take a model trained to rank, such as "
        "cross-encoder/ms-marco-MiniLM-L-6-v2",
    )


def activation(spec: ModelSpec) -> Finding:
    """Check that the activation is one we compute; without one it is sigmoid."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = configured_activation(spec.config, spec.modular, name=spec.name)
    return judged(
        not caught,
        str(caught[0].message) if caught else found,
        limit=f"one of {', '.join(ACTIVATIONS)}, or none for sigmoid",
        advice=f"pass activation= to choose: {', '.join(ACTIVATIONS)}",
    )


def vocabulary(spec: ModelSpec) -> Finding:
    """Check that every token id has a row in the embedding table, the padding's too."""
    rows = table_rows(spec, *_WORDS) or spec.config.get("vocab_size")
    if rows is None:
        return not_checked("neither the weights nor config.json say how many tokens there are")
    largest = _largest_id(load_tokenizer(spec.tokenizer_file))
    return judged(
        max(largest, spec.padding_id) < rows,
        f"token ids to {largest}, padding id {spec.padding_id}",
        limit=f"below the {rows} rows of the embedding table",
        advice="tokenizer.json is not the one this model was trained with: take both files from "
        "the same place",
    )


def positions(spec: ModelSpec) -> Finding:
    """Check that the position table has as many rows as config.json promises."""
    promised = spec.config.get("max_position_embeddings")
    rows = table_rows(spec, *_POSITIONS)
    if promised is None or rows is None:
        return not_checked("the weights name no table of positions, or config.json no limit")
    return judged(
        promised <= rows,
        f"config.json promises {promised} positions",
        limit=f"at most the {rows} rows of the position table",
        advice=f"set max_position_embeddings to {rows} in config.json",
    )


def head(spec: ModelSpec) -> Finding:
    """Check that pooler and classifier are there and hold numbers that differ."""
    stored = read_head(spec)
    if stored is None:
        return not_checked(f"the head of architecture {spec.architecture!r} has no known names")
    faults = _faults(stored)
    return judged(
        not faults,
        "; ".join(faults) or ", ".join(stored.weights),
        limit="every layer of the head there, finite and not constant",
        advice="the checkpoint lost its head when it was converted or saved: take the original, "
        "or save it again with AutoModelForSequenceClassification",
    )


def _faults(stored: StoredHead) -> list[str]:
    faults = [f"{name} is missing" for name in stored.missing]
    for name, values in stored.weights.items():
        if not np.isfinite(values).all():
            faults.append(
                f"{name} holds {int((~np.isfinite(values)).sum())} values that are not finite"
            )
        elif values.size > 1 and np.ptp(values) == 0 and not name.endswith("bias"):
            faults.append(f"{name} is {values.flat[0]:g} everywhere")
    if not stored.weights and not faults:
        faults.append("no dense layer leads to the logit")
    return faults


def _largest_id(tokenizer: Tokenizer) -> int:
    return max(tokenizer.get_vocab(with_added_tokens=True).values())
