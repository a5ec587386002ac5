"""The result as Markdown: the table, then what it rests on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from benchmarks.pages import table as markdown_table
from benchmarks.quality.result import Against, Gate, Quality

# The markers of the report, of the table alone, and of the means in one line.
PAGE, TABLE, LINE = "quality", "quality table", "quality line"

# The label of the model that ships, and those of the first stages that a line compares it with.
SHIPPED, _FIRST_STAGES = "int8", ("BM25", "bi-encoder")
# What a search with the embedded pair ranks by.
_PAIR = f"{SHIPPED} + bi-encoder"

_NONE = "–"


def table(result: Quality) -> str:
    """Return the table alone: one row a collection, one column a system, then the mean."""
    labels = [system.label for system in result.systems]
    rows = [
        [one.name, _queries(one.query_ids, one.judged_queries), *_means(one.rows)]
        for one in result.collections
    ]
    rows.append(["**mean**", "", *(f"**{one.mean:.4f}**" for one in result.means)])
    for base in _bases(result):
        cells = [_cell_against(base, one.against) for one in result.means]
        rows.append([f"mean − {base} [95 %]", "", *cells])
    head = [
        f"{result.measure}, top {result.depth} of {result.systems[0].label}",
        "queries",
        *labels,
    ]
    return markdown_table(head, rows) + _incomplete(result)


def line(result: Quality) -> str:
    """Return the means of the first stages and of what ships, for the README.

    Over the bi-encoder's candidates that is the pair, as a search ranks by it.
    """
    ours = _PAIR if any(one.label == _PAIR for one in result.means) else SHIPPED
    shown = [one for one in result.means if one.label in (*_FIRST_STAGES, ours)]
    names = {ours: "secondpass"}
    means = ", ".join(f"{names.get(one.label, one.label)} {one.mean:.3f}" for one in shown)
    return (
        f"{result.measure} over the top {result.depth} of {result.systems[0].label}, mean of "
        f"{len(result.collections)} collections, {_judged(result)}: {means}."
    )


def _judged(result: Quality) -> str:
    taken = sum(len(one.query_ids) for one in result.collections)
    there = sum(one.judged_queries for one in result.collections)
    if taken == there:
        return f"all {there:,} judged queries"
    return f"{taken:,} of {there:,} judged queries"


def pages(result: Quality) -> Mapping[str, str]:
    """Return what stands at each marker of a page."""
    return {PAGE: page(result), TABLE: table(result), LINE: line(result)}


def page(result: Quality) -> str:
    """Return the whole report."""
    parts = [
        _setting(result),
        table(result),
        "The mean counts each collection the same; its interval draws queries within collections "
        "and says nothing of other collections. Differences are paired by query.",
        *_section("Difference by collection", _differences(result), True),
        *_section("int8 beside fp32", "\n\n".join(map(_gate, result.gates)), bool(result.gates)),
        *_section("What it took", _cost(result), True),
        *_section("Weights and data", _hashes(result), True),
    ]
    return "\n\n".join(parts)


def _setting(result: Quality) -> str:
    machine, packages = result.machine, result.software.packages
    versions = ", ".join(f"{name} {packages[name]}" for name in _SHOWN if name in packages)
    return (
        f"Measured {result.created[:10]} on {machine.processor}, {machine.cores_usable} "
        f"cores; scoring took {result.seconds / 60:.1f} minutes. "
        f"Python {result.software.python}, {versions}.\n\n    {result.command}"
    )


def _bases(result: Quality) -> list[str]:
    return [one.label for one in result.systems if one.kind in ("first stage", "bi-encoder")]


_SHOWN = ("secondpass", "openvino", "tokenizers", "numpy", "ir-measures")


def _differences(result: Quality) -> str:
    base_labels = _bases(result)
    rows = [
        [collection.name, row.label, *(_cell_against(base, row.against) for base in base_labels)]
        for collection in result.collections
        for row in collection.rows
        if row.label not in base_labels
    ]
    head = ["collection", "system", *(f"− {base} [95 %], p" for base in base_labels)]
    return markdown_table(head, rows)


def _gate(gate: Gate) -> str:
    rows = [
        [one.name, f"{one.fp32:.4f}", f"{one.int8:.4f}", f"{one.int8 - one.fp32:+.4f}"]
        + [_or_none(tau, ".4f") for tau in (one.tau_top_10, one.tau_all)]
        for one in gate.rows
    ]
    head = ["collection", gate.fp32, gate.int8, "difference", "tau, top 10", "tau, all"]
    return (
        f"{gate.int8} minus {gate.fp32}: {gate.difference:+.4f} [{gate.low:+.4f}, "
        f"{gate.high:+.4f}] in the mean. Kendall's tau (b) of the two orders, mean over queries, "
        f"over {gate.fp32}'s top 10 and over all candidates.\n\n" + markdown_table(head, rows)
    )


def _cost(result: Quality) -> str:
    rows = [
        [
            collection.name,
            row.label,
            f"{collection.candidates:,}",
            f"{row.seconds:,.1f}",
            _or_none(row.tokens, ","),
            _or_none(row.truncated, ","),
            f"{row.refused:,}",
            f"{row.score_median:.3f}",
        ]
        for collection in result.collections
        for row in collection.rows
        if row.seconds is not None
    ]
    head = ["collection", "system", "candidates", "seconds", "tokens", "texts cut"]
    return markdown_table([*head, "queries refused", "median score"], rows)


def _hashes(result: Quality) -> str:
    models = [
        [
            one.label,
            one.model.name,
            f"{one.model.precision}, {one.model.arithmetic}",
            f"{one.model.max_length}",
            f"`{one.model.weights_sha256[:16]}`",
        ]
        for one in result.systems
        if one.model
    ]
    data = [
        [
            one.name,
            f"{one.documents:,}",
            one.first_stage,
            f"`{one.sha256[:16]}`",
            f"`{one.candidates_sha256[:16]}`",
        ]
        for one in result.collections
    ]
    model_head = ["system", "weights", "precision, arithmetic", "tokens at most", "sha256"]
    data_head = ["collection", "documents", "candidates from", "sha256", "candidates' sha256"]
    return f"{markdown_table(model_head, models)}\n\n{markdown_table(data_head, data)}"


def _queries(query_ids: Sequence[str], judged: int) -> str:
    evaluated = len(query_ids)
    return f"{evaluated:,}" if evaluated == judged else f"{evaluated:,} of {judged:,}"


def _means(rows: Iterable) -> list[str]:
    return [f"{row.mean:.4f}" for row in rows]


def _cell_against(base: str, against: Iterable[Against]) -> str:
    found = next((one for one in against if one.label == base), None)
    if found is None:
        return _NONE
    cell = f"{found.mean:+.4f}"
    if found.low is not None and found.high is not None:
        cell += f" [{found.low:+.4f}, {found.high:+.4f}]"
    return cell if found.p_value is None else f"{cell}, {found.p_value:.4f}"


def _or_none(value: float | None, spec: str) -> str:
    return _NONE if value is None else format(value, spec)


def _incomplete(result: Quality) -> str:
    if result.complete:
        return ""
    return f"\n\n**Incomplete**: not yet measured: {', '.join(result.missing)}."


def _section(heading: str, text: str, wanted: bool) -> list[str]:
    return [f"## {heading}", text] if wanted else []
