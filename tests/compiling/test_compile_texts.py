"""Which text calibrates and which compares; they never meet."""

import json

import pytest

from secondpass import InputError
from secondpass.compiling.texts import read_texts


def write(file, rows):
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def numbered(count):
    return [{"query": f"query {at}", "text": f"text {at}"} for at in range(count)]


def test_every_fifth_row_is_held_out(tmp_path):
    found = read_texts(write(tmp_path / "rows.jsonl", numbered(60)))
    assert len(found.calibration) == 48
    assert found.queries == tuple(f"query {at}" for at in range(4, 60, 5))
    assert found.texts == tuple(f"text {at}" for at in range(4, 60, 5))
    assert found.source.endswith("rows.jsonl")


def test_what_calibrates_is_not_compared_even_where_the_file_repeats_it(tmp_path):
    rows = numbered(60)
    rows[4] = {"query": "query 0", "text": "text 1"}  # held out, both parts also calibrate
    found = read_texts(write(tmp_path / "rows.jsonl", rows))
    seen = {row["query"] for row in found.calibration} | {row["text"] for row in found.calibration}
    assert seen.isdisjoint(found.queries)
    assert seen.isdisjoint(found.texts)
    assert len(found.queries) == len(found.texts) == 11


def test_of_a_long_file_rows_from_its_whole_length_are_taken(tmp_path):
    found = read_texts(write(tmp_path / "rows.jsonl", numbered(4000)))
    assert len(found.calibration) == 320
    assert found.calibration[-1]["text"] == "text 3980"
    assert len(found.queries) == 20
    assert len(found.texts) == 50


def test_the_shipped_text_is_enough_for_both():
    found = read_texts(None)
    assert len(found.queries) == 20
    assert len(found.texts) == 50
    assert found.source == "the text that ships"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 61 is not valid JSON"),
        ("[]", "line 61 is the list"),
        ('{"query": "a"}', r"line 61 has neither 'text' nor 'positive', only \['query'\]"),
        ('{"query": "a", "text": null}', "line 61: 'text' is None"),
        ('{"query": "a", "positive": []}', r"line 61: 'positive' is \[\]"),
        ('{"text": "a"}', "line 61: 'query' is None"),
        ('{"query": " ", "text": "a"}', "line 61: 'query' is ' '"),
        ('{"query": "a", "text": 5}', "line 61: 'text' is 5"),
    ],
)
def test_a_line_that_is_no_row_is_named(tmp_path, line, message):
    file = write(tmp_path / "rows.jsonl", numbered(60))
    file.write_text(f"{file.read_text()}{line}\n")
    with pytest.raises(InputError, match=message):
        read_texts(file)


def test_the_examples_of_training_calibrate_too(tmp_path):
    rows = [
        {"query": f"query {at}", "positive": f"text {at}", "negatives": ["no"]} for at in range(60)
    ]
    rows[0]["text"] = "rather this"
    found = read_texts(write(tmp_path / "pairs.jsonl", rows))
    expected = read_texts(write(tmp_path / "rows.jsonl", numbered(60)))
    assert (found.queries, found.texts) == (expected.queries, expected.texts)
    assert found.calibration[0] == {"query": "query 0", "text": "rather this"}
    assert found.calibration[1:] == expected.calibration[1:]


def test_too_few_rows_say_how_many_are_needed(tmp_path):
    rows = numbered(59)
    with pytest.raises(InputError, match="59 different rows, at least 60"):
        read_texts(write(tmp_path / "rows.jsonl", [*rows, rows[0]]))
    with pytest.raises(InputError, match="cannot be read"):
        read_texts(tmp_path / "nowhere.jsonl")
