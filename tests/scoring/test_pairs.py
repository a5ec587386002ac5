import numpy as np
import pytest

from secondpass.errors import InputError, ModelFileError
from secondpass.models.tokenizer import load_tokenizer
from secondpass.scoring.cuts import room_for_text, truncate
from secondpass.scoring.encode import Encoded, TextEncoder
from secondpass.scoring.pairs import read_pair_layout, read_single_layout

FAMILIES = ["bert", "roberta", "xlm-roberta", "electra", "distilbert", "modernbert"]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("text", ["a csv file", "", "Ünïcode ☃ 读取 שלום"])
def test_a_joined_pair_is_what_the_tokenizer_itself_makes(parity, family, text):
    tokenizer = load_tokenizer(parity / family / "tokenizer.json")
    layout = read_pair_layout(tokenizer)
    query_ids, text_ids = TextEncoder(tokenizer, threads=1).encode(["read a file", text])
    expected = tokenizer.encode("read a file", text)
    pair = layout.join(query_ids, text_ids)
    assert pair.ids.tolist() == expected.ids
    assert pair.types.tolist() == expected.type_ids
    assert layout.special_tokens == tokenizer.num_special_tokens_to_add(is_pair=True)


def test_single_layout_is_the_tokenizers(parity):
    tokenizer = load_tokenizer(parity / "bert-embedder" / "tokenizer.json")
    before, after = read_single_layout(tokenizer)
    (ids,) = TextEncoder(tokenizer, threads=1).encode(["read a file"])
    assert np.concatenate((before, ids, after)).tolist() == tokenizer.encode("read a file").ids


def test_the_tokenizers_own_truncation_and_padding_are_switched_off(parity, tmp_path):
    from tokenizers import Tokenizer

    limited = Tokenizer.from_file(str(parity / "bert" / "tokenizer.json"))
    limited.enable_truncation(8)
    limited.enable_padding(length=8)
    limited.save(str(tmp_path / "tokenizer.json"))
    encoder = TextEncoder(load_tokenizer(tmp_path / "tokenizer.json"), threads=1)
    short, long = encoder.encode(["a", "word " * 30])
    assert len(short) == 1
    assert len(long) >= 30


def test_one_thread_and_many_give_the_same_ids(parity, documents):
    tokenizer = load_tokenizer(parity / "bert" / "tokenizer.json")
    one = TextEncoder(tokenizer, threads=1).encode(documents)
    many = TextEncoder(tokenizer, threads=10_000).encode(documents)
    assert [ids.tolist() for ids in one] == [ids.tolist() for ids in many]


def test_a_tokenizer_without_a_pair_template_is_refused(parity, tmp_path):
    from tokenizers import Tokenizer, processors

    tokenizer = Tokenizer.from_file(str(parity / "bert" / "tokenizer.json"))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A", pair="$B $A", special_tokens=[]
    )
    with pytest.raises(ModelFileError, match="query before its text"):
        read_pair_layout(tokenizer)


def test_a_broken_tokenizer_is_named(tmp_path):
    file = tmp_path / "tokenizer.json"
    file.write_text("{")
    with pytest.raises(ModelFileError, match=r"tokenizer\.json"):
        load_tokenizer(file)


def test_a_query_without_room_names_all_three_numbers():
    assert room_for_text(10, 3, 14) == 1
    with pytest.raises(InputError, match=r"12 tokens.*max_length is 15.*3 are special.*at most 11"):
        room_for_text(12, 3, 15)


def test_cut_keeps_the_beginning():
    # Of a text of nine tokens the encoder kept five.
    cut = truncate(Encoded(np.arange(5, dtype=np.int32), 9), 3)
    assert [part.tolist() for part in cut.parts] == [[0, 1, 2]]
    assert (cut.tokens, cut.dropped_tokens) == (3, 6)
    whole = truncate(Encoded(np.arange(2, dtype=np.int32), 2), 3)
    assert (whole.tokens, whole.dropped_tokens) == (2, 0)


def test_long_texts_are_encoded_a_few_at_a_time_and_show_as_too_long(parity, monkeypatch):
    from secondpass.scoring import encode

    tokenizer = load_tokenizer(parity / "bert" / "tokenizer.json")
    texts = ["lock", "a file " * 40, "", "row " * 3, "date " * 60, "x"]
    whole = TextEncoder(tokenizer, threads=1).encode(texts)
    monkeypatch.setattr(encode, "CHARACTERS_AT_A_TIME", 20)
    assert [len(group) for group in encode.text_groups(texts)] == [1, 1, 2, 1, 1]
    few = TextEncoder(tokenizer, threads=1).encode(texts, 5)
    assert [len(ids) for ids in few] == [min(6, len(ids)) for ids in whole]
    for part, ids in zip(few, whole, strict=True):
        assert part.tolist() == ids[:6].tolist()
