"""An evaluation as a person reads it in the terminal."""

from __future__ import annotations

from secondpass.cli import output
from secondpass.evaluation.result import Curve, Evaluation, HurtQuery, Latency
from secondpass.evaluation.verdict import conclusion
from secondpass.evaluation.wording import (
    comparison_cells,
    curve_table,
    enough_in_words,
    header,
    in_milliseconds,
    place_in_words,
    rules_in_words,
    verdict_cell,
)


def print_evaluation(evaluation: Evaluation) -> None:
    """Print the header, the table, the curve, the most hurt queries, and the verdict last."""
    if not evaluation.complete:
        output.show("INCOMPLETE: interrupted, what follows is of the queries done until then\n")
    output.show(header(evaluation) + "\n")
    _print_comparisons(evaluation)
    if evaluation.latency:
        output.show(
            f"\nreranking one query to depth {evaluation.depth}: {_latency(evaluation.latency)}"
        )
    if evaluation.curve:
        _print_curve(evaluation.curve)
    _print_hurt(evaluation)
    output.show()
    for note in evaluation.notes:
        output.show(f"note: {note}")
    output.show(f"\n{conclusion(evaluation)}")


def _print_comparisons(evaluation: Evaluation) -> None:
    output.print_table(
        ("measure", "first stage", "reranked", "difference [95 % interval]", "p"),
        map(comparison_cells, evaluation.comparisons),
    )
    output.show(f"{rules_in_words(evaluation.comparisons)}\n")
    width = max(len(comparison.measure) for comparison in evaluation.comparisons)
    for comparison in evaluation.comparisons:
        output.show(
            f"{comparison.measure:<{width}}  {verdict_cell(comparison, evaluation.depth)} "
            f"({comparison.helped} queries helped, {comparison.hurt} hurt, "
            f"{comparison.unchanged} unchanged)"
        )


def _latency(latency: Latency) -> str:
    return (
        f"P50 {in_milliseconds(latency.p50_ms)} ms, P95 {in_milliseconds(latency.p95_ms)} ms, "
        f"mean {in_milliseconds(latency.mean_ms)} ms, of {latency.queries} queries"
    )


def _print_curve(curve: Curve) -> None:
    output.show()
    output.print_table(*curve_table(curve))
    timed = next((point.latency for point in curve.points if point.latency), None)
    if timed:
        output.show(f"each depth was really reranked and timed on {timed.queries} queries")
    output.show(enough_in_words(curve))


def _print_hurt(evaluation: Evaluation) -> None:
    if not evaluation.most_hurt:
        return
    output.show(f"\nmost hurt, by {evaluation.comparisons[0].measure}:")
    for query in evaluation.most_hurt:
        output.show("\n".join(_hurt_lines(query)))


def _hurt_lines(query: HurtQuery) -> list[str]:
    shown = [("now first", query.now_first)]
    if query.relevant:
        shown.append(("moved down", query.relevant))
    return [
        f"  {query.first_stage:.3f} to {query.reranked:.3f}  "
        f"query {output.harmless(query.query_id)}: {output.one_line(query.text, 120)}",
        *(
            f"      {what} ({place_in_words(document)}): {output.one_line(document.text, 120)}"
            for what, document in shown
        ),
    ]
