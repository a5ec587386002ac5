"""secondpass completion."""

from __future__ import annotations

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ZshComplete,
    add_completion_class,
    get_completion_class,
)

from secondpass.cli import COMPLETION_VARIABLE, output
from secondpass.cli.options import Words

SHELLS = ("bash", "fish", "zsh")
# click's asks once for words and once more for files, and splits a description at each comma. Files
# are fish's own, which knows "~", variables and --option=file.
_FISH = """\
function %(complete_func)s_ask
    set -l line (commandline -cp)
    if test "$line" != "$%(complete_func)s_line"
        set -g %(complete_func)s_line $line
        set -g %(complete_func)s_answer (env %(complete_var)s=fish_complete \
COMP_WORDS=$line COMP_CWORD=(commandline -ct) %(prog_name)s)
    end
end

function %(complete_func)s_words
    %(complete_func)s_ask
    for item in $%(complete_func)s_answer
        set -l parts (string split --max 1 "," -- $item)
        test $parts[1] = plain; and echo $parts[2]
    end
end

function %(complete_func)s_files
    %(complete_func)s_ask
    string match --quiet -r '^(file|dir),' -- $%(complete_func)s_answer
end

complete --command %(prog_name)s --no-files --arguments "(%(complete_func)s_words)"
complete --command %(prog_name)s --force-files --condition %(complete_func)s_files
"""
# click's puts a value in the place of the whole --option=value.
_ZSH = """\
#compdef %(prog_name)s

%(complete_func)s() {
    local -a items words_alone words_described
    local type value help
    items=("${(@f)$(env COMP_WORDS="${words[*]}" COMP_CWORD=$((CURRENT-1)) \
%(complete_var)s=zsh_complete %(prog_name)s)}")
    [[ $PREFIX == -*=* ]] && compset -P 1 "*="

    for type value help in $items; do
        if [[ $type == plain && $help == _ ]]; then
            words_alone+=("$value")
        elif [[ $type == plain ]]; then
            words_described+=("$value:$help")
        elif [[ $type == dir ]]; then
            _path_files -/
        elif [[ $type == file ]]; then
            _path_files -f
        fi
    done
    (( $#words_described )) && _describe -V unsorted words_described
    (( $#words_alone )) && compadd -V unsorted -a words_alone
    return 0
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    %(complete_func)s "$@"
else
    compdef %(complete_func)s %(prog_name)s
fi
"""


class _Bash(BashComplete):
    def get_completion_args(self) -> tuple[list[str], str]:
        """Return the words; bash gives those of --option=value as three."""
        words, last = super().get_completion_args()
        before = ["", *words]
        pairs = zip(before, words, strict=False)
        return [word for one, word in pairs if word != "=" or not one.startswith("--")], last


class _Zsh(ZshComplete):
    source_template = _ZSH


class _Fish(FishComplete):
    source_template = _FISH

    def format_completion(self, item: CompletionItem) -> str:
        """Return a completion with the option that stands before it in its word."""
        _, last = self.get_completion_args()
        option, equals, _ = last.partition("=")
        if item.type == "plain" and equals and option.startswith("-"):
            item = CompletionItem(f"{option}={item.value}", item.type, item.help)
        return super().format_completion(item)


def prepare() -> None:
    """Let shells ask for completions by the classes above."""
    for kind, shell in ((_Bash, "bash"), (_Zsh, "zsh"), (_Fish, "fish")):
        add_completion_class(kind, shell)


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
    prepare()
    kind = get_completion_class(shell)
    assert kind is not None
    root = context.find_root().command
    output.show(kind(root, {}, "secondpass", COMPLETION_VARIABLE).source())


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
