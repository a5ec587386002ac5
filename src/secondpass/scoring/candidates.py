"""Candidates to texts, and the inverse: hits to copies of the candidates with their score."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from secondpass.checks import described, shortened
from secondpass.errors import InputError
from secondpass.types import Hit

SCORE_FIELD = "cross_encoder_score"
FUSED_FIELD = "fused_score"
WINDOW_FIELD = "window"
WINDOWS_FIELD = "windows"
RERANKED_FIELD = "reranked"
EXIT_LAYER_FIELD = "exit_layer"
SCORED_BY_FIELD = "scored_by"
# Written together, and only where a text was cut.
CUT_FIELDS = ("truncated", "tokens", "dropped_tokens")


def candidate_text(candidate: Mapping[str, Any], position: int, column: str | None = None) -> str:
    """Return a candidate's `text`, else its `content`, or the field that `column` names.

    Raises:
        InputError: it has none, or one that is no text; the message names the position.
    """
    if not isinstance(candidate, Mapping):
        raise InputError(
            f"candidate {position} is {described(candidate)}, expected a dict with 'text' or "
            "'content'; for a list of plain strings use rank()"
        )
    for field in ("text", "content") if column is None else (column,):
        if field in candidate:
            return checked_text(candidate[field], f"candidate {position}: {field!r}")
    wanted = "neither 'text' nor 'content'" if column is None else f"no {shortened(column)}"
    raise InputError(
        f"candidate {position} has {wanted}, only {shortened(sorted(map(str, candidate)))}"
    )


def checked_text(value: Any, where: str) -> str:
    """Return `value` if it is a string that can be written as UTF-8."""
    if not isinstance(value, str):
        raise InputError(f"{where} is {described(value)}, expected a string")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise InputError(
            f"{where} has a lone surrogate U+{ord(value[error.start]):04X} at character "
            f"{error.start}, which is not valid Unicode text; repair it, for example with "
            "text.encode('utf-8', 'replace').decode()"
        ) from None
    return value


def checked_query(query: Any, where: str = "query") -> str:
    """Return the query if it is a string with something in it."""
    text = checked_text(query, where)
    if not text.strip():
        raise InputError(f"{where} {text!r} is empty: there is nothing to rank by")
    return text


def checked_texts(texts: Any, name: str = "texts") -> Sequence[Any]:
    """Return `texts` if it is a sequence of items, not one string."""
    if isinstance(texts, str | bytes | Mapping) or not isinstance(texts, Iterable):
        raise InputError(f"{name} is {described(texts)}, expected a list")
    return texts if isinstance(texts, Sequence) else list(texts)


def checked_pairs(pairs: Any) -> list[tuple[str, str]]:
    """Return (query, text) pairs if each is just that; an error names the position."""
    checked = []
    for position, pair in enumerate(checked_texts(pairs, "pairs")):
        if isinstance(pair, str | bytes) or not isinstance(pair, Sequence) or len(pair) != 2:
            raise InputError(f"pair {position} is {described(pair)}, expected (query, text)")
        query = checked_query(pair[0], f"pair {position}: query")
        checked.append((query, checked_text(pair[1], f"pair {position}: text")))
    return checked


def with_scores(
    candidates: Sequence[Mapping[str, Any]], hits: Iterable[Hit], *, marked: bool = False
) -> list[dict[str, Any]]:
    """Return copies of the hit candidates, best first, every field kept and the scores added.

    `marked` adds whether each was scored, for a call that had a budget.
    """
    return [
        {
            **_without_result(candidates[hit.index]),
            **score_fields(hit, marked=marked),
            **text_fields(hit),
        }
        for hit in hits
    ]


def _without_result(candidate: Mapping[str, Any]) -> Mapping[str, Any]:
    """Leave out what an earlier rerank wrote: it is not true of this one.

    Only a candidate with a score was reranked before; in others these fields are the caller's.
    """
    if SCORE_FIELD not in candidate:
        return candidate
    written = {
        *(SCORE_FIELD, FUSED_FIELD, RERANKED_FIELD, EXIT_LAYER_FIELD, SCORED_BY_FIELD),
        *(WINDOW_FIELD, WINDOWS_FIELD),
        *(CUT_FIELDS if "truncated" in candidate else ()),
    }
    return {name: value for name, value in candidate.items() if name not in written}


def score_fields(hit: Hit, *, marked: bool = False) -> dict[str, float | str | None]:
    """Return the scores of a hit by the names of their fields; the fused one where there is one.

    A hit that left early says after which layer, and one of a cascade which model scored it.
    """
    fields: dict[str, float | str | None] = {SCORE_FIELD: hit.score}
    if hit.fused is not None:
        fields[FUSED_FIELD] = hit.fused
    if hit.exit_layer is not None:
        fields[EXIT_LAYER_FIELD] = hit.exit_layer
    if hit.scored_by is not None:
        fields[SCORED_BY_FIELD] = hit.scored_by
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
