"""What a passage and its features may be made of."""

import numpy as np
import pytest

from secondpass import InputError
from secondpass.scoring.passage import Passage, TextFeatures
from secondpass.scoring.tokenized import TokenizedText

IDS = np.array([1, 2])


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Passage(5, TextFeatures()), "text is 5, expected text"),
        (lambda: Passage(None, TextFeatures()), "text is None"),
        (lambda: Passage(b"a", TextFeatures()), "text is b'a'"),
        (lambda: Passage("a", None), "features is None, expected TextFeatures"),
        (lambda: Passage("a", {"states": None}), "features is {'states': None}"),
        (lambda: TextFeatures(states=[1]), "states is [1], expected columns by their names"),
        (lambda: TextFeatures(states={"x": [1]}), "states is [1], expected columns that are"),
        (lambda: TextFeatures(encoder=None), "encoder is None"),
        (lambda: TextFeatures(tokenizer=3), "tokenizer is 3"),
        (lambda: TextFeatures(ids_digest="x"), "ids_digest is 'x'"),
        (lambda: Passage("a", TextFeatures(token_ids=[1])), "ids is [1], expected an array"),
        (lambda: TokenizedText("a", np.array([0.5]), "t"), "ids are float64 of shape (1,)"),
        (lambda: TokenizedText("a", IDS[None], "t"), "of shape (1, 2), expected integers"),
        (lambda: TokenizedText("a", None, "t"), "ids is None"),
        (lambda: TokenizedText(7, IDS, "t"), "text is 7"),
        (lambda: TokenizedText("a", IDS, None), "tokenizer is None"),
        (lambda: TokenizedText("a", IDS, "t", "d"), "digest is 'd'"),
    ],
)
def test_a_value_of_another_kind_is_named(make, said):
    with pytest.raises(InputError) as told:
        make()
    assert said in str(told.value)


def test_what_fits_is_taken():
    assert Passage("a", TextFeatures(token_ids=IDS, tokenizer="t", ids_digest=np.int64(5))) == "a"
    assert TokenizedText("a", IDS.astype(np.uint16), "t").ids_are_its_own
