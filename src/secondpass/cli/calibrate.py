"""secondpass calibrate MODEL."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from secondpass.cli import output
from secondpass.cli.extras import require_extra
from secondpass.cli.options import FiniteFloatRange, json_report_option, options_of
from secondpass.errors import Argument, InputError
from secondpass.options.model import RerankerOptions

if TYPE_CHECKING:
    from secondpass.calibration.calibrate import Calibrated
    from secondpass.calibration.fit import CalibrationError
    from secondpass.calibration.judged import Labelled
    from secondpass.evaluation.collection import Collection


@click.command("calibrate")
@click.argument("model")
@click.option(
    "--on",
    required=True,
    metavar="COLLECTION",
    help="Judged collection, as for eval, or a file with 'query', 'text' and 'label': JSON Lines, "
    "CSV, TSV or Parquet.",
)
@click.option("--split", default="test", show_default=True, help="Judgements of a collection.")
@click.option(
    "--depth",
    type=click.IntRange(min=1),
    default=50,
    show_default=True,
    help="Candidates of a query of a collection: BM25's best.",
)
@click.option(
    "--relevant-from",
    type=FiniteFloatRange(),
    help="Least grade that is relevant.  [default: 1, or 2 of grades that go to 3 or above]",
)
@click.option(
    "--max-queries", type=click.IntRange(min=1), help="Random sample of this many queries."
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file to write.  [default: calibration.json in the model's folder, or the model's "
    "name and -calibration.json here]",
)
@options_of(RerankerOptions, "max_length", "precision", "threads")
@click.option("--revision", help="Branch, tag or commit of a hub model.")
@json_report_option
def command(
    model: str,
    on: str,
    split: str,
    depth: int,
    relevant_from: float | None,
    max_queries: int | None,
    out: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Make MODEL's scores probabilities of relevance, by judged candidates.

    Platt's and isotonic calibration are fitted, and the better by cross-validation over queries is
    written. --calibration FILE, and calibration= in Python, take the file; --min-score is a
    probability then.
    """
    require_extra("measure", "calibrate")
    from secondpass.calibration.calibrate import calibrate, usual_file
    from secondpass.calibration.judged import is_table, read_labelled
    from secondpass.cli.loading import check_reranker, load_reranker
    from secondpass.cli.outputs import Outputs
    from secondpass.evaluation.open_collection import open_collection
    from secondpass.result_file import write_result

    check_reranker(model, revision=options["revision"])
    files = Outputs({"--out": usual_file(model) if out is None else out}, read={"--on": on})
    found: Collection | Labelled
    if is_table(on):
        _require_of_tables()
        found = read_labelled(Path(on), 1 if relevant_from is None else relevant_from)
    else:
        found = open_collection(on, split=split)
        found = found if max_queries is None else found.sample(max_queries, 0)
    with load_reranker(model_name=model, **options) as reranker:
        calibrated = calibrate(
            reranker,
            found,
            depth=depth,
            relevant_from=relevant_from,
            command=output.command_line(),
            progress=output.progress,
        )
    if output.for_a_person(as_json):
        print_calibrated(calibrated)
    else:
        output.print_report(calibrated)
    files.write("--out", lambda file: write_result(file, calibrated))
    files.finish()


def _require_of_tables() -> None:
    """Raise where an option is given that only a collection has.

    Raises:
        InputError: one is.
    """
    context = click.get_current_context()
    for name in ("split", "depth", "max_queries"):
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            raise InputError(
                Argument(name),
                " is of a collection, and ",
                Argument("on"),
                " is a file of pairs, all of which are scored: leave it out",
            )


def print_calibrated(calibrated: Calibrated) -> None:
    """Print a row for each method, and for the model's own scores; then what was taken."""
    one = calibrated
    rows = [("the model's own", "", _error(one.own))] if one.own else []
    output.print_table(
        ("scores", "log loss", "calibration error  [95 %]"),
        [
            *rows,
            *(
                (each.method, f"{each.log_loss:.4f}", _error(each.calibration_error))
                for each in one.validated
            ),
        ],
    )
    depth = "" if one.depth is None else f", BM25's top {one.depth}"
    output.show(
        f"\n{one.map.method} is written, fitted to {one.pairs:,} candidates of {one.queries:,} "
        f"queries of {output.harmless(one.collection)}{depth}; {one.relevant:,} are relevant. The "
        "numbers are of queries that a fold was not fitted to"
    )


def _error(of: CalibrationError) -> str:
    return f"{of.error:.4f}  [{of.low:.4f}, {of.high:.4f}]"
