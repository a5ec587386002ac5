"""An evaluation as a self-contained HTML page."""

from __future__ import annotations

from collections.abc import Sequence

from secondpass.evaluation.result import Curve, CurvePoint, Evaluation, HurtQuery, ShownDocument
from secondpass.evaluation.verdict import conclusion
from secondpass.evaluation.wording import (
    comparison_cells,
    curve_table,
    enough_in_words,
    header,
    place_in_words,
    rules_in_words,
    verdict_cell,
)
from secondpass.report.figures import INK, SERIES, SOFT, subplots, to_svg
from secondpass.report.page import Figure, Section, Table, render

# Texts are shown to here; the JSON has them whole.
_SHOWN_CHARACTERS = 300


def to_html(evaluation: Evaluation) -> str:
    """Return the page.

    Raises:
        MissingExtraError: jinja2 or matplotlib is not installed.
    """
    sections = [
        Section(
            "Does it help?",
            rules_in_words(evaluation.comparisons),
            tables=[_comparisons(evaluation)],
            figures=[_changes(evaluation)],
        ),
        *([_depths(evaluation.curve)] if evaluation.curve else []),
        Section("Most hurt queries", tables=[_hurt(evaluation.most_hurt)])
        if evaluation.most_hurt
        else Section("Most hurt queries", "No query was hurt."),
        Section("How to read it", "\n".join(evaluation.notes)),
        Section("What it depends on", header(evaluation)),
        Section("To repeat it", evaluation.command),
    ]
    title = f"Reranking {evaluation.collection.name} with {evaluation.model.name}"
    return render(title, conclusion(evaluation), sections)


def _comparisons(evaluation: Evaluation) -> Table:
    return Table(
        (
            *("measure", "first stage", "reranked", "difference [95 % interval]", "p (Holm)"),
            *("helped", "hurt", "same", "verdict"),
        ),
        [
            (
                *comparison_cells(comparison),
                *map(str, (comparison.helped, comparison.hurt, comparison.unchanged)),
                verdict_cell(comparison, evaluation.depth),
            )
            for comparison in evaluation.comparisons
        ],
    )


def _changes(evaluation: Evaluation) -> Figure:
    """Draw each query's difference as a bar, the most helped first."""
    main = evaluation.comparisons[0]
    differences = sorted(
        (
            query.reranked[main.measure] - query.first_stage[main.measure]
            for query in evaluation.queries
        ),
        reverse=True,
    )
    colors = [SERIES[0] if value > 0 else SERIES[1] for value in differences]
    figure, axes = subplots()
    axes.bar(range(1, len(differences) + 1), differences, width=1.0, color=colors)
    axes.set_axisbelow(True)
    axes.axhline(0, color=SOFT, linewidth=1)
    axes.set_xlabel("queries, the most helped first")
    axes.set_ylabel(f"change of {main.measure}")
    caption = (
        f"{main.measure} of each query, reranked minus first stage: {main.helped} helped, "
        f"{main.hurt} hurt, {main.unchanged} unchanged."
    )
    return Figure(to_svg(figure), caption)


def _depths(curve: Curve) -> Section:
    drawn = [_draw(curve)] if _timed(curve) else []
    return Section(
        "Quality against latency", enough_in_words(curve), [Table(*curve_table(curve))], drawn
    )


def _timed(curve: Curve) -> list[tuple[CurvePoint, float, int]]:
    """Return the points that have a P50, with it and the queries it is of."""
    return [
        (point, point.latency.p50_ms, point.latency.queries)
        for point in curve.points
        if point.latency and point.latency.p50_ms is not None
    ]


def _draw(curve: Curve) -> Figure:
    points, times, queries = zip(*_timed(curve), strict=True)
    values = [point.values[curve.measure] for point in points]
    figure, axes = subplots()
    axes.plot(times, values, color=SERIES[0], marker="o", label="reranked")
    axes.axhline(
        curve.points[0].values[curve.measure],
        color=SERIES[1],
        linestyle="--",
        label="first stage alone",
    )
    for point, time, value in zip(points, times, values, strict=True):
        axes.annotate(
            str(point.depth), (time, value), textcoords="offset points", xytext=(4, -14), color=INK
        )
    axes.set_xlabel("P50 of reranking one query, ms")
    axes.set_ylabel(curve.measure)
    axes.legend(loc="lower right", frameon=False)  # "best" is slow, and warns where it is
    return Figure(
        to_svg(figure),
        f"{curve.measure} against the median time of reranking, by depth (the number at each "
        f"point). The times are those of {queries[0]} queries reranked at every depth.",
    )


def _hurt(queries: Sequence[HurtQuery]) -> Table:
    return Table(
        ("query", "what", "change", "text"), [row for query in queries for row in _hurt_rows(query)]
    )


def _hurt_rows(query: HurtQuery) -> list[tuple[str, ...]]:
    change = f"{query.first_stage:.4f} to {query.reranked:.4f}"
    rows: list[tuple[str, ...]] = [
        (f"query {query.query_id}", "the query", change, _short(query.text)),
        ("", "now first", *_cells(query.now_first)),
    ]
    if query.relevant:
        rows.append(("", "moved down", *_cells(query.relevant)))
    return rows


def _cells(document: ShownDocument) -> tuple[str, str]:
    return place_in_words(document), _short(document.text)


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _SHOWN_CHARACTERS else flat[: _SHOWN_CHARACTERS - 1] + "…"
