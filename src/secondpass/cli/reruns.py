"""How each kind of record is run: the example from the package, bench and eval as commands."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from secondpass.errors import InputError

if TYPE_CHECKING:
    from secondpass.verify.record import Kind, Outcome
    from secondpass.verify.rerun import Reruns

# Options that write a file; a check that wrote it again would change what it is to check.
_WRITING_OPTIONS = ("--json-out", "--html", "--run-out")


def run(kind: Kind, arguments: tuple[str, ...]) -> Outcome:
    """Run one kind now."""
    return RERUNS[kind](arguments)


def _run_example(arguments: tuple[str, ...]) -> Outcome:
    from secondpass.cli import output
    from secondpass.verify.example import example_rounds, run_example

    if arguments:
        raise InputError(f"the example takes no arguments, given {' '.join(arguments)!r}")
    with output.progress("example", example_rounds()) as advance:
        return run_example(advance)


def _run_command(name: Kind, arguments: tuple[str, ...]) -> Outcome:
    """Run a subcommand in this process; its result is what its function returns."""
    from secondpass.verify.outcome import outcome_of

    _check_arguments(name, arguments)
    return outcome_of(invoke([name, *arguments]), arguments)


def invoke(arguments: list[str]) -> Any:
    """Run a subcommand as if it was typed, and return what its function returns.

    What it prints goes to standard error.

    Raises:
        InputError: the command line is not valid.
    """
    from secondpass.cli.main import group

    try:
        with redirect_stdout(sys.stderr):
            return group.main(args=arguments, prog_name="secondpass", standalone_mode=False)
    except click.ClickException as error:
        raise InputError(f"secondpass {arguments[0]}: {error.format_message()}") from error


def _check_arguments(name: str, arguments: tuple[str, ...]) -> None:
    for argument in arguments:
        option = argument.partition("=")[0]
        if option in _WRITING_OPTIONS:
            raise InputError(f"{option} writes a file: leave it out of a record of {name}")
        if option in ("-h", "--help"):
            raise InputError(f"for the options of {name} see 'secondpass {name} --help'")


RERUNS: Reruns = {
    "example": _run_example,
    "bench": partial(_run_command, "bench"),
    "eval": partial(_run_command, "eval"),
}
