"""secondpass plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from secondpass.checks import counted, plain_number
from secondpass.cli import output
from secondpass.cli.extras import require_extra
from secondpass.cli.options import (
    FiniteFloatRange,
    Words,
    json_instead_option,
    options_of,
    states_option,
)
from secondpass.cli.wording import told
from secondpass.options.model import PRECISIONS, Precision, RerankerOptions

if TYPE_CHECKING:
    from secondpass.plan.plan import Plan, Wanted
    from secondpass.plan.result import Planned, PlannedStates, PlanResult
    from secondpass.states.codec import StatePrecision


@click.command("plan")
@click.option(
    "--p95-ms",
    type=FiniteFloatRange(min=0, min_open=True, max=1e9),
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
    type=Words(PRECISIONS),
    multiple=True,
    default=("auto",),
    show_default=True,
    help="Give several to compare.",
)
@options_of(RerankerOptions, "max_length")
@click.option("--threads", type=click.IntRange(min=1), help="Compute threads.")
@states_option
@click.option(
    "--documents",
    type=click.IntRange(min=1, max=10**9),
    default=100_000,
    show_default=True,
    help="With --states: how many documents the index has.",
)
@click.option(
    "--seconds",
    type=FiniteFloatRange(min=1),
    default=15.0,
    show_default=True,
    help="About how long to calibrate each.",
)
@click.option(
    "--check",
    is_flag=True,
    help="Measure other settings, up to about two minutes, and show the error.",
)
@json_instead_option
@click.option("--json-out", "json_file", metavar="FILE", help="Write the plan as JSON.")
def command(
    p95_ms: float,
    document_tokens: int,
    models: tuple[str, ...],
    precisions: tuple[Precision, ...],
    max_length: int,
    threads: int | None,
    states: StatePrecision | None,
    documents: int,
    seconds: float,
    check: bool,
    as_json: bool,
    json_file: str | None,
) -> None:
    """Say whether a model fits in memory here, how fast it is, and which depth a target allows.

    From a short calibration on this machine, for documents that are all of one length.

    With --states it says beside that what reranking takes from states that an index keeps, how
    large the index is with them and without, and how much longer it takes to make.
    """
    from secondpass.cli.outputs import Outputs
    from secondpass.models.embedded import CROSS_ENCODER
    from secondpass.plan.plan import Wanted
    from secondpass.plan.predict import plan_result
    from secondpass.plan.result import Target
    from secondpass.result_file import write_result

    require_extra("measure", "plan")
    outputs = Outputs({"--json-out": json_file})
    wanted = [
        Wanted(model, precision, max_length, threads, states)
        for model in models or (CROSS_ENCODER,)
        for precision in precisions
    ]
    plans = _plans(wanted, seconds, check)
    result = plan_result(plans, Target(p95_ms, document_tokens, documents), output.command_line())
    if as_json:
        output.print_report(result)
    else:
        _print(result)
    outputs.write("--json-out", lambda file: write_result(file, result))
    outputs.finish()


def _plans(wanted: list[Wanted], seconds: float, checking: bool) -> list[Plan]:
    """Plan each; name and leave out those that are not available, unless none is left."""
    from secondpass.bench.clock import WallClock
    from secondpass.errors import SecondpassError
    from secondpass.plan.plan import make_plan

    plans: list[Plan] = []
    wanted = _there(wanted)
    for number, reranker in enumerate(wanted):
        try:
            plan = make_plan(
                reranker, WallClock(), output.progress, seconds=seconds, checking=checking
            )
            plans.append(plan)
        except SecondpassError as error:
            if number == len(wanted) - 1 and not plans:
                raise
            output.say(f"note: {reranker.model} at {reranker.precision} is left out: {told(error)}")
        except KeyboardInterrupt:
            if not plans:
                raise
            output.say(f"note: interrupted, {len(plans)} of {len(wanted)} are shown")
            break
    return plans


def _there(wanted: list[Wanted]) -> list[Wanted]:
    """Return those whose model is there; name the others before any is measured.

    Raises:
        SecondpassError: none is.
    """
    from secondpass.cli.loading import check_reranker
    from secondpass.errors import SecondpassError

    there: list[Wanted] = []
    for number, reranker in enumerate(wanted):
        try:
            check_reranker(reranker.model)
            there.append(reranker)
        except SecondpassError as error:
            if number == len(wanted) - 1 and not there:
                raise
            output.say(f"note: {reranker.model} at {reranker.precision} is left out: {error}")
    return there


def _print(result: PlanResult) -> None:
    from secondpass.bench.table import number

    target = result.target
    output.show(
        f"Documents of {target.document_tokens} tokens, P95 of at most "
        f"{plain_number(target.p95_ms, 15)} ms:\n"
    )
    output.print_table(
        ("model", "weights", "computes in", "depth", "100: P50 ms", "100: P95 ms"),
        [
            [
                planned.reranker.name,
                planned.reranker.precision,
                planned.reranker.arithmetic,
                str(planned.depth),
                number(planned.at(100).p50_ms),
                number(planned.at(100).p95_ms),
            ]
            for planned in result.planned
        ],
    )
    output.show(f"\n{_verdict(result.best, target.p95_ms)}")
    for planned in result.planned:
        output.show(_memory(planned))
        for kind, text in (("note", planned.note), ("warning", planned.warning)):
            if text is not None:
                output.show(f"{kind}: {_called(planned)}: {text}")
    for planned in result.planned:
        _print_planned(planned)


def _called(planned: Planned) -> str:
    return f"{planned.reranker.name} at {planned.reranker.precision}"


def _verdict(best: Planned, p95_ms: float) -> str:
    if best.depth == 0:
        return f"Not one candidate can be reranked with a P95 of {plain_number(p95_ms, 15)} ms."
    many = counted(best.depth, "candidate")
    return f"{_called(best)} reranks {many} with a P95 of at most {plain_number(p95_ms, 15)} ms."


def _memory(planned: Planned) -> str:
    return (
        f"{_called(planned)} needs about "
        f"{planned.needed_bytes / 1e9:.1f} GB of {planned.available_bytes / 1e9:.1f} GB available: "
        "fits"
    )


def _print_planned(planned: Planned) -> None:
    from secondpass.bench.table import number

    output.show(f"\n{_called(planned)}, predicted:\n")
    output.print_table(
        ("depth", "P50 ms", "P95 ms"),
        [
            [str(prediction.depth), number(prediction.p50_ms), number(prediction.p95_ms)]
            for prediction in planned.predictions
        ],
    )
    if planned.states is not None:
        _print_states(planned.states)
    if planned.checked:
        _print_checked(planned)


def _print_states(kept: PlannedStates) -> None:
    from secondpass.bench.table import number

    output.show(
        f"\nfrom states at {kept.precision}, predicted: {counted(kept.depth, 'candidate')} within "
        "the target\n"
    )
    output.print_table(
        ("depth", "P50 ms", "P95 ms"),
        [
            [str(prediction.depth), number(prediction.p50_ms), number(prediction.p95_ms)]
            for prediction in kept.predictions
        ],
    )
    output.show(
        f"\nan index of {counted(kept.documents, 'document')} takes about "
        f"{_gigabytes(kept.index_bytes)} with states, {kept.token_bytes} bytes a token, and "
        f"{_gigabytes(kept.index_bytes_without)} without; encoding them takes about "
        f"{_duration(kept.encode_seconds)}"
    )


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"


def _duration(seconds: float) -> str:
    if seconds >= 5400:
        return f"{seconds / 3600:.1f} hours"
    return f"{seconds / 60:.0f} minutes" if seconds >= 90 else f"{seconds:.0f} seconds"


def _print_checked(planned: Planned) -> None:
    from secondpass.bench.table import number

    output.show("\nchecked, predicted against measured ms:\n")
    output.print_table(
        (
            *("candidates", "document tokens"),
            *("P50 predicted", "measured", "error", "P95 predicted", "measured", "error"),
        ),
        [
            [
                *(str(checked.candidates), str(checked.document_tokens)),
                *(number(checked.predicted_p50_ms), number(checked.measured_p50_ms)),
                f"{checked.p50_error:.1%}",
                *(number(checked.predicted_p95_ms), number(checked.measured_p95_ms)),
                f"{checked.p95_error:.1%}",
            ]
            for checked in planned.checked
        ],
    )
    output.show(
        f"\nmedian error of P50 {planned.median_p50_error:.1%}, "
        f"of P95 {planned.median_p95_error:.1%}"
    )
