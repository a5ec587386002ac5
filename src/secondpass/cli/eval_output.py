"""An evaluation as a person reads it in the terminal."""

from __future__ import annotations

import click

from secondpass.cli import output
from secondpass.evaluation.report import (
    enough_in_words,
    in_milliseconds,
    milliseconds,
    place_in_words,
)
from secondpass.evaluation.result import CollectionFacts, Curve, Evaluation, HurtQuery, Latency
from secondpass.evaluation.verdict import bounds, in_words
from secondpass.facts.machine import Machine, read_machine
from secondpass.facts.software import Software, read_software
from secondpass.types import ModelInfo

# The packages whose version decides a ranking or its measures.
_NAMED_PACKAGES = ("secondpass", "openvino", "torch", "tokenizers", "ir-measures", "scipy")


def print_evaluation(evaluation: Evaluation) -> None:
    """Print the header, the table, the curve, the most hurt queries, and the verdict last."""
    if not evaluation.complete:
        click.echo("INCOMPLETE: interrupted, what follows is of the queries done until then\n")
    click.echo(header(evaluation) + "\n")
    _print_comparisons(evaluation)
    if evaluation.latency:
        click.echo(
            f"\nreranking one query to depth {evaluation.depth}: {_latency(evaluation.latency)}"
        )
    if evaluation.curve:
        _print_curve(evaluation.curve)
    _print_hurt(evaluation)
    click.echo()
    for note in evaluation.notes:
        click.echo(f"note: {note}")
    click.echo(f"\n{in_words(evaluation.comparisons)}")


def header(evaluation: Evaluation) -> str:
    """Return the lines that say what the numbers depend on."""
    lines = {
        "collection": _collection(evaluation.collection),
        "first stage": evaluation.first_stage,
        **_embedder(evaluation),
        "reranked": f"the top {evaluation.depth} by {_model(evaluation.model)}",
        **_fusion(evaluation),
        "machine": _machine(read_machine()),
        "software": f"{_software(read_software())}; seed {evaluation.seed}",
    }
    return "\n".join(f"{name:<12} {text}" for name, text in lines.items())


def _collection(facts: CollectionFacts) -> str:
    return (
        f"{facts.name}, {facts.queries:,} queries, {facts.documents:,} documents, "
        f"{facts.judgements:,} judgements up to grade {facts.highest_grade}, "
        f"sha256 {facts.sha256[:12]}"
    )


def _embedder(evaluation: Evaluation) -> dict[str, str]:
    if evaluation.embedder is None:
        return {}
    vectors = f"{evaluation.vectors:,} vectors of {evaluation.dimension} numbers"
    return {"embedded": f"{vectors} by {_model(evaluation.embedder)}"}


def _fusion(evaluation: Evaluation) -> dict[str, str]:
    return {"fused": evaluation.fusion.in_words} if evaluation.fusion else {}


def _model(model: ModelInfo) -> str:
    return (
        f"{model.name}, {model.precision}, {model.engine.split('-')[0]} on {model.device}, "
        f"{model.threads} threads, {model.max_length} tokens at most, "
        f"weights {model.weights_sha256[:12]}"
    )


def _machine(machine: Machine) -> str:
    free, total = (amount / 2**30 for amount in (machine.memory_available, machine.memory_total))
    return (
        f"{machine.processor}, {machine.cores_usable} cores usable, "
        f"{free:.1f} of {total:.1f} GiB memory available"
    )


def _software(software: Software) -> str:
    named = (
        f"{name} {software.packages[name]}" for name in _NAMED_PACKAGES if name in software.packages
    )
    return f"Python {software.python}, {', '.join(named)}"


def _print_comparisons(evaluation: Evaluation) -> None:
    output.print_table(
        ("measure", "first stage", "reranked", "difference [95 % interval]", "p"),
        [
            (
                one.measure,
                f"{one.first_stage:.4f}",
                f"{one.reranked:.4f}",
                bounds(one),
                f"{one.p_holm:.4f}",
            )
            for one in evaluation.comparisons
        ],
    )
    click.echo(
        "interval: bootstrap (BCa); p: two-sided randomisation test, after Holm's correction\n"
    )
    width = max(len(one.measure) for one in evaluation.comparisons)
    for one in evaluation.comparisons:
        click.echo(
            f"{one.measure:<{width}}  {one.verdict} ({one.helped} queries helped, {one.hurt} hurt, "
            f"{one.unchanged} unchanged)"
        )


def _latency(latency: Latency) -> str:
    return (
        f"P50 {in_milliseconds(latency.p50_ms)} ms, P95 {in_milliseconds(latency.p95_ms)} ms, "
        f"mean {in_milliseconds(latency.mean_ms)} ms, of {latency.queries} queries"
    )


def _print_curve(curve: Curve) -> None:
    click.echo()
    output.print_table(
        ("depth", *curve.points[0].values, "P50 ms", "P95 ms"),
        [
            (
                point.depth,
                *(f"{value:.4f}" for value in point.values.values()),
                milliseconds(point, "p50_ms"),
                milliseconds(point, "p95_ms"),
            )
            for point in curve.points
        ],
    )
    timed = next((point.latency for point in curve.points if point.latency), None)
    if timed:
        click.echo(f"each depth was really reranked and timed on {timed.queries} queries")
    click.echo(enough_in_words(curve))


def _print_hurt(evaluation: Evaluation) -> None:
    if not evaluation.most_hurt:
        return
    click.echo(f"\nmost hurt, by {evaluation.comparisons[0].measure}:")
    for one in evaluation.most_hurt:
        click.echo("\n".join(_hurt_lines(one)))


def _hurt_lines(one: HurtQuery) -> list[str]:
    shown = [("now first", one.now_first)]
    if one.relevant:
        shown.append(("moved down", one.relevant))
    return [
        f"  {one.first_stage:.3f} to {one.reranked:.3f}  query {output.harmless(one.query_id)}: "
        f"{output.one_line(one.text, 120)}",
        *(
            f"      {what} ({place_in_words(document)}): {output.one_line(document.text, 120)}"
            for what, document in shown
        ),
    ]
