"""Whatever stands in a folder's files, loading ends in a named error or in finite scores."""

import json
import math
import shutil
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from secondpass import CrossEncoderReranker
from secondpass.errors import SecondpassError
from secondpass.models.config import Config

pytestmark = pytest.mark.timeout(120)
BOUNDED = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
# No whole numbers near those of the model alone: limits and beyond.
NUMBERS = st.one_of(
    st.integers(-2, 700),
    st.sampled_from([2**31 - 1, 2**31, 2**32, 2**63, 2**64, 10**30, -(2**31), -(10**30)]),
    st.floats(allow_nan=True, allow_infinity=True),
)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4)
    ),
    max_leaves=6,
)
# What decides the engine is left alone, so that torch is not loaded.
KEYS = sorted(set(Config.__struct_fields__) - {"model_type", "hidden_act"})


@pytest.fixture(scope="module")
def folder(parity, tmp_path_factory):
    return shutil.copytree(parity / "bert", tmp_path_factory.mktemp("fuzzed") / "model")


@pytest.fixture
def whole(folder, parity):
    """The folder as it was before every test."""
    shutil.copytree(parity / "bert", folder, dirs_exist_ok=True)
    return folder


def named_or_finite(folder):
    try:
        reranker = CrossEncoderReranker(folder, 32, precision="fp32", activation="identity")
        scores = reranker.predict([("read a file", "csv"), ("q", "the date and the time " * 3)])
    except SecondpassError as error:
        assert "\n" not in str(error)  # noqa: PT017 - either is right
        assert len(str(error).replace(str(folder), "")) < 600  # noqa: PT017
        return
    assert np.isfinite(scores).all()


@BOUNDED
@given(changes=st.dictionaries(st.sampled_from(KEYS), VALUES, min_size=1, max_size=3))
def test_any_config(whole, parity, changes):
    config = json.loads((parity / "bert" / "config.json").read_text())
    (whole / "config.json").write_text(json.dumps(config | changes))
    named_or_finite(whole)


def places(value, path=()):
    """Yield the path of every part of a JSON value, not into the vocabulary."""
    yield path
    if isinstance(value, dict) and path != ("model", "vocab"):
        for key, inner in value.items():
            yield from places(inner, (*path, key))
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            yield from places(inner, (*path, at))


TOKENIZER = json.loads(
    (Path(__file__).parents[1] / "parity" / "bert" / "tokenizer.json").read_text()
)
PARTS = st.sampled_from(
    [
        {"type": "Replace", "pattern": {"String": ""}, "content": "ab"},
        {"type": "Prepend", "prepend": "a"},
        {"type": "Lowercase"},
        {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
        {"type": "Metaspace", "replacement": "_", "prepend_scheme": "always", "split": True},
        {"type": "Split", "pattern": {"Regex": "(a+)+"}, "behavior": "Removed", "invert": True},
        {"type": "WordLevel", "vocab": {"a": 0}, "unk_token": "a"},
        {"type": "Unigram", "unk_id": 0, "vocab": [["a", -1.0]], "byte_fallback": False},
    ]
)


@BOUNDED
@given(path=st.sampled_from(sorted(places(TOKENIZER), key=repr)), value=VALUES | PARTS)
def test_any_part_of_a_tokenizer(whole, path, value):
    changed = json.loads(json.dumps(TOKENIZER))
    inner = {"whole": changed}
    *above, last = ("whole", *path)
    for key in above:
        inner = inner[key]
    inner[last] = value
    text = json.dumps(changed if path else value)
    (whole / "tokenizer.json").write_text(text)
    named_or_finite(whole)


DTYPES = ("F64", "F32", "F16", "BF16", "I64", "I8", "U8", "BOOL", "F8_E4M3", "F4", "C64", "X", "")


@BOUNDED
@given(
    at=st.integers(0, 54),
    dtype=st.sampled_from(DTYPES) | VALUES,
    shape=st.lists(st.integers(-1, 700) | st.just(2**62), max_size=4) | VALUES,
    offsets=st.lists(st.integers(-1, 200_000) | st.just(2**63), min_size=2, max_size=2) | VALUES,
    which=st.sets(st.sampled_from(["dtype", "shape", "data_offsets"]), min_size=1),
)
def test_any_header_of_weights(whole, parity, at, dtype, shape, offsets, which):
    data = (parity / "bert" / "model.safetensors").read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    entries = json.loads(data[8 : 8 + size])
    entries.pop("__metadata__", None)
    name = sorted(entries)[at % len(entries)]
    given = {"dtype": dtype, "shape": shape, "data_offsets": offsets}
    entries[name].update({key: given[key] for key in which})
    header = json.dumps(entries).encode()
    written = struct.pack("<Q", len(header)) + header + data[8 + size :]
    (whole / "model.safetensors").write_bytes(written)
    named_or_finite(whole)


@BOUNDED
@given(
    name=st.sampled_from(["config.json", "tokenizer.json", "model.safetensors"]),
    at=st.floats(0, 1, exclude_max=True),
    put=st.binary(min_size=1, max_size=8),
    cut=st.booleans(),
)
def test_any_bytes(whole, parity, name, at, put, cut):
    shutil.copytree(parity / "bert", whole, dirs_exist_ok=True)
    data = (parity / "bert" / name).read_bytes()
    # Half of the changes fall in the first kilobyte, where a header stands.
    place = math.floor(at * 2 * 1024) if at < 0.5 else math.floor(at * len(data))
    place = min(place, len(data))
    rest = b"" if cut else data[place + len(put) :]
    (whole / name).write_bytes(data[:place] + put + rest)
    named_or_finite(whole)
