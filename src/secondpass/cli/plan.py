"""secondpass plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from secondpass.cli import output
from secondpass.engine.contract import Precision

if TYPE_CHECKING:
    from secondpass.plan.plan import Plan, Wanted

_DEPTHS = (10, 20, 50, 100, 200)


@click.command("plan")
@click.option(
    "--p95-ms",
    type=click.FloatRange(min=0, min_open=True),
    default=100.0,
    show_default=True,
    help="The P95 the rerank may take.",
)
@click.option(
    "--document-tokens",
    type=click.IntRange(min=1),
    default=240,
    show_default=True,
    help="Tokens of a document.",
)
@click.option(
    "--model",
    "models",
    multiple=True,
    metavar="NAME",
    help="Hub name or folder; give several to compare.  [default: the embedded one]",
)
@click.option(
    "--precision",
    "precisions",
    type=click.Choice(["auto", "fp32", "int8"]),
    multiple=True,
    default=("auto",),
    show_default=True,
    help="Give several to compare.",
)
@click.option("--max-length", type=click.IntRange(min=1), default=512, show_default=True)
@click.option("--threads", type=click.IntRange(min=1), help="Compute threads.")
@click.option(
    "--seconds",
    type=click.FloatRange(min=1),
    default=10.0,
    show_default=True,
    help="About how long to calibrate each.",
)
@click.option("--check", is_flag=True, help="Measure other settings and show the error.")
def command(
    p95_ms: float,
    document_tokens: int,
    models: tuple[str, ...],
    precisions: tuple[Precision, ...],
    max_length: int,
    threads: int | None,
    seconds: float,
    check: bool,
) -> None:
    """Say whether a model fits in memory here, how fast it is, and which depth a target allows.

    From a short calibration on this machine, for documents that are all of one length.
    """
    from secondpass.models.embedded import CROSS_ENCODER
    from secondpass.plan.plan import Wanted

    wanted = [
        Wanted(model, precision, max_length, threads)
        for model in models or (CROSS_ENCODER,)
        for precision in precisions
    ]
    plans = _plans(wanted, seconds, check)
    _print_targets(plans, p95_ms, document_tokens)
    for plan in plans:
        _print_depths(plan, document_tokens)
        if check:
            _print_check(plan)


def _plans(wanted: list[Wanted], seconds: float, checking: bool) -> list[Plan]:
    """Plan each; what cannot be had among several is said and left out, alone it is an error."""
    from secondpass.bench.clock import WallClock
    from secondpass.errors import SecondpassError
    from secondpass.plan.plan import make_plan

    plans: list[Plan] = []
    for number, one in enumerate(wanted):
        try:
            plan = make_plan(one, WallClock(), output.progress, seconds=seconds, checking=checking)
            plans.append(plan)
        except SecondpassError as error:
            if number == len(wanted) - 1 and not plans:
                raise
            output.say(f"note: {one.model} at {one.precision} is left out: {error}")
    return plans


def _print_targets(plans: list[Plan], p95_ms: float, document_tokens: int) -> None:
    from secondpass.bench.table import number

    depths = [plan.cost.depth_within(p95_ms, plan.length(document_tokens)) for plan in plans]
    rows = [
        [
            plan.info.name,
            plan.info.precision,
            plan.info.arithmetic,
            str(depth),
            number(plan.cost.p50_ms(100, plan.length(document_tokens))),
            number(plan.cost.p95_ms(100, plan.length(document_tokens))),
            f"{plan.process_bytes / 1e6:.0f}",
        ]
        for plan, depth in zip(plans, depths, strict=True)
    ]
    click.echo(f"Documents of {document_tokens} tokens, P95 of at most {p95_ms:g} ms:\n")
    output.print_plain_table(
        (
            *("model", "weights", "computes in", "depth"),
            *("100: P50 ms", "100: P95 ms", "memory MB"),
        ),
        rows,
    )
    best = max(range(len(plans)), key=lambda at: depths[at])
    click.echo(f"\n{_verdict(plans[best], depths[best], p95_ms)}")


def _verdict(plan: Plan, depth: int, p95_ms: float) -> str:
    if depth == 0:
        return f"Not one candidate can be reranked with a P95 of {p95_ms:g} ms."
    return (
        f"{plan.info.name} at {plan.info.precision} reranks {depth} candidates with a P95 of at most "
        f"{p95_ms:g} ms."
    )


def _print_depths(plan: Plan, document_tokens: int) -> None:
    from secondpass.bench.table import number

    length = plan.length(document_tokens)
    click.echo(f"\n{plan.info.name} at {plan.info.precision}, predicted:\n")
    output.print_plain_table(
        ("depth", "P50 ms", "P95 ms"),
        [
            [
                str(depth),
                number(plan.cost.p50_ms(depth, length)),
                number(plan.cost.p95_ms(depth, length)),
            ]
            for depth in _DEPTHS
        ],
    )


def _print_check(plan: Plan) -> None:
    from secondpass.bench.table import number
    from secondpass.plan.check import median_error

    click.echo("")
    output.print_plain_table(
        ("candidates", "document tokens", "predicted P50 ms", "measured P50 ms", "error"),
        [
            [
                str(one.candidates),
                str(one.document_tokens),
                number(one.predicted_ms),
                number(one.measured_ms),
                f"{one.error:.1%}",
            ]
            for one in plan.checked
        ],
    )
    click.echo(f"\nmedian error {median_error(list(plan.checked)):.1%}")
