"""secondpass doctor MODEL."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from secondpass.cli import output
from secondpass.cli.options import Words, json_report_option
from secondpass.options.model import PRECISIONS

if TYPE_CHECKING:
    from secondpass.doctor.result import Examination
    from secondpass.options.model import Precision

NOT_SOUND = 1


@click.command("doctor")
@click.argument("model")
@click.option(
    "--precision",
    type=Words(PRECISIONS),
    help="What to score with.  [default: fp32, or what a graph file holds]",
)
@click.option("--revision", help="Branch, tag or commit of a hub model.")
@click.option("--threads", type=click.IntRange(min=1), help="Compute threads.")
@json_report_option
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
    one did, 2 where there is no such model or it embeds. What could not be checked is said to be
    so.
    """
    from secondpass.doctor.examine import examine

    found = examine(model, precision=precision, revision=revision, threads=threads)
    if output.for_a_person(as_json):
        print_examination(found)
    else:
        output.print_report(found)
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
            output.show(
                f"\n{output.harmless(f'{check.name}: {check.measured} (limit: {check.limit})')}"
            )
            output.show(f"  to do: {check.advice}")
    output.show(f"\n{found.conclusion}")
