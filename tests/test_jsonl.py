"""JSON Lines: what a line may hold, and how a bad one is named."""

import pytest

from secondpass import InputError
from secondpass.jsonl import DEEPEST, read_objects

DEEP = "[" * DEEPEST + "]" * DEEPEST


@pytest.fixture
def read(tmp_path):
    file = tmp_path / "a.jsonl"

    def read(content):
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return [value for _, value in read_objects(file)]

    return read


def test_lines_with_every_end_and_blank_ones(read):
    assert read('{"a": 1}\r\n\r\n{"a": 2}') == [{"a": 1}, {"a": 2}]
    assert read('{"a": 1}\r{"a": 2}\r') == [{"a": 1}, {"a": 2}]
    assert read('{"a": "x\u2028y"}\n') == [{"a": "x\u2028y"}]


def test_a_pair_of_surrogates_is_a_character(read):
    assert read(r'{"a": "\ud83d\ude00", "b": "\\ud800"}') == [{"a": "😀", "b": "\\ud800"}]


def test_many_brackets_that_are_not_deep(read):
    rows = '{"a": [' + ",".join(['{"b": []}'] * 500) + "]}"
    assert len(read(rows)[0]["a"]) == 500
    assert read('{"a": ' + DEEP[1:-1] + "}")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (r'{"a": "\ud800"}', r"line 2: a has a lone surrogate U\+D800 at character 0"),
        (r'{"a": {"b": ["x\udfff"]}}', r"line 2: a has a lone surrogate U\+DFFF at character 1"),
        (r'{"\udc00": 1}', r"line 2: a key has a lone surrogate"),
        ('{"a": ' + DEEP + "}", "line 2 is not valid JSON: it is nested too deeply, 100 levels"),
        ('{"a": ' + "[" * 100_000, "nested too deeply"),
        ('{"a": ' + '{"a":' * 100_000, "nested too deeply"),
        ('{"a": 1, "b": 2, "a": 3}', "line 2 has the key 'a' twice"),
        ('{"' + "k" * 10**6 + '": 1, "' + "k" * 10**6 + '": 1}', "has the key 'kkk.*twice"),
        ("{" + '"a": 1, ' * 10_000 + '"a": 1}', "has the key 'a' twice"),
        ('{"a": 1' + "0" * 5000 + "}", "line 2 holds an integer of more than 4,300 digits"),
        ("<!DOCTYPE html>", "looks like a page of HTML"),
        ("  <html lang='en'>", "looks like a page of HTML"),
        ("[", "one whole object a line: jq -c"),
        ('[{"a": 1}]', r"is the list \[.*\], expected an object; .* jq -c '\.\[\]'"),
        ('"a"', "is the string 'a', expected an object"),
        ('{"a": 1}{"a": 2}', "line 2 is not valid JSON: Extra data"),
        ('{"a": "\x01"}', "line 2 is not valid JSON: Invalid control character"),
    ],
)
def test_a_bad_line_is_named(read, line, message):
    with pytest.raises(InputError, match=message) as raised:
        read('{"good": 1}\n' + line + "\n")
    assert len(str(raised.value)) < 400
