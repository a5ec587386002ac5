"""Tables of docs/ are made of the dataclasses; options.md names every option."""

import inspect
import re

import pytest

from scripts.options_page import DOCS, PAGES, page
from secondpass import CrossEncoderReranker, SearchPipeline
from secondpass.cli import rerank, search

PAGE = (DOCS / "reference" / "options.md").read_text()
NAMED = set(re.findall(r"`([^`]+)`", PAGE))
# What is ranked, not how; and how the command is called.
SUBJECTS = {"self", "query", "candidates", "texts", "index", "reranker"}
CALLS = {"--index", "--json", "--server"}


@pytest.mark.parametrize(
    "function",
    [
        CrossEncoderReranker.__init__,
        CrossEncoderReranker.rerank,
        CrossEncoderReranker.rank,
        SearchPipeline.__init__,
        SearchPipeline.search,
    ],
    ids=lambda function: function.__qualname__,
)
def test_every_option_of_python_is_named(function):
    assert set(inspect.signature(function).parameters) - SUBJECTS <= NAMED


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_current(name):
    text = (DOCS / name).read_text()
    assert page(name, text) == text, "make options-page"


def test_the_commands_options_are_those_of_the_page():
    options = {
        option
        for command in (rerank.command, search.command)
        for parameter in command.params
        if parameter.param_type_name == "option"
        for option in parameter.opts
    }
    assert {name for name in NAMED if name.startswith("--")} == options - CALLS
