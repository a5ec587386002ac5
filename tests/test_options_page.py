"""docs/reference/options.md is made of the dataclasses, and names every option there is."""

import inspect
import re
from pathlib import Path

import pytest

from scripts.options_page import page
from secondpass import CrossEncoderReranker, SearchPipeline
from secondpass.cli import rerank, search

PAGE = (Path(__file__).parent.parent / "docs" / "reference" / "options.md").read_text()
NAMED = set(re.findall(r"`([^`]+)`", PAGE))
# What is ranked, not how; and how the command is called.
SUBJECTS = {"self", "query", "candidates", "texts", "index", "reranker"}
CALLS = {"--index", "--json"}


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


def test_the_page_is_current():
    assert page(PAGE) == PAGE, "make options-page"


def test_the_commands_options_are_those_of_the_page():
    options = {
        option
        for command in (rerank.command, search.command)
        for parameter in command.params
        if parameter.param_type_name == "option"
        for option in parameter.opts
    }
    assert {name for name in NAMED if name.startswith("--")} == options - CALLS
