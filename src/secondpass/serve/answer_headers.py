"""Headers of an answer: what was scored and how long it took, for formats without room for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from secondpass.serve.contract import Answer
from secondpass.serve.wire.cohere import StageTimes
from secondpass.serve.wire.results import tokens_of, warnings_of

_MOST_CHARACTERS = 1000


def answer_headers(answers: Sequence[Answer], warnings: Sequence[str]) -> Mapping[str, str]:
    """Return the headers; those with `compute` and `time` are text-embeddings-inference's."""
    stages = StageTimes.of(answers)
    times = [answer.scores.timings for answer in answers]
    headers = {
        "x-model": _ascii(answers[0].model),
        "x-candidates": str(sum(one.candidates for one in times)),
        "x-reranked": str(sum(one.reranked for one in times)),
        "x-truncated": str(sum(one.truncated for one in times)),
        "x-compute-type": "cpu",
        "x-compute-tokens": str(tokens_of(answers)),
        "x-total-time": f"{stages.queue_ms + stages.total_ms:.0f}",
        "x-tokenization-time": f"{stages.tokenize_ms:.0f}",
        "x-queue-time": f"{stages.queue_ms:.0f}",
        "x-inference-time": f"{stages.infer_ms:.0f}",
        "server-timing": ", ".join(
            f"{name.removesuffix('_ms')};dur={getattr(stages, name):.3f}"
            for name in stages.__struct_fields__
        ),
    }
    if said := [*warnings, *warnings_of(answers)]:
        headers["x-warnings"] = _ascii("; ".join(said))
    return headers


def _ascii(text: str) -> str:
    """Return a text as a header may hold it, with escapes for what it may not."""
    plain = text.encode("ascii", "backslashreplace").decode()
    return "".join(one if one.isprintable() else " " for one in plain)[:_MOST_CHARACTERS]
