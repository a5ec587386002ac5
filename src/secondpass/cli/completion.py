"""secondpass completion."""

from __future__ import annotations

import click
from click.shell_completion import CompletionItem, get_completion_class

from secondpass.cli import output
from secondpass.cli.options import Words

SHELLS = ("bash", "fish", "zsh")


@click.command("completion")
@click.argument("shell", type=Words(SHELLS))
@click.pass_context
def command(context: click.Context, shell: str) -> None:
    """Print the script by which SHELL completes commands, options, words and files.

    \b
    bash: eval "$(secondpass completion bash)"       in ~/.bashrc
    zsh:  eval "$(secondpass completion zsh)"        in ~/.zshrc, after compinit
    fish: secondpass completion fish | source        in config.fish
    """  # noqa: D301 - click reads the character itself
    kind = get_completion_class(shell)
    assert kind is not None
    root = context.find_root().command
    output.show(kind(root, {}, "secondpass", "_SECONDPASS_COMPLETE").source())


class _TextOrFile(click.types.StringParamType):
    """Any text; a shell completes the names of files."""

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        return [CompletionItem(incomplete, type="file")]


def complete_files(command: click.Command) -> None:
    """Let every text of a command and of its subcommands be completed as the name of a file.

    Most texts of the command are files or folders, and a shell completes files elsewhere too.
    """
    for parameter in command.params:
        if parameter.type is click.STRING:
            parameter.type = _TextOrFile()
    if isinstance(command, click.Group):
        for inner in command.commands.values():
            complete_files(inner)
