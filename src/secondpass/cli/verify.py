"""secondpass verify record and secondpass verify check."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from secondpass.cli import output
from secondpass.cli.extras import require_extra
from secondpass.cli.options import Words, json_report_option
from secondpass.cli.reruns import RERUNS, run
from secondpass.cli.verify_output import check_report, print_check

if TYPE_CHECKING:
    from secondpass.verify.record import Kind

NOT_CONFIRMED = 1


class _KeepsArguments(click.Command):
    """Remembers its own command line: a record holds it exactly as it was given."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.meta["command"] = (*ctx.command_path.split(), *args)
        return super().parse_args(ctx, args)


@click.group("verify")
def command() -> None:
    """Write a record of a run, or run a record's command again here and compare."""


@command.command(
    "record",
    cls=_KeepsArguments,
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
@click.option("--out", metavar="FILE", help="Where to write it.  [default: standard output]")
@click.option("--json", is_flag=True, expose_value=False, help="Print JSON, as without it.")
@click.argument("kind", type=Words(list(RERUNS)), default="example", required=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[ARGUMENT]...")
@click.pass_context
def record(ctx: click.Context, out: str | None, kind: str, arguments: tuple[str, ...]) -> None:
    """Run something and write a record of it.

    A record is one JSON object: where, with what, and what came out.

    Without a kind it is the smallest example, which ships in the package: five questions over 32
    passages with both embedded models. "bench" and "eval" take their own commands' arguments:

    \b
      secondpass verify record --out scifact.json eval ../data/scifact --depth 50
    """  # noqa: D301 - click reads the character itself
    from secondpass.cli.outputs import Outputs
    from secondpass.result_file import encode, write_result
    from secondpass.verify.recording import make_record

    require_extra("measure", "verify")
    outputs = Outputs({"--out": out})
    chosen = cast("Kind", kind)
    outcome = run(chosen, arguments)
    made = make_record(chosen, outcome, command=ctx.meta["command"], arguments=arguments)
    if out is None:
        output.print_json_text(encode(made))
    else:
        outputs.write("--out", lambda file: write_result(file, made))
        outputs.finish()
        output.say(f"record of {kind} written to {out}")


@command.command("check")
@click.argument("file")
@json_report_option
def check(file: str, as_json: bool) -> None:
    """Run the record in FILE again, and compare.

    Each line says whether one thing is the same here as in the record.

    The exit status is 0 where all that decides is the same or within tolerance, 1 where something
    is different, missing or not comparable, 2 where FILE is not a record. Latencies never decide.
    """
    require_extra("measure", "verify")
    from secondpass.verify.record import read_record
    from secondpass.verify.rerun import check as check_record

    recorded = read_record(Path(file))
    checked = check_record(recorded, RERUNS)
    if output.for_a_person(as_json):
        print_check(recorded, checked)
    else:
        output.print_report(check_report(file, recorded, checked))
    if not checked.confirmed:
        sys.exit(NOT_CONFIRMED)
