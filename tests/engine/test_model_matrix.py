"""Every kind of model beside sentence-transformers; needs the extra: make test-extras."""

import json

import pytest

pytest.importorskip("sentence_transformers", reason="needs the torch extra: make test-extras")
pytest.importorskip("jinja2", reason="needs the chat extra")

from scripts.model_matrix import KINDS, REFUSED, compare, refusal
from scripts.models_page import PARITY_FILE


@pytest.fixture(scope="module")
def seen():
    return json.loads(PARITY_FILE.read_text())


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")
def test_scores_are_the_peer_s_in_a_batch_and_alone(name, tmp_path, seen):
    found = compare(name, tmp_path)
    assert found.difference <= KINDS[name].tolerance
    # Scores that are alike would agree whatever is computed.
    assert found.spread > 1e-2
    assert found.engine == KINDS[name].engine == seen["kinds"][name]["engine"]


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")
def test_what_is_refused_says_what_the_page_says(name, tmp_path, seen):
    # Figures of a refusal depend on the processor.
    begins = seen["refused"][name][:40]
    assert refusal(name, tmp_path).startswith(begins)


def test_the_page_has_every_kind(seen):
    assert set(seen["kinds"]) == set(KINDS)
    assert set(seen["refused"]) == set(REFUSED)
