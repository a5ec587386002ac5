"""JSON Lines read in one way, and files that are there whole or not at all."""

import gzip

import pytest

from secondpass import InputError
from secondpass.atomic import beside, replacing, write_text
from secondpass.jsonl import read_objects


def test_objects_come_with_the_line_they_are_on(tmp_path):
    file = tmp_path / "rows.jsonl"
    file.write_text('\ufeff{"a": 1}\n\n  \n{"b": "\u2028"}\r\n')
    found = list(read_objects(file))
    assert [row for _, row in found] == [{"a": 1}, {"b": "\u2028"}]
    assert [str(where) for where, _ in found] == [f"{file} line 1", f"{file} line 4"]
    assert [where.number for where, _ in found] == [1, 4]


def test_a_gzipped_file_is_read_alike(tmp_path):
    file = tmp_path / "rows.jsonl.gz"
    file.write_bytes(gzip.compress(b'{"a": 1}\n'))
    assert [row for _, row in read_objects(file)] == [{"a": 1}]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 2 is not valid JSON: Expecting property name"),
        ("[" * 100_000, "line 2 is not valid JSON: it is nested too deeply"),
        ('["a"]', 'line 2 is the list ["a"], expected an object'),
        ("3", "line 2 is the number 3, expected an object"),
    ],
)
def test_a_line_that_is_not_an_object_is_named(tmp_path, line, message):
    file = tmp_path / "rows.jsonl"
    file.write_text('{"a": 1}\n' + line)
    with pytest.raises(InputError) as error:
        list(read_objects(file))
    assert str(error.value).startswith(f"{file} {message}")


def test_a_file_is_replaced_only_when_all_is_written(tmp_path):
    file = tmp_path / "new" / "result.json"
    write_text(file, "old")

    def fail_halfway():
        with replacing(file) as written:
            written.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail_halfway()
    assert file.read_text() == "old"
    write_text(file, "new é")
    assert file.read_text(encoding="utf-8") == "new é"
    assert list(file.parent.iterdir()) == [file]


def test_what_is_not_moved_to_its_place_is_removed(tmp_path):
    with beside(tmp_path / "folder") as written:
        written.mkdir()
        (written / "graph").write_text("x")
        assert written.name == "folder"
    assert list(tmp_path.iterdir()) == []
