"""Files to text: encodings, line ends, bounds, and what is said of a file that is no text."""

import gzip
import io

import pytest

from secondpass import InputError, utf8
from secondpass.utf8 import read_lines, read_text, stream_lines

TEXT = 'é 中 😀\r\n{"a": "b"}\n\nlast'
LINES = ["é 中 😀\r\n", '{"a": "b"}\n', "\n", "last"]


def lines(data):
    return list(stream_lines(io.BytesIO(data), "FILE"))


@pytest.fixture(params=[1, 7, 2**18], ids=lambda size: f"pieces of {size}")
def piece(request, monkeypatch):
    # An encoding is known by the first piece, so that a short one holds the mark.
    monkeypatch.setattr(utf8, "_PIECE", request.param)
    return request.param


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_a_mark_tells_the_encoding(encoding, piece, monkeypatch):
    monkeypatch.setattr(utf8, "_PIECE", max(piece, 4))
    assert lines(TEXT.encode(encoding)) == LINES


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("text", ["Sheep give wool.\r\n", '{"text": "羊给羊毛"}\n', "ab"])
def test_utf16_without_a_mark_is_known_by_its_nuls(encoding, text):
    assert "".join(lines(text.encode(encoding))) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\nb", ["a\n", "b"]),
        ("a\r\nb\r\n", ["a\r\n", "b\r\n"]),
        ("a\rb\rc", ["a\r", "b\r", "c"]),
        ("a\rb\nc", ["a\r", "b\n", "c"]),
        ("a\nb\rc\n", ["a\n", "b\rc\n"]),
        ("a\u2028b\x0bc\x85d\n", ["a\u2028b\x0bc\x85d\n"]),
        ("\r\n\r\n", ["\r\n", "\r\n"]),
        ("", []),
        ("\ufeff", []),
    ],
)
def test_line_ends(text, expected, piece):
    if text.startswith("\ufeff") and piece < 3:
        pytest.skip("a mark is three bytes long")
    assert lines(text.encode()) == expected


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\x1f\x8b\x08", "gzip data: unpack it with gunzip"),
        (b"PK\x03\x04", "a zip archive"),
        (b"%PDF-1.7", "a PDF document"),
        (b"PAR1", "a Parquet file"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "git lfs pull"),
        (b"\x89PNG\r\n", "a picture"),
        (b"SQLite format 3\x00", "an SQLite database"),
        ("ÿþS\0h\0".encode(), "UTF-16 that was converted as if it was Latin-1"),
        (b"a\nb\x00c", "line 2 holds a NUL character"),
        (b'{"text": "a\x00b"}', "line 1 holds a NUL character"),
        (b"one\ncaf\xe9", "byte 0xe9 at offset 7; convert it, .* iconv -f WINDOWS-1252 -t UTF-8"),
        ("“so” she said".encode("cp1252"), "iconv -f WINDOWS-1252"),
        ("中文测试".encode("gbk"), "iconv -f ENCODING"),
        ("привет".encode("koi8-r"), "iconv -f ENCODING"),
        (b"a" * 50 + b"\x9d", "iconv -f ENCODING"),
        ("é and é".encode()[:-1], "ends within a character: is it cut off"),
        (b"\xff\xfea", "not valid UTF-16-LE at byte offset 2"),
        (b"\xff\xfe" + "a".encode("utf-16-le") + b"\x00\xdc", "not valid UTF-16-LE at byte offset"),
    ],
)
def test_what_is_no_text_is_told_as_what_it_is(data, message):
    with pytest.raises(InputError, match=message) as raised:
        lines(data)
    assert str(raised.value).startswith("FILE ")


@pytest.mark.parametrize("size", [1, 3, 5])
def test_the_offset_of_a_wrong_byte_is_that_of_the_file(size, monkeypatch):
    monkeypatch.setattr(utf8, "_PIECE", size)
    with pytest.raises(InputError, match="byte 0xff at offset 12"):
        lines("é中😀abc".encode() + b"\xffx")


def test_a_line_is_bounded_however_large_the_file_unpacks(tmp_path, monkeypatch):
    monkeypatch.setattr(utf8, "LARGEST_LINE", 1000)
    monkeypatch.setattr(utf8, "_PIECE", 64)
    read = []
    packed = tmp_path / "bomb.jsonl.gz"
    packed.write_bytes(gzip.compress(b"a\n" + b"x" * 1_000_000))
    stream = gzip.open(packed)  # noqa: SIM115 - closed below
    monkeypatch.setattr(utf8, "_open", lambda file: stream)
    wrapped = stream.read
    monkeypatch.setattr(stream, "read", lambda size: read.append(size) or wrapped(size))
    with pytest.raises(InputError, match="line 2 is longer than 1,000 characters"):
        list(read_lines(packed))
    assert sum(read) < 2000
    assert stream.closed


def test_a_text_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(utf8, "LARGEST_TEXT", 100)
    file = tmp_path / "a.txt"
    file.write_text("line\n" * 20)
    assert read_text(file) == "line\n" * 20
    file.write_text("line\n" * 21)
    with pytest.raises(InputError, match="longer than 100 characters"):
        read_text(file)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"plain", "is not gzip data, though its name ends in .gz"),
        (gzip.compress(b"text" * 100)[:-12], "cannot be read: "),
        (gzip.compress(b"text")[:-8] + b"\0" * 8, "is not gzip data|cannot be read"),
    ],
)
def test_a_damaged_gzip_file(tmp_path, data, message):
    file = tmp_path / "a.gz"
    file.write_bytes(data)
    with pytest.raises(InputError, match=message):
        read_text(file)


def test_a_folder_in_place_of_a_file(tmp_path):
    with pytest.raises(InputError, match="cannot be read: Is a directory"):
        read_text(tmp_path)
