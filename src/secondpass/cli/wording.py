"""An error's message as the command says it: by its own options, and by no name of Python's."""

from __future__ import annotations

import re
from typing import Any

import click

from secondpass.errors import Argument, Either, SecondpassError
from secondpass.options.call import RankOptions
from secondpass.options.model import RerankerOptions
from secondpass.options.option import declared

_DECLARED = declared(RerankerOptions) | declared(RankOptions)
# Arguments without an option, but with a variable.
_VARIABLES = {"cache_dir": "SECONDPASS_CACHE_DIR", "local_files_only": "HF_HUB_OFFLINE=1"}

_LONG_NAMES = "|".join(name for name in _DECLARED if "_" in name)
_VALUE = r"""'[^']*'|"[^"]*"|\[[^]]*\]|[\w.+-]*\w"""
# In plain text: a quotation, which stays; an argument with its value; a name that is not a word.
_PLAIN = re.compile(
    r"""(?<!\w)'[^']*'(?!\w)|(?<!\w)"[^"]*"(?!\w)"""
    rf"|(?<![\w./\\-])(?P<given>{'|'.join(_DECLARED)})=(?P<value>{_VALUE})?"
    rf"|(?<![\w./\\-])(?P<name>{_LONG_NAMES})(?![\w/\\=-]|\.\w)"
)


def told(error: BaseException, command: click.Command | None = None) -> str:
    """Return what an error says in the words of a command, by default of the one that runs."""
    if not isinstance(error, SecondpassError):
        return str(error)
    context = click.get_current_context(silent=True)
    names = _Names(command or (context.command if context else None))
    return "".join(map(names.said, error.args))


class _Names:
    """What the arguments of Python are called on one command."""

    def __init__(self, command: click.Command | None) -> None:
        parameters = command.params if command else []
        self._flags = {
            parameter.name: _called(parameter) for parameter in parameters if parameter.name
        }
        if "model" in self._flags:
            self._flags.setdefault("model_name", self._flags["model"])
        flags = {flag for parameter in parameters for flag in parameter.opts}
        for name, (one, _) in _DECLARED.items():
            if one.flag in flags or (one.flag and not command):
                self._flags.setdefault(name, one.flag)

    def said(self, part: Any) -> str:
        """Return one part of a message."""
        if isinstance(part, Either):
            return part.command
        if isinstance(part, Argument):
            return self._argument(part.name, None if part.value is ... else str(part.value))
        return _PLAIN.sub(self._found, str(part))

    def _found(self, match: re.Match[str]) -> str:
        name = match["given"] or match["name"]
        if name is None:
            return match[0]
        return self._argument(name, (match["value"] or "").strip("'\"") or None)

    def _argument(self, name: str, value: str | None) -> str:
        if name in self._flags:
            return " ".join(filter(None, (self._flags[name], value)))
        if name in _VARIABLES:
            return _VARIABLES[name]
        shown = name if value is None else f"{name}={value}"
        return f"{shown} in Python" if name in _DECLARED else shown


def _called(parameter: click.Parameter) -> str:
    """Return an option's flag, or what the help calls an argument."""
    if isinstance(parameter, click.Option):
        return max(parameter.opts, key=len)
    return parameter.make_metavar(click.Context(click.Command(""))).strip("[].")
