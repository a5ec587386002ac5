"""The result as the tables of docs/results/deadline.md."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.deadline.result import Point, Result, Timed


def page(result: Result) -> str:
    """Return what it depends on, whether budgets held, and the curve."""
    return "\n\n".join((_facts(result), *_overruns(result.timed), *_curve(result.curve)))


def _facts(result: Result) -> str:
    model, machine = result.model, result.machine
    return (
        f"{model.name}, {model.precision}, {model.threads} threads; "
        f"{machine.processor}, {machine.cores_usable} cores usable; the top {result.depth} "
        f"of the first stage; the busy machine runs {result.spinners} processes that compute "
        f"without end. {result.created}, `{result.command}`"
    )


def _overruns(timed: Sequence[Timed]) -> list[str]:
    if not timed:
        return []
    rows = [
        f"| {one.load} | {one.budget_ms:g} | {one.calls:,} | {one.p50_overrun_ms:+.1f} "
        f"| {one.p99_overrun_ms:+.1f} | {one.allowed_ms:g} | {'yes' if one.holds else 'NO'} "
        f"| {one.worst_overrun_ms:+.1f} | {one.share_read:.0%} | {one.unread_calls} |"
        for one in timed
    ]
    head = (
        "| machine | budget ms | calls | P50 overrun ms | P99 overrun ms | allowed ms | holds "
        "| worst ms | scored | calls that scored none |\n|---|--:|--:|--:|--:|--:|---|--:|--:|--:|"
    )
    return ["\n".join((head, *rows))]


def _curve(points: Sequence[Point]) -> list[str]:
    if not points:
        return []
    budgets = list(dict.fromkeys(point.budget_ms for point in points))
    head = "| nDCG@10 | queries | " + " | ".join(map(name, budgets)) + " |"
    rule = "|---|--:|" + "--:|" * len(budgets)
    named: dict[str, list[Point]] = {}
    for point in points:
        named.setdefault(point.collection, []).append(point)
    rows = [
        f"| {collection} | {each[0].queries} | " + " | ".join(map(_cell, each)) + " |"
        for collection, each in named.items()
    ]
    means = [mean_at(points, budget) for budget in budgets]
    last = "| mean | | " + " | ".join(f"{mean:.3f}" for mean in means) + " |"
    note = "In brackets the share of the candidates that was scored."
    return ["\n".join((head, rule, *rows, last)), note]


def name(budget_ms: float | None) -> str:
    """Return a budget in words."""
    if budget_ms is None:
        return "no limit"
    return f"{budget_ms:g} ms" if budget_ms else "first stage"


def mean_at(points: Sequence[Point], budget_ms: float | None) -> float:
    """Return the mean over the collections."""
    found = [point.ndcg for point in points if point.budget_ms == budget_ms]
    return sum(found) / len(found)


def _cell(point: Point) -> str:
    return f"{point.ndcg:.3f} ({point.share_read:.0%})"
