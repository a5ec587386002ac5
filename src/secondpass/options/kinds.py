"""What kinds of values an option takes; each checks a value, and the command makes a type of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from secondpass import checks
from secondpass.errors import Argument, InputError


class Kind(Protocol):
    """Checks a value that is not None."""

    def checked(self, name: str, value: Any, also: str) -> Any:
        """Return the value as it is kept; `also` says for an error what else may be.

        Raises:
            InputError: it is not of this kind; the message names it and what is allowed.
        """
        ...


@dataclass(frozen=True, slots=True)
class Integer:
    """An integer from `least` to `most`."""

    least: int = 1
    most: int = checks.MOST_INTEGER

    def checked(self, name: str, value: Any, also: str) -> int:
        """Return the value as an int."""
        return checks.integer(name, value, self.least, self.most, also=also)


class DefaultLength(int):
    """A length that nobody gave: where a model reads less, it is that. It shows as a number."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Length(Integer):
    """An integer of at least 1; one that nobody gave stays told apart."""

    def checked(self, name: str, value: Any, also: str) -> int:
        """Return the value as an int, or as it is if it is the default."""
        if isinstance(value, DefaultLength):
            return value
        return Integer.checked(self, name, value, also)


@dataclass(frozen=True, slots=True)
class Number:
    """A finite number within the bounds that are given; `unit` is said in an error."""

    least: float | None = None
    above: float | None = None
    below: float | None = None
    unit: str = ""

    def checked(self, name: str, value: Any, also: str) -> float:
        """Return the value as a float."""
        number = checks.finite_number(value)
        outside = number is not None and (
            (self.least is not None and number < self.least)
            or (self.above is not None and number <= self.above)
            or (self.below is not None and number >= self.below)
        )
        if number is None or outside:
            raise InputError(
                Argument(name), f" is {checks.described(value)}, expected {self._expected}{also}"
            )
        return number

    @property
    def _expected(self) -> str:
        bound = "" if self.least is None else f" of at least {self.least:g}"
        bound += "" if self.above is None else f" above {self.above:g}"
        bound += "" if self.below is None else f" and below {self.below:g}"
        return f"{f'{self.unit}, ' if self.unit else ''}a finite number{bound}"


@dataclass(frozen=True, slots=True)
class Choice:
    """One of some words."""

    words: tuple[str, ...]

    def checked(self, name: str, value: Any, also: str) -> str:
        """Return the word."""
        return checks.one_of(name, value, self.words)


@dataclass(frozen=True, slots=True)
class Choices:
    """Some of some words."""

    words: tuple[str, ...]

    def checked(self, name: str, value: Any, also: str) -> tuple[str, ...]:
        """Return the words."""
        if isinstance(value, str) or not isinstance(value, Iterable):
            raise InputError(
                f"{name} is {checks.described(value)}, expected some of {', '.join(self.words)}"
            )
        return tuple(checks.one_of(name, word, self.words) for word in value)


@dataclass(frozen=True, slots=True)
class Texts:
    """Any number of strings that are not empty; `expected` is said in an error."""

    expected: str

    def checked(self, name: str, value: Any, also: str) -> tuple[str, ...]:
        """Return the strings."""
        if isinstance(value, str) or not isinstance(value, Iterable):
            raise InputError(
                Argument(name), f" is {checks.described(value)}, expected {self.expected}"
            )
        return tuple(checks.path(name, one, self.expected) for one in value)


@dataclass(frozen=True, slots=True)
class Text:
    """A string or a path that is not empty, kept as a string; `expected` is said in an error."""

    expected: str

    def checked(self, name: str, value: Any, also: str) -> str:
        """Return the value as a string."""
        return checks.path(name, value, f"{self.expected}{also}")


@dataclass(frozen=True, slots=True)
class FreeText:
    """A string of at most `most` characters, which may be empty."""

    most: int

    def checked(self, name: str, value: Any, also: str) -> str:
        """Return the string."""
        if not isinstance(value, str):
            raise InputError(
                Argument(name), f" is {checks.described(value)}, expected a text{also}"
            )
        if len(value) > self.most:
            raise InputError(
                Argument(name),
                f" has {len(value):,} characters, expected at most {self.most:,}: it is read with "
                "every text",
            )
        if not value.isascii() and value.encode("utf-8", "replace").decode() != value:
            raise InputError(
                Argument(name),
                f" {checks.shortened(value)} has a lone surrogate, which is not valid Unicode text",
            )
        return checks.plain_text(value)


@dataclass(frozen=True, slots=True)
class YesOrNo:
    """True or False, Python's or numpy's."""

    def checked(self, name: str, value: Any, also: str) -> bool:
        """Return the value."""
        return checks.yes_or_no(name, value)


@dataclass(frozen=True, slots=True)
class TwoModels:
    """A sequence of two models."""

    def checked(self, name: str, value: Any, also: str) -> tuple[str, str]:
        """Return their names."""
        if not isinstance(value, Sequence) or isinstance(value, str) or len(value) != 2:
            raise InputError(
                Argument(name),
                f" is {checks.described(value)}, expected two models, such as "
                "['embedded/cross-encoder', 'BAAI/bge-reranker-base']",
            )
        first, second = (checks.path(name, model, "two models by name") for model in value)
        return first, second
