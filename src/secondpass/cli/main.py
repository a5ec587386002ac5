"""secondpass: the group of subcommands; errors and warnings as one line each.

The caller's mistakes are exit status 2; what the machine refuses (disk, memory) is 1.
"""

from __future__ import annotations

import importlib
import os
import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

import click

from secondpass import __version__
from secondpass.checks import did_you_mean, shortened
from secondpass.cli import COMPLETION_VARIABLE, INTERRUPTED, terminal
from secondpass.cli.help import fit
from secondpass.errors import SecondpassError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

# name -> (module under secondpass.cli, the line in the help)
_COMMANDS = {
    "batch": ("batch", "Rerank very many rows into Parquet files, here or on Ray."),
    "bench": ("bench", "Measure what reranking takes, by stage: P50, P95, P99."),
    "calibrate": ("calibrate", "Make a model's scores probabilities, by judged candidates."),
    "compile": ("compile", "Write a model as int8, if it ranks like fp32 here and is faster."),
    "completion": ("completion", "Print the script that completes commands in a shell."),
    "demo": ("demo", "Index this Python's own documentation, search it and rerank."),
    "doctor": ("doctor", "Check a model before it is trusted."),
    "eval": ("eval", "Measure whether reranking helps, on judged queries."),
    "index": ("index", "Add documents, text and tables to an index, and keep it current."),
    "mcp": ("mcp", "Let a language model rerank and search, over the Model Context Protocol."),
    "models": ("models", "Show the models that need no download: embedded and cached."),
    "plan": ("plan", "Predict latency and memory on this machine, and the depth for a target."),
    "rerank": ("rerank", "Rerank candidates for a query."),
    "search": ("search", "Search an index and rerank what it finds."),
    "serve": ("serve", "Answer the rerank requests of other clients over HTTP."),
    "train": ("train", "Fine-tune a cross-encoder on your own queries and passages."),
    "verify": ("verify", "Write a record of a run, or check that it comes out again here."),
}


# A message quotes no more of a value.
_QUOTED = re.compile(r"""(?<!\w)(['"])([^'"]{77})[^'"]{4,}\1(?!\w)""")
_LONGEST = 2000


class _LazyGroup(click.Group):
    """Loads a subcommand's module only when that subcommand is called or asked for its help."""

    # The subcommand that was called last: an error is said by its options.
    called: click.Command | None = None

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args and not ctx.resilient_parsing:
            # As click 8.2 does by itself, but its error would come out of main() as one line.
            terminal.say(ctx.get_help())
            sys.exit(2)
        return super().parse_args(ctx, args)

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        with _reader_may_go():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        with _reader_may_go():
            return super().invoke(ctx)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name, self.called, rest = super().resolve_command(ctx, args)
        return name, self.called, rest

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            if ctx.resilient_parsing or cmd_name.startswith("-"):
                return None
            near = did_you_mean(cmd_name, _COMMANDS)
            raise click.UsageError(f"No such command {shortened(cmd_name)}{near}", ctx=ctx)
        module = importlib.import_module(f"secondpass.cli.{_COMMANDS[cmd_name][0]}")
        command: click.Command = module.command
        fit(command)
        if ctx.resilient_parsing:  # as it is where a shell completes
            from secondpass.cli.completion import complete_files

            complete_files(command)
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        named = [item for item in _COMMANDS.items() if item[0].startswith(incomplete)]
        commands = [CompletionItem(name, help=line) for name, (_, line) in named]
        # click's own for a group loads every command to ask it for its help.
        return commands + click.Command.shell_complete(self, ctx, incomplete)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in _COMMANDS.items()])


@click.command(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="secondpass")
def group() -> None:
    """Rerank search results with a cross-encoder, on this machine."""


fit(group)


def main(arguments: list[str] | None = None) -> int:
    """Run the command. An error of ours is one line on standard error and exit status 2."""
    try:
        terminal.open_closed_streams()
        if COMPLETION_VARIABLE in os.environ:
            from secondpass.cli import completion

            completion.prepare()
        with _warnings_as_lines():
            status = group.main(args=arguments, prog_name="secondpass", standalone_mode=False)
        _flush()
        # Some commands return their result, for `verify`; only a number is an exit status.
        return status if isinstance(status, int) else 0
    except click.ClickException as error:
        _fail(_with_hint(error), 2)
    except (click.Abort, KeyboardInterrupt):
        _fail("interrupted", INTERRUPTED)
    except BrokenPipeError:
        _leave_quietly()
    except SecondpassError as error:
        from secondpass.cli.wording import told

        _fail(told(error, group.called), 2)
    except OSError as error:
        _let_go_of_output()
        _fail(_in_words(error), 1)
    except MemoryError as error:
        _fail(f"out of memory: {error}".rstrip(": "), 1)


@contextmanager
def _reader_may_go() -> Iterator[None]:
    """End quietly if whoever reads standard output goes away; click itself would end with 1."""
    try:
        yield
    except BrokenPipeError:
        _leave_quietly()


@contextmanager
def _warnings_as_lines() -> Iterator[None]:
    """Show each warning as one line, without the line of source that Python adds."""

    def show(message: Warning | str, *_where: Any, **_more: Any) -> None:
        _say(f"warning: {message}")

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield


def _with_hint(error: click.ClickException) -> str:
    """Return a usage error's message and the help that says more."""
    if isinstance(error, click.NoSuchOption):  # click names what is hardly alike
        near = [one for one in error.possibilities or () if did_you_mean(error.option_name, [one])]
        error = click.NoSuchOption(error.option_name, possibilities=near, ctx=error.ctx)
    context = getattr(error, "ctx", None)
    message = error.format_message().rstrip(".")
    if not context:
        return message
    joint = " See" if message.endswith("?") else "; see"
    return f"{message}{joint} '{context.command_path} --help'"


def _in_words(error: OSError) -> str:
    """Return the system's reason and the file, without the number."""
    reason = error.strerror or str(error) or type(error).__name__
    return reason if error.filename is None else f"{error.filename}: {reason}"


def _fail(message: str, status: int) -> NoReturn:
    _say(message)
    sys.exit(status)


def _say(message: str) -> None:
    line = _QUOTED.sub(r"\1\2...\1", " ".join(message.split()))
    terminal.say(f"secondpass: {line if len(line) <= _LONGEST else line[:_LONGEST] + '...'}")


def _let_go_of_output() -> None:
    """Drop what standard output does not take, else the flush at exit is a second error."""
    try:
        _flush()
    except OSError:
        terminal.drop(sys.stdout)


def _flush() -> None:
    if sys.stdout is not None:  # as it is where the caller closed it
        sys.stdout.flush()


def _leave_quietly() -> NoReturn:
    """End after the reader of a pipe went away, as `head` does, without a word."""
    terminal.drop(sys.stdout)
    sys.exit(141)
