"""Files that are text to their text, and what their names say they are."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from secondpass.ingest.headings import Heading, Markup, headings_of
from secondpass.ingest.tables import suffix_of
from secondpass.utf8 import read_text

_MARKUP: dict[str, Markup] = {
    **dict.fromkeys((".md", ".markdown"), "markdown"),
    **dict.fromkeys((".rst", ".rest"), "rst"),
    ".txt": "plain",
}
_SOURCE_CODE = (
    *(".py", ".pyi", ".ipy", ".pyx"),
    *(".js", ".mjs", ".cjs", ".jsx", ".ts", ".mts", ".tsx", ".vue", ".svelte", ".css", ".scss"),
    *(".java", ".kt", ".kts", ".scala", ".groovy", ".clj", ".cljs"),
    *(".c", ".h", ".cc", ".cpp", ".cxx", ".hh", ".hpp", ".hxx", ".cu", ".m", ".mm"),
    *(".cs", ".fs", ".vb", ".go", ".rs", ".swift", ".zig", ".d", ".nim", ".dart"),
    *(".rb", ".php", ".pl", ".pm", ".lua", ".tcl", ".r", ".jl", ".f90", ".pas", ".ada"),
    *(".hs", ".ml", ".mli", ".ex", ".exs", ".erl", ".elm", ".lisp", ".el", ".scm"),
    *(".sh", ".bash", ".zsh", ".fish", ".ps1", ".bat", ".sql", ".proto", ".graphql", ".tf"),
)
TEXTS = (*_MARKUP, *_SOURCE_CODE)


class Page(NamedTuple):
    """Where a page or a slide begins, in characters, and its number."""

    start: int
    number: int


class Text(NamedTuple):
    """What is read of a file that is not a table; places are in characters of `text`, in order."""

    text: str
    markup: Markup
    headings: tuple[Heading, ...]
    pages: tuple[Page, ...] = ()
    title: str = ""


def read_text_file(file: Path) -> Text:
    """Return the text of a file.

    Raises:
        InputError: as `utf8.read_text`.
    """
    markup = _MARKUP.get(suffix_of(file), "plain")
    text = read_text(file)
    return Text(text, markup, tuple(headings_of(text, markup)))
