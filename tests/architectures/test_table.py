"""The table of architectures against the builders and the fixtures that go with it."""

import json

import pytest

from secondpass.architectures.recognise import architecture_of
from secondpass.architectures.table import ARCHITECTURES
from secondpass.graph.build import builder_of


@pytest.mark.parametrize("architecture", ARCHITECTURES.values(), ids=ARCHITECTURES)
def test_each_architecture_names_a_builder_that_is_there(architecture):
    assert callable(builder_of(architecture))


def test_each_architecture_has_a_parity_fixture_or_is_another_name_of_one(parity):
    """CamemBERT is RoBERTa's record under another name; the late-join model is made by a test."""
    fixtures = {
        architecture_of(json.loads(config.read_text())) for config in parity.glob("*/config.json")
    }
    assert set(ARCHITECTURES) - fixtures == {"camembert", "late-join-bert"}


def test_a_record_stands_under_the_model_type_of_its_config():
    assert [record.name for record in ARCHITECTURES.values()] == list(ARCHITECTURES)
