"""What a wire format is: from a body to jobs, from their answers to a body, and its errors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec

from secondpass.options.serve import ServeOptions
from secondpass.serve.contract import Answer, Job
from secondpass.serve.problems import STATUS, Problem


@dataclass(frozen=True, slots=True)
class Context:
    """What a format has to know besides the body. `warnings` are said in the answer."""

    options: ServeOptions
    headers: Mapping[str, str]
    request_id: str
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Asked:
    """The jobs of a request, and what makes its answer of theirs."""

    jobs: Sequence[Job]
    write: Callable[[Sequence[Answer]], Any]


class Only(NamedTuple):
    """The values of a field that change nothing, besides null, and what is said of others."""

    values: tuple[Any, ...]
    advice: str


# Fields of some server or other that change no answer here.
UNUSED = frozenset(("user", "request_id", "priority", "cache_salt", "padding", "return_len"))
# Those that would.
REFUSED: Mapping[str, Only] = {
    "truncation": Only((True,), "expected true: a text that does not fit is cut, and said to be"),
    "truncation_side": Only(("right",), "expected right: the beginning of a text is kept"),
    "truncate_prompt_tokens": Only((-1,), "expected -1: use max_tokens_per_doc"),
    "max_tokens_per_query": Only((0,), "expected 0: a query is never cut"),
    "mm_processor_kwargs": Only(({},), "expected none: only texts are scored here"),
    "chat_template_kwargs": Only(({},), "expected none: use instruction"),
}


@dataclass(frozen=True, slots=True, eq=False)
class Format:
    """A wire format.

    `ask` makes jobs of a decoded `request` and raises `Refused`; `say` makes an error's body.
    `unused` are fields that its clients send and that change no answer; `refused` are those that
    would. `statuses` are those where it differs from others.
    """

    name: str
    request: type[msgspec.Struct]
    response: Any
    ask: Callable[[Any, Context], Asked]
    say: Callable[[Problem], Any]
    error: Any
    unused: frozenset[str] = UNUSED
    refused: Mapping[str, Only] = field(default_factory=lambda: REFUSED)
    statuses: Mapping[str, int] = field(default_factory=dict)

    def status(self, problem: Problem) -> int:
        """Return the HTTP status of a problem."""
        return self.statuses.get(problem.kind, STATUS[problem.kind])
