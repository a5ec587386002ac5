"""Which models are served: names and options, known before any is loaded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from secondpass.errors import InputError
from secondpass.options.model import RerankerOptions
from secondpass.serve.contract import UnknownModel


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """A model that may be asked for by its name or an alias."""

    name: str
    options: RerankerOptions
    aliases: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Return all names that it answers to."""
        return (self.name, *self.aliases)


class ModelNames:
    """Finds an entry by what a request calls it; the first entry is the default.

    Raises:
        InputError: two entries have the same name, or there is none.
    """

    def __init__(self, entries: Sequence[ModelEntry]) -> None:
        if not entries:
            raise InputError("no model is named: a server needs one at least")
        self.entries = tuple(entries)
        self._by_name: dict[str, ModelEntry] = {}
        for entry in entries:
            for name in entry.names:
                if name in self._by_name:
                    raise InputError(f"two models are called {name[:80]!r}: name each once")
                self._by_name[name] = entry

    def find(self, name: str | None) -> ModelEntry:
        """Return the entry of a name, the first for None.

        Raises:
            UnknownModel: no entry has this name.
        """
        if name is None:
            return self.entries[0]
        if name not in self._by_name:
            same = (one.name for one in self.entries if name in one.options.models)
            raise UnknownModel(name, list(self._by_name), next(same, None))
        return self._by_name[name]
