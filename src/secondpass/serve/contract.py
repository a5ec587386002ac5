"""What the routes ask and a service answers; the routes know nothing else of how texts are scored.

    job = Job(query="how do I read a csv file?", texts=["...", "..."], budget_ms=50)
    answer = await service.rank(job)
    answer.scores.scores        # float32 [n], in the order of the texts, NaN where not scored

A service raises what the library raises (`InputError` for what the caller gave) and:

    ServiceError
    ├── Busy               no room for it: come again in `retry_after_s`
    ├── UnknownModel       no model is served by this name
    ├── DeadlineTooShort   it cannot be scored within its `budget_ms`, and asked to be told
    ├── TookTooLong        it was not scored within the server's own time limit
    ├── Failed             scoring it failed, for the reason that is named
    └── Closed             the server is ending
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal, Protocol

from secondpass.checks import listed, plain_number, shortened
from secondpass.errors import SecondpassError
from secondpass.options.call import LongQuery
from secondpass.options.effort import Effort
from secondpass.options.model import Activation
from secondpass.types import ModelInfo, Scores

# What to do with a budget in which not every text can be scored: score those there is time for
# and let the rest follow in their order, or refuse.
WhenLate = Literal["partial", "refuse"]

# Significant digits that give a number back as it was sent.
_AS_SENT = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One query and its texts, and what may be spent on them; None is the model's own.

    `model` is a name or an alias that the service has, None for its first model. `budget_ms` are
    the wall milliseconds from when the service got the job; `waited_ms` of them are gone where
    another process had it before. `activation` is "sigmoid" where the answer has to be in 0 to 1.
    `max_tokens` are the most tokens of each text that are scored. `instruction` is what a text is
    judged by.
    """

    query: str
    texts: Sequence[str]
    model: str | None = None
    effort: Effort | None = None
    budget_ms: float | None = None
    waited_ms: float = 0.0
    when_late: WhenLate = "partial"
    activation: Activation | None = None
    max_tokens: int | None = None
    instruction: str | None = None
    long_query: LongQuery = "error"


@dataclass(frozen=True, slots=True)
class Answer:
    """A job's numbers, those of the library: a row of `scores` a text, in the texts' order.

    `scores.scored` says which were scored, `scores.dropped_tokens` what was cut, `scores.span` and
    `scores.spans` the characters that a score comes from, `scores.timings` the time of each stage.
    `model` is the name of the model, `queue_ms` what the job waited before it was scored.
    """

    model: str
    scores: Scores
    queue_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A model that can be asked for; `info` is None until it is loaded."""

    name: str
    aliases: tuple[str, ...] = ()
    info: ModelInfo | None = None


class Service(Protocol):
    """Scores jobs, of any number of requests at the same time. An async context manager.

    A call that is cancelled is a client that went away: what was not begun of it is dropped.
    """

    async def rank(self, job: Job) -> Answer:
        """Return the job's answer.

        Raises:
            InputError: the model does not take what the job asks for.
            ServiceError: one of those above.
        """
        ...

    async def rank_together(self, jobs: Sequence[Job]) -> list[Answer]:
        """Return the answers of a request that has several queries, admitted or refused as one.

        Raises:
            InputError, ServiceError: as for `rank`; no answer of the others is given then.
        """
        ...

    def models(self) -> Sequence[ServedModel]:
        """Return what is served; the first is the default."""
        ...

    async def describe(self, name: str | None = None) -> ModelInfo:
        """Return what a model is, loaded for it if need be.

        Raises:
            UnknownModel: there is no such model.
            Failed: it cannot be loaded.
        """
        ...

    def why_not_ready(self) -> str | None:
        """Return why a request would not be answered now, or None."""
        ...

    async def __aenter__(self) -> Service:
        """Load the default model."""
        ...

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Finish what is in flight, refuse the rest and free the models."""
        ...


class ServiceError(SecondpassError):
    """The root of what a service raises of its own."""

    def __reduce__(self) -> tuple[Any, ...]:
        # `args` are the parts of the message, and not what `__init__` takes.
        return _restored, (type(self), self.args, self.__dict__)


def _restored(
    kind: type[ServiceError], parts: tuple[Any, ...], state: dict[str, Any]
) -> ServiceError:
    """Return an error as another process had it."""
    error = kind.__new__(kind, *parts)
    error.args = parts
    error.__dict__.update(state)
    return error


class Busy(ServiceError):
    """More is waiting than may; `retry_after_s` is when there will be room."""

    def __init__(self, retry_after_s: float, why: str = "the server has all the work it takes"):
        self.retry_after_s = retry_after_s
        super().__init__(f"{why}: come again in {plain_number(retry_after_s)} seconds")


class UnknownModel(ServiceError):
    """No model is served by this name."""

    def __init__(self, name: str, known: Sequence[str], called: str | None = None) -> None:
        """`called` is what the server calls the model that `name` is elsewhere, if it has it."""
        self.name = name
        way_out = (
            "ask for one of these, or start the server with --also MODEL or --name NAME"
            if called is None
            else f"ask for {shortened(called)}, which is that model here"
        )
        super().__init__(
            f"model {shortened(name)} not found: this server has {listed(known)}; {way_out}"
        )


class DeadlineTooShort(ServiceError):
    """The texts cannot be scored within the budget as it was sent; `needed_ms` is an estimate, or
    None.
    """

    def __init__(self, budget_ms: float, needed_ms: float | None = None) -> None:
        self.budget_ms, self.needed_ms = budget_ms, needed_ms
        takes = "" if needed_ms is None else f", about {plain_number(needed_ms)} would do"
        super().__init__(
            "the texts cannot all be scored within a budget of "
            f"{plain_number(budget_ms, _AS_SENT)} ms{takes}: give more, send fewer texts, or ask "
            "for what there is time for"
        )


class TookTooLong(ServiceError):
    """The request was not scored within the server's own limit."""

    def __init__(self, limit_s: float) -> None:
        self.limit_s = limit_s
        super().__init__(
            f"the request was not scored within {plain_number(limit_s, _AS_SENT)} seconds, the "
            "server's limit: send fewer or shorter texts, or a budget"
        )


class Failed(ServiceError):
    """Loading or scoring failed; `kind` is the name of the error that ended it."""

    def __init__(self, kind: str, reason: str) -> None:
        self.kind = kind
        super().__init__(f"the model failed with {kind}: {reason}")


class Closed(ServiceError):
    """The server is ending and takes no more."""

    def __init__(self) -> None:
        super().__init__("the server is ending and takes no more requests")
