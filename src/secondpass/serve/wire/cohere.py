"""What both versions of Cohere's rerank share: `meta`, and an error's shape and words."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from secondpass.serve.contract import Answer
from secondpass.serve.problems import Problem
from secondpass.serve.wire.results import tokens_of, warnings_of

# Documents that one of Cohere's search units stands for.
_UNIT = 100
EMPTY = "list of documents must not be empty"
_INVALID = ("invalid", "empty", "documents", "characters")


class ApiVersion(msgspec.Struct):
    """The version of the format."""

    version: str
    is_experimental: bool = False


class BilledUnits(msgspec.Struct):
    """What Cohere would count; nothing is billed here."""

    search_units: int
    input_tokens: int


class Tokens(msgspec.Struct):
    """The tokens that were scored."""

    input_tokens: int
    output_tokens: int = 0


class StageTimes(msgspec.Struct):
    """Wall milliseconds of each stage."""

    queue_ms: float
    tokenize_ms: float
    batch_ms: float
    infer_ms: float
    rank_ms: float
    total_ms: float

    @classmethod
    def of(cls, answers: Sequence[Answer]) -> StageTimes:
        """Return the sums over a request's jobs; of waiting the longest."""
        times = [answer.scores.timings for answer in answers]
        return cls(
            max(answer.queue_ms for answer in answers),
            *(
                round(sum(getattr(one, name) for one in times), 3)
                for name in cls.__struct_fields__[1:]
            ),
        )


class CohereMeta(msgspec.Struct, omit_defaults=True):
    """Cohere's `meta`, and how many documents were scored and cut, and the time of each stage."""

    api_version: ApiVersion
    billed_units: BilledUnits
    tokens: Tokens
    candidates: int
    reranked: int
    truncated: int
    timings: StageTimes
    warnings: list[str] = []

    @classmethod
    def of(cls, version: str, answers: Sequence[Answer], warnings: Sequence[str]) -> CohereMeta:
        """Return the meta of a request's answers; `warnings` are those of its fields."""
        times = [answer.scores.timings for answer in answers]
        candidates, tokens = sum(one.candidates for one in times), tokens_of(answers)
        return cls(
            ApiVersion(version),
            BilledUnits(-(-candidates // _UNIT), tokens),
            Tokens(tokens),
            candidates,
            sum(one.reranked for one in times),
            sum(one.truncated for one in times),
            StageTimes.of(answers),
            [*warnings, *warnings_of(answers)],
        )


class CohereError(msgspec.Struct):
    """Cohere's error; `detail` is what Jina's clients read."""

    message: str
    id: str
    detail: str


def say(problem: Problem) -> CohereError:
    """Return an error as Cohere words it."""
    message = _message(problem)
    return CohereError(message, problem.request_id, message)


def _message(problem: Problem) -> str:
    if problem.kind == "no key":
        return "no api key supplied"
    if problem.kind == "wrong key":
        return "invalid api token"
    if problem.kind in _INVALID:
        return f"invalid request: {problem.message}"
    return problem.message
