"""Candidates to texts, and the inverse: hits to copies of the candidates with their score."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from secondpass.checks import described, described_by_caller, listed, shortened
from secondpass.errors import CandidateAt, Either, InputError
from secondpass.types import Hit

SCORE_FIELD = "cross_encoder_score"
FUSED_FIELD = "fused_score"
WINDOW_FIELD = "window"
WINDOWS_FIELD = "windows"
RERANKED_FIELD = "reranked"
ERROR_FIELD = "error"
QUERY_TRUNCATED_FIELD = "query_truncated"
EXIT_LAYER_FIELD = "exit_layer"
SCORED_BY_FIELD = "scored_by"
# Written together, and only where a text was cut.
CUT_FIELDS = ("truncated", "tokens", "dropped_tokens")

# What people call a text.
_TEXTS = (
    *("answer", "body", "passage", "abstract", "description", "contents", "document", "sentence"),
    *("page_content", "chunk", "context", "summary", "message", "comment", "review"),
)


def candidate_text(candidate: Mapping[str, Any], position: int, field: str | None = None) -> str:
    """Return a candidate's `text`, else its `content`, or the named field.

    Raises:
        InputError: it has none, or one that is no text; the message names the position.
    """
    # What most are is asked first: `Mapping` takes longer, and there may be very many.
    if not isinstance(candidate, dict | Mapping):
        raise InputError(
            CandidateAt(position),
            " is ",
            described_by_caller(candidate),
            ", expected ",
            Either(
                "a dict with 'text' or 'content'; for a list of plain strings use rank()",
                "an object with 'text' or 'content', or a string",
            ),
        )
    for name in ("text", "content") if field is None else (field,):
        if name in candidate:
            text = candidate[name]
            if isinstance(text, str) and text.isascii():
                return text
            return checked_text(text, CandidateAt(position, f": {shortened(name)}"))
    wanted = "neither 'text' nor 'content'" if field is None else f"no {shortened(field)}"
    hint = f"; name the column of the text: --text-column {likely_text(candidate)}"
    raise InputError(
        CandidateAt(position),
        f" has {wanted}, only {listed(candidate)}",
        Either("", hint if field is None else ""),
    )


def likely_text(row: Mapping[str, Any]) -> str:
    """Return the name of the field that most likely is the text, "COLUMN" where none looks so."""
    known = {name.casefold(): name for name in row if isinstance(name, str)}
    text = next((known[name] for name in _TEXTS if name in known), "COLUMN")
    return shortened(text)[1:-1]


def checked_text(value: Any, where: str | CandidateAt) -> str:
    """Return `value` if it is a string that can be written as UTF-8."""
    if not isinstance(value, str):
        known = described_by_caller(value)
        raise InputError(where, " is ", known, ", expected a string")
    if value.isascii():
        return value
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise InputError(
            where,
            f" has a lone surrogate U+{ord(value[error.start]):04X} at character "
            f"{error.start}, which is not valid Unicode text; repair it",
            Either(", for example with text.encode('utf-8', 'replace').decode()", ""),
        ) from None
    return value


def checked_query(query: Any, where: str = "query") -> str:
    """Return the query if it is a string with something in it."""
    text = checked_text(query, where)
    if not text or text.isspace():
        raise InputError(f"{where} {shortened(text)} is empty: there is nothing to rank by")
    return text


def checked_texts(texts: Any, name: str = "texts") -> Sequence[Any]:
    """Return `texts` if it is a sequence of items, not one string; an array as a list.

    A set is none: a result is known by its text's position.
    """
    given = _plain(texts)
    if isinstance(given, str | bytes | Mapping) or not isinstance(given, Iterable):
        raise InputError(f"{name} is {described(texts)}, expected a list")
    if isinstance(given, set | frozenset):
        raise InputError(
            f"{name} is {described(texts)}, which has no order: a result is known by the position "
            f"of its text. Pass a list, such as sorted({name})"
        )
    return given if isinstance(given, Sequence) else list(given)


def checked_list(texts: Any) -> list[str]:
    """Return the texts of a sequence if each is one; an error names the position."""
    given = checked_texts(texts)
    return [
        text if isinstance(text, str) and text.isascii() else checked_text(text, f"text {at}")
        for at, text in enumerate(given)
    ]


def is_pair(value: Any) -> bool:
    """Tell whether a value is one (query, text) pair, in a tuple, a list or an array."""
    plain = _plain(value)
    return (
        isinstance(plain, Sequence)
        and not isinstance(plain, str | bytes)
        and len(plain) == 2
        and all(isinstance(part, str) for part in plain)
    )


def _plain(value: Any) -> Any:
    """Return an array as lists, and another value as it is."""
    return value.tolist() if hasattr(value, "tolist") else value


def checked_pairs(pairs: Any) -> list[tuple[str, str]]:
    """Return (query, text) pairs if each is just that; an error names the position."""
    checked = []
    for position, pair in enumerate(map(_plain, checked_texts(_plain(pairs), "pairs"))):
        if isinstance(pair, str | bytes) or not isinstance(pair, Sequence) or len(pair) != 2:
            raise InputError(f"pair {position} is {described(pair)}, expected (query, text)")
        query = checked_query(pair[0], f"pair {position}: query")
        checked.append((query, checked_text(pair[1], f"pair {position}: text")))
    return checked


def with_scores(
    candidates: Sequence[Mapping[str, Any]],
    hits: Iterable[Hit],
    *,
    marked: bool = False,
    query_truncated: bool = False,
) -> list[dict[str, Any]]:
    """Return copies of the hit candidates, best first, every field kept and the scores added.

    `marked` adds whether each was scored, for a call that may leave some out; `query_truncated`
    says of each that the query was cut.
    """
    of_query = _of_query(query_truncated)
    return [
        {
            **_without_result(candidates[hit.index]),
            **score_fields(hit, marked=marked),
            **text_fields(hit),
            **of_query,
        }
        for hit in hits
    ]


def without_scores(
    candidates: Sequence[Mapping[str, Any]],
    positions: Iterable[int],
    *,
    query_truncated: bool = False,
) -> Iterator[dict[str, Any]]:
    """Yield copies of the candidates at these positions, for which there was no time."""
    unscored = {SCORE_FIELD: None, RERANKED_FIELD: False} | _of_query(query_truncated)
    for position in positions:
        yield {**_without_result(candidates[position]), **unscored}


def _of_query(truncated: bool) -> dict[str, bool]:
    return {QUERY_TRUNCATED_FIELD: True} if truncated else {}


def _without_result(candidate: Mapping[str, Any]) -> Mapping[str, Any]:
    """Leave out what an earlier rerank wrote: it is not true of this one.

    Only a candidate with a score was reranked before; in others these fields are the caller's.
    """
    if not isinstance(candidate, dict | Mapping):
        return {}
    if SCORE_FIELD not in candidate:
        return candidate
    written = {
        *(SCORE_FIELD, FUSED_FIELD, RERANKED_FIELD, EXIT_LAYER_FIELD, SCORED_BY_FIELD),
        *(WINDOW_FIELD, WINDOWS_FIELD, QUERY_TRUNCATED_FIELD),
        *((ERROR_FIELD,) if candidate.get(RERANKED_FIELD) is False else ()),
        *(CUT_FIELDS if "truncated" in candidate else ()),
    }
    return {name: value for name, value in candidate.items() if name not in written}


def score_fields(hit: Hit, *, marked: bool = False) -> dict[str, float | str | None]:
    """Return the scores of a hit by the names of their fields; the fused one where there is one.

    A hit that left early says after which layer, one of a cascade which model scored it, and one
    that was skipped why.
    """
    fields: dict[str, float | str | None] = {SCORE_FIELD: hit.score}
    if hit.fused is not None:
        fields[FUSED_FIELD] = hit.fused
    if hit.exit_layer is not None:
        fields[EXIT_LAYER_FIELD] = hit.exit_layer
    if hit.scored_by is not None:
        fields[SCORED_BY_FIELD] = hit.scored_by
    if hit.error is not None:
        fields[ERROR_FIELD] = hit.error
    if marked:
        fields[RERANKED_FIELD] = hit.reranked
    return fields


def text_fields(hit: Hit) -> dict[str, Any]:
    """Say what of a text was not scored, and which window won or which sentences were selected.

    A field that has nothing to say is left out; of a text that was scored whole all have nothing.
    """
    cut = dict(zip(CUT_FIELDS, (True, hit.tokens, hit.dropped_tokens), strict=True))
    return {
        **(cut if hit.truncated else {}),
        **({WINDOW_FIELD: list(hit.span)} if hit.span is not None else {}),
        **({WINDOWS_FIELD: [list(span) for span in hit.spans]} if hit.spans is not None else {}),
    }
