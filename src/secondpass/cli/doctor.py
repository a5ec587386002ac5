"""secondpass doctor MODEL."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from secondpass.cli import output
from secondpass.options.model import PRECISIONS

if TYPE_CHECKING:
    from secondpass.doctor.result import Examination
    from secondpass.options.model import Precision

NOT_SOUND = 1


@click.command("doctor")
@click.argument("model")
@click.option(
    "--precision",
    type=click.Choice(PRECISIONS),
    help="What to score with.  [default: fp32, or what a graph file holds]",
)
@click.option("--revision", help="Branch, tag or commit of a hub model.")
@click.option("--threads", type=click.IntRange(min=1), help="Compute threads.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, as into a pipe.")
def command(
    model: str,
    precision: Precision | None,
    revision: str | None,
    threads: int | None,
    as_json: bool,
) -> None:
    """Check a model before it is trusted: a folder, a hub name or an embedded name.

    Token types, pooler and head, activation, padding, batches, vocabulary, and agreement with
    sentence-transformers where it is installed. The exit status is 0 where no check failed, 1 where
    one did, 2 where there is no such model. What could not be checked is said to be so.
    """
    from secondpass.doctor.examine import examine
    from secondpass.result_file import as_values

    found = examine(model, precision=precision, revision=revision, threads=threads)
    if output.for_a_person(as_json):
        print_examination(found)
    else:
        output.print_json_lines([as_values(found)])
    if not found.sound:
        sys.exit(NOT_SOUND)


def print_examination(found: Examination) -> None:
    """Print a row for each check, what to do about those that failed, and the conclusion."""
    output.print_table(
        ("verdict", "check", "measured  (limit)"),
        [
            (
                check.verdict,
                check.name,
                check.measured + (f"  ({check.limit})" if check.limit else ""),
            )
            for check in found.checks
        ],
    )
    for check in found.checks:
        if check.verdict == "failed":
            click.echo(
                f"\n{output.harmless(f'{check.name}: {check.measured} (limit: {check.limit})')}"
            )
            click.echo(f"  to do: {check.advice}")
    click.echo(f"\n{found.conclusion}")
