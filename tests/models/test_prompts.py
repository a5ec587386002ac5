"""The prompts of a bi-encoder, read as sentence-transformers reads them."""

from pathlib import Path

import pytest

from secondpass.errors import ModelFileError
from secondpass.models.prompts import Prompts, read_prompts

FILE = Path("config_sentence_transformers.json")


@pytest.mark.parametrize(
    ("modular", "expected"),
    [
        ({}, Prompts()),
        ({"prompts": {}}, Prompts()),
        ({"prompts": None}, Prompts()),
        ({"prompts": {"query": "query: "}}, Prompts("query: ", "")),
        ({"prompts": {"query": "q: ", "passage": "p: "}}, Prompts("q: ", "p: ")),
        ({"prompts": {"corpus": "c: ", "document": "d: "}}, Prompts("", "d: ")),
        ({"prompts": {"all": "a: "}, "default_prompt_name": "all"}, Prompts("a: ", "a: ")),
        (
            {"prompts": {"query": "q: ", "all": "a: "}, "default_prompt_name": "all"},
            Prompts("q: ", "a: "),
        ),
    ],
)
def test_query_and_document_prompts_are_found_by_name(modular, expected):
    assert read_prompts(modular, FILE) == expected


@pytest.mark.parametrize(
    "modular",
    [{"prompts": ["query: "]}, {"prompts": {"query": 3}}, {"default_prompt_name": "query"}],
)
def test_prompts_that_are_not_text_or_not_there_name_the_file(modular):
    with pytest.raises(ModelFileError, match=r"config_sentence_transformers\.json has"):
        read_prompts(modular, FILE)
