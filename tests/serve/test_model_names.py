"""What a server calls its models, and what it says of a name that it does not have."""

import pytest

from secondpass.options.model import RerankerOptions
from secondpass.serve.contract import UnknownModel
from secondpass.serve.models import ModelEntry, ModelNames

NAMES = ModelNames(
    [
        ModelEntry("embedded/cross-encoder", RerankerOptions(), ("rerank-v3.5",)),
        ModelEntry("accurate", RerankerOptions(model_name="embedded/accurate")),
    ]
)


@pytest.mark.parametrize("name", ["embedded/cross-encoder", "rerank-v3.5", None])
def test_the_first_model_answers_to_all_its_names(name):
    assert NAMES.find(name).name == "embedded/cross-encoder"


@pytest.mark.parametrize("name", ["embedded/accurate", "rerank-v4", "x" * 500])
def test_a_name_that_is_not_there_says_what_is_and_the_way_out(name):
    with pytest.raises(UnknownModel) as told:
        NAMES.find(name)
    said = str(told.value)
    for known in ("embedded/cross-encoder", "rerank-v3.5", "accurate"):
        assert known in said
    if name == "embedded/accurate":
        assert said.endswith("ask for 'accurate', which is that model here")
    else:
        assert said.endswith("start the server with --also MODEL or --name NAME")
    assert len(said) < 400
