"""Checks of how a loaded model scores: what must change a score does, and nothing else."""

from __future__ import annotations

import numpy as np

from secondpass.doctor.result import Finding, judged, not_checked
from secondpass.doctor.subject import Logits, Subject, score
from secondpass.doctor.texts import OTHER_QUERIES, QUERY, TEXTS
from secondpass.scoring.pairs import Pair


def finite(subject: Subject) -> Finding:
    """Check that empty, odd and over-long texts all get a number, and a row at the very limit."""
    pair = max(subject.pairs, key=lambda one: len(one.ids))
    logits = np.append(subject.logits, subject.run(pair, subject.model.info.max_length))
    return judged(
        bool(np.isfinite(logits).all()),
        f"{len(logits)} logits from {logits.min():.3f} to {logits.max():.3f}, of up to "
        f"{len(pair.ids)} tokens",
        limit="all finite",
        advice="the weights are damaged, or the precision does not suit them: try fp32",
    )


def sensitive(subject: Subject) -> Finding:
    """Check that the score depends on the text and on the query."""
    over_texts = float(np.ptp(subject.logits))
    same_text = [score(subject.model, query, TEXTS[:1])[0] for query in (QUERY, *OTHER_QUERIES)]
    over_queries = float(np.ptp(same_text))
    return judged(
        min(over_texts, over_queries) > subject.tolerance,
        f"logits span {over_texts:.2g} over texts, {over_queries:.2g} over queries",
        limit=f"both over {subject.tolerance:.2g}",
        advice="the head ignores the pair: its weights are missing, zero or not those of "
        "this encoder",
    )


def token_types(subject: Subject) -> Finding:
    """Check that token types reach the score, where the model has them."""
    spec, layout = subject.spec, subject.layout
    known = int(spec.config.get("type_vocab_size") or 0)
    if known == 0 or (spec.family is not None and not spec.family.token_types):
        return not_checked(f"{spec.architecture} has no token types")
    if not spec.tokenizer.token_types:
        return not_checked("the tokenizer's settings feed no token types")
    highest = max(int(pair.types.max()) for pair in subject.pairs)
    if highest >= known:
        return judged(
            False,
            f"the tokenizer gives token type {highest}",
            limit=f"below the {known} types of config.json",
            advice="tokenizer.json is not this model's: its template for pairs has more types",
        )
    if known == 1:
        return judged(True, "one type, which the tokenizer keeps to", limit="0 only", advice="")
    if layout.query_type == layout.text_type:
        return judged(
            False,
            f"the tokenizer's template gives query and text the same type {layout.text_type}",
            limit=f"two types of the {known}",
            advice='set "type_id": 1 for the second sequence in the post_processor of '
            "tokenizer.json, or save the tokenizer again with the transformers library",
        )
    return _types_reach_the_score(subject)


def _types_reach_the_score(subject: Subject) -> Finding:
    change = max(
        abs(_alone(subject, pair) - _alone(subject, pair, without_types=True))
        for pair in subject.pairs[:4]
    )
    return judged(
        change > subject.tolerance,
        f"without token types a logit changes by {change:.2g}",
        limit=f"over {subject.tolerance:.2g}",
        advice="the graph was exported without its token_type_ids: export it again with that "
        "input, or use the folder's model.safetensors",
    )


def padding(subject: Subject) -> Finding:
    """Check that a row padded to more than its length scores the same."""
    limit = subject.model.info.max_length
    worst = 0.0
    for pair in subject.pairs:
        exact = subject.run(pair, len(pair.ids))
        for length in {min(limit, len(pair.ids) + more) for more in (1, 16, 64)} | {limit}:
            worst = _worse(worst, abs(subject.run(pair, length) - exact))
    return _same(
        subject,
        worst,
        "padding moves a logit by",
        "the graph does not use its attention_mask: export it again with that input",
    )


def alone_or_in_a_batch(subject: Subject) -> Finding:
    """Check that a text scores the same whichever texts stand beside it."""
    alone = np.array([score(subject.model, QUERY, [text])[0] for text in TEXTS], np.float32)
    return _same(
        subject,
        _apart(alone, subject.logits),
        "alone and in a batch differ by",
        "rows of a batch are mixed: something in the graph reduces over the rows",
    )


def order(subject: Subject) -> Finding:
    """Check that the order in which texts are given does not matter."""
    backwards = score(subject.model, QUERY, TEXTS[::-1])[::-1]
    return _same(
        subject,
        _apart(backwards, subject.logits),
        "backwards and forwards differ by",
        "a row's score depends on its place in the batch: the graph is not a cross-encoder's",
    )


def _alone(subject: Subject, pair: Pair, *, without_types: bool = False) -> float:
    types = np.zeros_like(pair.types) if without_types else None
    return subject.run(pair, len(pair.ids), types=types)


def _same(subject: Subject, difference: float, what: str, advice: str) -> Finding:
    return judged(
        difference <= subject.tolerance,
        f"{what} {difference:.2g}",
        limit=f"at most {subject.tolerance:.2g}",
        advice=advice,
    )


def _apart(one: Logits, other: Logits) -> float:
    """Return the largest difference; NaN, which fails every limit, where a logit is NaN."""
    return float(np.abs(one - other).max())


def _worse(one: float, other: float) -> float:
    return other if np.isnan(other) or other > one else one
