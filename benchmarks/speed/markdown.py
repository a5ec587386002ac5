"""The result as Markdown: what it rests on, the table, and what to make of it."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median

from benchmarks.pages import table as markdown_table
from benchmarks.speed.result import Ratio, Result, Row, times_faster

# The markers of the whole report and of the few rows that the README shows.
MARKER, SHORT = "speed", "speed table"

HEAD = ("who", "ms (median)", "min to max", "times faster (spread)", "Spearman with row 1")

# The rivals that int8 is compared with in words, by module.
_RIVALS = {
    "sentence_transformers_openvino_int8": "sentence-transformers' OpenVINO int8",
    "sentence_transformers_best": "sentence-transformers' torch at its best batch size",
    "sentence_transformers_bf16": "sentence-transformers' torch in bfloat16",
}

# The rows of the short table, by module: what a reader is told instead of the label.
_SHORT_ROWS = {
    "sentence_transformers_default": "sentence-transformers, default settings",
    "sentence_transformers_bf16": "sentence-transformers, torch in bfloat16, best batch size",
    "sentence_transformers_openvino_int8": "sentence-transformers, OpenVINO int8, best batch size",
    "secondpass_int8": "**secondpass, int8**, same weights",
    "embedded_fast": '**secondpass, embedded model**, `effort="fast"`, its own weights',
    "states_fast": "**the same, from an [index that keeps states](docs/guide/states.md)**",
}

# What a row's reason not to be compared means.
_NOTES = {
    "untrained heads": "Rows with untrained heads show what an effort costs on these weights: they "
    "use the embedded model's schedules with heads that nobody trained, so their order means "
    "nothing.",
    "other weights": "The embedded model joins late, so the rivals cannot load it; its exits are "
    "trained, and [quality.md](quality.md) says how good its order is at each effort. "
    "States from the index were computed before the calls, which is not in the times; texts over "
    "480 tokens were cut there for them.",
}


def page(result: Result) -> str:
    """Return the whole report."""
    parts = [_setting(result), table(result), _ahead(result), _notes(result)]
    return "\n\n".join(part for part in parts if part)


def pages(result: Result) -> Mapping[str, str]:
    """Return what stands at each marker of a page."""
    return {MARKER: page(result), SHORT: short(result)}


def short(result: Result) -> str:
    """Return the rows that the README shows, and one line of conditions."""
    found = [(words, result.row(name)) for name, words in _SHORT_ROWS.items()]
    rows = [
        (words, number(median(row.ms)), number(times_faster(result.rows[0], row).median))
        for words, row in found
        if row
    ]
    machine = result.machine
    conditions = (
        f"One query, {result.depth} candidates of {result.tokens_mean:.0f} tokens on average, "
        f"{machine.cores_usable} cores of {machine.processor}, median of {result.rounds} "
        f"interleaved rounds, {result.created[:10]}."
    )
    return f"{markdown_table(('', 'ms', 'times faster'), rows)}\n\n{conditions}"


def table(result: Result) -> str:
    """Return the table alone: one row a contestant."""
    return markdown_table(HEAD, [_cells(result.rows[0], one) for one in result.rows])


def number(value: float) -> str:
    """Return a number with three digits that count and thousands set apart.

    >>> [number(value) for value in (7068.85, 15.26, 1.5, 0.4132)]
    ['7,069', '15.3', '1.50', '0.413']
    """
    decimals = next((at for at, least in enumerate((100, 10, 1)) if value >= least), 3)
    return f"{value:,.{decimals}f}"


def _cells(base: Row, one: Row) -> tuple[str, ...]:
    detail = f" ({one.detail})" if one.detail else ""
    return (
        f"{one.label}{detail}",
        number(median(one.ms)),
        f"{number(min(one.ms))} to {number(max(one.ms))}",
        _spread(times_faster(base, one)),
        f"– ({one.incomparable})" if one.spearman is None else f"{one.spearman:.4f}",
    )


def _spread(ratio: Ratio) -> str:
    return f"{number(ratio.median)} ({number(ratio.least)} to {number(ratio.largest)})"


def _setting(result: Result) -> str:
    machine = result.machine
    return (
        f"{result.depth} candidates of {result.tokens_mean:.0f} tokens on average, one query, "
        f"{result.rounds} interleaved rounds, weights {result.model} (sha256 "
        f"{result.weights_sha256[:16]}) where a row does not say otherwise; {machine.processor} "
        f"({' '.join(machine.processor_flags)}), {machine.cores_usable} cores; "
        f"{result.created[:10]}, `{result.command}`."
    )


def _ahead(result: Result) -> str:
    """Return how far int8 is ahead of the fastest rivals, round by round; "" without them."""
    ours = result.row("secondpass_int8")
    rivals = {words: result.row(name) for name, words in _RIVALS.items()}
    parts = [
        f"{_spread(times_faster(row, ours))} times as fast as {words}"
        for words, row in rivals.items()
        if row and ours
    ]
    return f"On the same weights, int8 is {' and '.join(parts)}: ratios by round." if parts else ""


def _notes(result: Result) -> str:
    reasons = {one.incomparable for one in result.rows}
    return " ".join(words for reason, words in _NOTES.items() if reason in reasons)
