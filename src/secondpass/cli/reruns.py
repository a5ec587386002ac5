"""How each kind of record is run: the example from the package, bench and eval as commands."""

from __future__ import annotations

import json
import sys
import tempfile
from contextlib import redirect_stdout
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from secondpass.errors import InputError

if TYPE_CHECKING:
    from secondpass.verify.record import Kind, Outcome
    from secondpass.verify.rerun import Reruns

# Options that write a file; a check that wrote it again would change what it is to check.
_WRITING_OPTIONS = ("--json", "--html", "--run-out")


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
    """Run a subcommand in this process and read the JSON it writes."""
    from secondpass.verify.result import read_outcome

    _check_arguments(name, arguments)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "result.json"
        invoke([name, *arguments, "--json", str(file)])
        if not file.exists():
            raise InputError(f"secondpass {name} wrote no result: nothing to record")
        result = json.loads(file.read_text(encoding="utf-8"))
    return read_outcome(name, result, arguments)


def invoke(arguments: list[str]) -> None:
    """Run a subcommand as if it was typed; what it prints goes to standard error."""
    from secondpass.cli.main import group

    try:
        with redirect_stdout(sys.stderr):
            status: Any = group.main(args=arguments, prog_name="secondpass", standalone_mode=False)
    except click.ClickException as error:
        raise InputError(f"secondpass {arguments[0]}: {error.format_message()}") from error
    if isinstance(status, int) and status:
        raise InputError(f"secondpass {arguments[0]} ended with exit status {status}")


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
