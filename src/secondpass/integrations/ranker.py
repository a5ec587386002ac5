"""What the integrations share: our options as keywords, and a reranker given or loaded by them."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from inspect import Parameter, Signature, getdoc, signature
from typing import Any, TypedDict, TypeVar

from secondpass.checks import described, did_you_mean, shortened
from secondpass.errors import InputError
from secondpass.options.call import LongQuery, OnError, RankOptions
from secondpass.options.effort import Effort
from secondpass.options.fusion import Fuse
from secondpass.options.long_documents import LongDocuments
from secondpass.options.model import Activation, Precision, RerankerOptions
from secondpass.options.option import declared
from secondpass.pipeline import SecondPass
from secondpass.reranker import CrossEncoderReranker
from secondpass.scoring.candidates import SCORE_FIELD, score_fields, text_fields
from secondpass.types import Hit

K = TypeVar("K", bound=type)
D = TypeVar("D")

# Where a document's metadata has what is to be said of it beyond its score.
DETAILS = "secondpass"


class Options(TypedDict, total=False):
    """The options of `CrossEncoderReranker` and of its calls, which every integration takes."""

    model_name: str | os.PathLike[str]
    max_length: int | None
    precision: Precision
    device: str
    threads: int | None
    revision: str | None
    local_files_only: bool
    max_batch_tokens: int | None
    cache_dir: str | os.PathLike[str] | None
    effort: Effort
    long_documents: LongDocuments
    stride: int | None
    select_tokens: int | None
    cascade: Sequence[str | os.PathLike[str]] | None
    keep: int | None
    activation: Activation | None
    instruction: str | None
    cache: str | os.PathLike[str] | None
    cache_bytes: int | None
    calibration: str | os.PathLike[str] | None
    fuse: Fuse
    fuse_weight: float | None
    budget_ms: float | None
    on_error: OnError
    long_query: LongQuery


# An option of both, such as the effort, is the model's where one is loaded, else that of each call.
_OF_MODELS = declared(RerankerOptions)
_OF_CALLS = declared(RankOptions)
_NAMES = tuple(Options.__annotations__)


class Ranker:
    """A reranker, given or loaded by options, and the options of each of its calls.

    Raises:
        InputError: an option is not known or not usable, or is of a model beside a reranker.
    """

    def __init__(self, reranker: SecondPass | None, given: Mapping[str, Any]) -> None:
        loads = reranker is None
        for name in given:
            if name not in _NAMES:
                raise InputError(
                    f"there is no option {shortened(name)}, only {', '.join(_NAMES)}",
                    did_you_mean(name, _NAMES),
                )
        self._of_calls = {
            name: value
            for name, value in given.items()
            if name in _OF_CALLS and not (loads and name in _OF_MODELS)
        }
        RankOptions.from_dict(self._of_calls)
        of_model = {name: value for name, value in given.items() if name not in self._of_calls}
        if not loads and of_model:
            raise InputError(
                f"{', '.join(of_model)} beside reranker, which is loaded already: load it with "
                "these options, or leave it out"
            )
        self._options = RerankerOptions.from_dict(of_model)
        self._reranker = reranker

    def load(self) -> SecondPass:
        """Return the reranker, loaded at the first call."""
        if self._reranker is None:
            self._reranker = CrossEncoderReranker.from_options(self._options)
        return self._reranker

    @property
    def name(self) -> str:
        """The model's name, or what kind of reranker was given."""
        if self._reranker is None:
            return self._options.model_name
        info = getattr(self._reranker, "info", None)
        return str(getattr(info, "name", type(self._reranker).__name__))

    def to_dict(self) -> dict[str, Any]:
        """Return the options as values that JSON has, which make an equal one.

        Raises:
            InputError: the reranker that was given has no options.
        """
        own = self._options if self._reranker is None else self._reranker
        if not hasattr(own, "to_dict"):
            raise InputError(
                f"the reranker is a {type(own).__name__}, which has no to_dict: what is to be "
                "kept or sent is made by options, or with a CrossEncoderReranker"
            )
        return {**own.to_dict(), **self._of_calls}

    def rank(
        self,
        query: str,
        texts: Sequence[str],
        top_k: int | None,
        min_score: float | None,
        first_stage_scores: Iterable[Any] = (),
        **more: Any,
    ) -> Sequence[Hit]:
        """Return the best texts, best first.

        `first_stage_scores` are those of the texts, taken where the fusion asks for them; `more`
        are options of this call alone.
        """
        options = self._of_calls | more
        if min_score is not None:
            options["min_score"] = min_score
        if options.get("fuse") == "weighted":
            options["first_stage_scores"] = first_stage_scores
        return self.load().rank(query, list(texts), top_k, **options).hits


def documents_of(given: Iterable[Any], kind: type[D]) -> list[D]:
    """Return the documents of a framework in a list.

    Raises:
        InputError: an item is not one; the message names its position.
    """
    documents = list(given)
    for position, document in enumerate(documents):
        if not isinstance(document, kind):
            raise InputError(
                f"documents[{position}] is {described(document)}, expected a {kind.__name__}"
            )
    return documents


def renamed(option: str, name: str, value: Any) -> Any:
    """Return the checked value of an option of a call that a framework calls by another name.

    Raises:
        InputError: it is not usable.
    """
    kind, also = _OF_CALLS[option][0].kind, _OF_CALLS[option][0].also
    return None if value is None else kind.checked(name, value, also or "")


def with_details(metadata: Mapping[str, Any] | None, hit: Hit) -> dict[str, Any]:
    """Return a document's metadata with what `rerank` says of a hit beyond its score.

    Of most there is nothing to say, and nothing is added; what an earlier call said is gone.
    """
    said = score_fields(hit, marked=not hit.reranked) | text_fields(hit)
    del said[SCORE_FIELD]
    kept = {name: value for name, value in (metadata or {}).items() if name != DETAILS}
    return kept | ({DETAILS: said} if said else {})


def lists_options(kind: K) -> K:
    """Put each option that a class takes by `**options` into its signature and its docstring."""
    own = list(signature(kind.__init__).parameters.values())[1:-1]  # type: ignore[misc]
    lines = []
    options = []
    for name in _NAMES:
        one, default = _OF_MODELS.get(name) or _OF_CALLS[name]
        options.append(Parameter(name, Parameter.KEYWORD_ONLY, default=default))
        means = f" By default {one.means}." if one.means else ""
        line = f"{name}: {one.help}{means}"
        lines += textwrap.wrap(line, 98, initial_indent=" " * 4, subsequent_indent=" " * 8)
    kind.__signature__ = Signature([*own, *options])  # type: ignore[attr-defined]
    told = [getdoc(kind) or "", "", "Options, which are those of `CrossEncoderReranker`:", *lines]
    kind.__doc__ = "\n".join(told)
    return kind
