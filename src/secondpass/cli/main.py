"""secondpass: the group of subcommands, and errors as one line with exit status 2."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import click

from secondpass import __version__
from secondpass.errors import SecondpassError

# name -> (module under secondpass.cli, the line in the help)
_COMMANDS = {
    "bench": ("bench", "Measure what reranking takes, by stage: P50, P95, P99."),
    "demo": ("demo", "Index this Python's own documentation, search it and rerank."),
    "eval": ("eval", "Measure whether reranking helps, on judged queries."),
    "index": ("index", "Add text, Markdown, JSON Lines or CSV files to an index."),
    "models": ("models", "Show the models that need no download: embedded and cached."),
    "plan": ("plan", "Predict latency and memory on this machine, and the depth for a target."),
    "rerank": ("rerank", "Rerank candidates for a query."),
    "search": ("search", "Search an index and rerank what it finds."),
    "verify": ("verify", "Write a record of a run, or check that it comes out again here."),
}


class _LazyGroup(click.Group):
    """Loads a subcommand's module only when that subcommand is called or asked for its help."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module = importlib.import_module(f"secondpass.cli.{_COMMANDS[cmd_name][0]}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in _COMMANDS.items()])


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="secondpass")
def group() -> None:
    """Rerank search results with a cross-encoder, on this machine."""


def main(arguments: list[str] | None = None) -> Any:
    """Run the command. An error of ours is one line on standard error and exit status 2."""
    try:
        return group.main(args=arguments, prog_name="secondpass", standalone_mode=False)
    except click.ClickException as error:
        _fail(_with_hint(error), 2)
    except click.Abort:
        _fail("interrupted", 130)
    except BrokenPipeError:
        _leave_quietly()
    except SecondpassError as error:
        _fail(str(error), 2)


def _with_hint(error: click.ClickException) -> str:
    """Return a usage error's message and the help that says more."""
    context = getattr(error, "ctx", None)
    hint = f"; see '{context.command_path} --help'" if context else ""
    return error.format_message().rstrip(".") + hint


def _fail(message: str, status: int) -> None:
    click.echo(f"secondpass: {' '.join(message.split())}", err=True)
    sys.exit(status)


def _leave_quietly() -> None:
    """End after the reader of a pipe went away, as `head` does, without a word."""
    import os

    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(141)
