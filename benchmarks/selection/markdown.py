"""The tables."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

import numpy as np

from benchmarks.selection.measured import Measured, Result, Set, compute, on_exits, pooled
from benchmarks.selection.systems import EXITS, LONGEST, System
from secondpass.stats.paired import paired_difference


def page(result: Result) -> str:
    """Return the tables and what they rest on."""
    passages = [one for one in result.sets if one.words is None]
    parts = [_passages(passages, result.seed)] if passages else []
    parts += [_long(one, result.seed) for one in result.sets if one.words is not None]
    rests = (
        f"{result.model['name']} at {result.model['precision']}, {result.model['max_length']} "
        f"tokens; on {result.machine['processor']}."
    )
    return "\n\n".join([f"{rests}\n\n    {result.command}", *parts])


def _passages(sets: Sequence[Set], seed: int) -> str:
    names = ", ".join(f"{one.name} ({_queries(one)})" for one in sets)
    head = ["read", "compute", "time", *(one.name for one in sets), "mean"]
    head += ["− truncate to as much", "− exits at the same compute"]
    order = sorted(
        (one.system for one in sets[0].measured), key=lambda system: _compute(system, sets)
    )
    rows = [_passage_row(system, sets, seed) for system in order]
    return f"nDCG@10 on {names}; candidates: top {sets[0].depth} of BM25.\n\n{_table(head, rows)}"


def _passage_row(system: System, sets: Sequence[Set], seed: int) -> list[str]:
    found = [one.of(system) for one in sets]
    means = [float(np.mean(one.ndcg)) for one in found]
    bases = [base for one in sets if system.base and (base := one.of(system.base))]
    exits = [on_exits(one, of) for one, of in zip(found, sets, strict=True)]
    return [
        system.label,
        f"{_compute(system, sets):.2f}",
        f"{_time(system, sets):.2f}",
        *(f"{mean:.4f}" for mean in means),
        f"{np.mean(means):.4f}",
        _against([one.ndcg for one in bases], found, seed) if bases else "",
        "" if system in EXITS else _against(exits, found, seed),
    ]


def _long(one: Set, seed: int) -> str:
    head = ["read", "nDCG@10", f"− {LONGEST.label}", "− truncate to as much"]
    head += ["tokens × layers, a query", f"time, of {LONGEST.label}"]
    rows = [_long_row(each, one, seed) for each in one.measured]
    return (
        f"Documents of at least {one.words} words: {one.name}, {_queries(one)}, the top "
        f"{one.depth} of BM25.\n\n{_table(head, rows)}"
    )


def _long_row(each: Measured, one: Set, seed: int) -> list[str]:
    longest, base = one.of(LONGEST), one.of(each.system.base) if each.system.base else None
    tokens = np.add(each.layer_tokens, each.selecting_layer_tokens)
    return [
        each.system.label,
        f"{np.mean(each.ndcg):.4f}",
        "" if each is longest else _against([longest.ndcg], [each], seed),
        _against([base.ndcg], [each], seed) if base else "",
        f"{tokens.mean():,.0f}",
        f"{_ratio([each], [longest]):.2f}",
    ]


def _queries(one: Set) -> str:
    return f"{len(one.query_ids)} of {one.judged_queries} queries"


def _compute(system: System, sets: Sequence[Set]) -> float:
    return float(np.mean([compute(one.of(system), one.of(EXITS[-1])) for one in sets]))


def _time(system: System, sets: Sequence[Set]) -> float:
    return _ratio([one.of(system) for one in sets], [one.of(EXITS[-1]) for one in sets])


def _ratio(found: Sequence[Measured], whole: Sequence[Measured]) -> float:
    """Return the median over the queries of the time over that of reading whole."""
    return median(pooled([one.ms for one in found]) / pooled([one.ms for one in whole]))


def _against(before: Sequence[object], found: Sequence[Measured], seed: int) -> str:
    if any(one is None for one in before):
        return "beyond"
    after = pooled([one.ndcg for one in found])
    difference = paired_difference(pooled(before), after, seed=seed)
    interval = "" if difference.low is None else f" [{difference.low:+.4f}, {difference.high:+.4f}]"
    return f"{difference.mean:+.4f}{interval}"


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in lines)
