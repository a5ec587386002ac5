"""fp32 graph to int8 with NNCF.

An encoder's is static, calibrated on the text that ships beside this file. Of a decoder the weights
alone are int8, which needs no text: its hidden states have a few values far beyond the others,
which one scale for all texts would cut off.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np

from secondpass.engine.contract import Batch, Policy
from secondpass.errors import MissingExtraError
from secondpass.graph.openvino import import_nncf, ov
from secondpass.graph.ops import UNQUANTIZED_NAMES
from secondpass.models.spec import ModelSpec
from secondpass.scoring.batches import make_batches
from secondpass.scoring.encode import TextEncoder
from secondpass.scoring.model_tokenizer import model_tokenizer, pair_layout
from secondpass.scoring.pairs import Pair, read_single_layout

CALIBRATION_FILE = Path(__file__).with_name("calibration.jsonl")
# Raise it with the calibration text or the settings below: older int8 graphs are not used then.
CALIBRATION_VERSION = "3"

_POLICY = Policy(max_tokens=2048)
_MOST_TOKENS = 512
# The product that gives a decoder's score, by name.
_SCORING = "(classifier|score)"


# A query and a text that belong together, or do not: {"query": ..., "text": ...}.
Rows = Sequence[Mapping[str, str]]


def quantize(
    model: ov.Model, spec: ModelSpec, rows: Rows | None = None, *, seven_bits: bool = False
) -> ov.Model:
    """Return an int8 copy of a built graph: static scales, SmoothQuant, int8 weights by channel.

    Takes about a minute for a MiniLM-sized model on two cores. `rows` is the text that calibrates,
    by default all that ships; a decoder's weights are rounded without. `model` may be changed.
    With `seven_bits` the weights have 7 bits, for a processor that cuts sums of int8 products.

    Raises:
        MissingExtraError: the `int8` extra is not installed.
    """
    try:
        nncf = import_nncf()
    except ImportError as error:
        raise MissingExtraError(f"precision 'int8' for {spec.name}", "int8") from error
    import logging

    nncf.set_log_level(logging.ERROR)
    if spec.decodes:
        return _with_int8_weights(model, nncf)
    names = [port.get_any_name() for port in model.inputs]
    batches = _calibration_batches(spec, calibration_rows() if rows is None else rows)
    # NNCF draws its progress bars on standard output, where results belong.
    with redirect_stdout(sys.stderr):
        return nncf.quantize(
            model,
            nncf.Dataset([{name: batch.columns[name] for name in names} for batch in batches]),
            model_type=nncf.ModelType.TRANSFORMER,
            preset=nncf.QuantizationPreset.MIXED,
            subset_size=len(batches),
            advanced_parameters=nncf.AdvancedQuantizationParameters(
                overflow_fix=nncf.OverflowFix.ENABLE if seven_bits else None
            ),
            # The attention's products gain no time at int8, lose accuracy, and OpenVINO 2026.4
            # computes them wrongly beside bf16 where the length equals the head width. The heads
            # are small and decide the score. What a unit vector is made of may be a sum over a
            # text longer than any that calibrates: NNCF would round it, and cut it off there.
            ignored_scope=nncf.IgnoredScope(
                patterns=[UNQUANTIZED_NAMES],
                # NNCF refuses a type that the graph has not.
                types=sorted({"NormalizeL2"} & {node.get_type_name() for node in model.get_ops()}),
            ),
        )


def _with_int8_weights(model: ov.Model, nncf: Any) -> ov.Model:
    """Return a graph whose weights are int8 by channel, but for the row or the head that scores."""
    with redirect_stdout(sys.stderr):
        return nncf.compress_weights(
            model,
            mode=nncf.CompressWeightsMode.INT8_ASYM,
            ignored_scope=nncf.IgnoredScope(patterns=[_SCORING], validate=False),
        )


def _calibration_batches(spec: ModelSpec, rows: Rows) -> list[Batch]:
    """Return the calibration text as batches: pairs for a cross-encoder, texts for a bi-encoder."""
    limit = min(_MOST_TOKENS, spec.saved_length or _MOST_TOKENS)
    sequences = _texts(spec, rows, limit) if spec.embeds else _pairs(spec, rows, limit)
    return make_batches(
        sequences,
        _POLICY,
        padding_id=spec.padding_id,
        length_limit=limit,
    )


def _pairs(spec: ModelSpec, rows: Rows, limit: int) -> list[Pair]:
    tokenizer = model_tokenizer(spec)
    layout = pair_layout(tokenizer, spec)
    encoder = TextEncoder(tokenizer, threads=1)
    queries = encoder.encode([row["query"] for row in rows])
    texts = encoder.encode([row["text"] for row in rows])
    room = limit - layout.special_tokens
    return [
        layout.join(query[: room // 2], text[: room - min(len(query), room // 2)])
        for query, text in zip(queries, texts, strict=True)
    ]


def _texts(spec: ModelSpec, rows: Rows, limit: int) -> list[Pair]:
    tokenizer = model_tokenizer(spec)
    before, after = read_single_layout(tokenizer)
    room = limit - len(before) - len(after)
    encoded = TextEncoder(tokenizer, threads=1).encode([row["text"] for row in rows])
    sequences = [np.concatenate((before, ids[:room], after)) for ids in encoded]
    return [Pair(ids, np.zeros_like(ids)) for ids in sequences]


def calibration_rows() -> list[dict[str, str]]:
    """Return the text that ships."""
    lines = CALIBRATION_FILE.read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]
