"""Declares the fields of an options dataclass, and does with all fields what is the same for each.

A field made with `option` is the one place where an option is described: its check, its line in
docs/reference/options.md and its flag on the command come from there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Any, ClassVar, Protocol, TypeVar

from secondpass.checks import described, did_you_mean, shortened
from secondpass.errors import InputError
from secondpass.options.kinds import DefaultLength, Kind


@dataclass(frozen=True, slots=True)
class Option:
    """An option: its kind, one sentence on it, and how the command calls it.

    `means` says in words what the default stands for. `also` is added to an error where
    None may be given too. `page` is the page of docs/ that says more. `flag` is None for an option
    that the command does not have; `metavar` and `on_command` are what the command's help shows in
    place of the kind and the sentence.
    """

    kind: Kind
    help: str
    means: str | None = None
    also: str | None = None
    page: str | None = None
    flag: str | None = None
    metavar: str | None = None
    on_command: str | None = None


class IsDataclass(Protocol):
    """An instance or class of a dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]


D = TypeVar("D", bound=IsDataclass)


def option(default: Any, kind: Kind, text: str, **more: Any) -> Any:
    """Return a dataclass field; `more` are further fields of `Option`."""
    return field(default=default, metadata={"option": Option(kind, text, **more)})


def declared(options: IsDataclass | type[IsDataclass]) -> dict[str, tuple[Option, Any]]:
    """Return each option of a dataclass and its default, by field name."""
    return {one.name: (one.metadata["option"], one.default) for one in fields(options)}


def check_fields(options: IsDataclass) -> None:
    """Replace each value by its checked one; for `__post_init__` of a frozen dataclass.

    Raises:
        InputError: a value is not usable; the message names it and what is allowed.
    """
    for name, (one, default) in declared(options).items():
        value = getattr(options, name)
        if value is None and (default is None or one.also is not None):
            continue
        object.__setattr__(options, name, one.kind.checked(name, value, one.also or ""))


def to_dict(options: IsDataclass) -> dict[str, Any]:
    """Return the options as values that JSON has.

    A default length is left out: as a number it would be one that somebody gave.
    """
    values = {name: getattr(options, name) for name in declared(options)}
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in values.items()
        if not isinstance(value, DefaultLength)
    }


def from_dict(kind: type[D], given: Mapping[str, Any]) -> D:
    """Return the options of a dict; those that it does not have are the defaults.

    Raises:
        InputError: it is not a mapping, or a name or a value is not usable.
    """
    if not isinstance(given, Mapping):
        raise InputError(f"options are {described(given)}, expected a mapping of names")
    known = declared(kind)
    for name in given:
        if name not in known:
            raise InputError(
                f"there is no option {shortened(name)}, only {', '.join(known)}",
                did_you_mean(name, known),
            )
    return kind(**given)


def in_words(options: IsDataclass, name: str) -> str:
    """Return a call that makes the options, with those that are not the default."""
    changed = {
        key: value
        for key, (_, default) in declared(options).items()
        if (value := getattr(options, key)) != default or default is MISSING
    }
    return f"{name}({', '.join(f'{key}={value!r}' for key, value in changed.items())})"
