import json
import multiprocessing
import warnings
from pathlib import Path

import numpy as np
import pytest

from secondpass import CrossEncoderReranker
from secondpass.engine import load
from secondpass.engine.graph_cache import list_cached

PAIRS = [("read a file", "csv"), ("read a file", "the date and the time")]


def scores(parity, cache_dir, **options):
    reranker = CrossEncoderReranker(
        parity / "bert", 64, precision="fp32", cache_dir=cache_dir, **options
    )
    return reranker.predict(PAIRS)


@pytest.fixture
def builds(monkeypatch):
    """Count how often a graph is built."""
    calls = []
    real = load.build_graph
    monkeypatch.setattr(load, "build_graph", lambda spec: calls.append(spec.name) or real(spec))
    return calls


def test_the_second_start_builds_nothing_and_scores_the_same(parity, tmp_path, builds):
    first = scores(parity, tmp_path)
    second = scores(parity, tmp_path)
    assert len(builds) == 1
    np.testing.assert_array_equal(first, second)
    (cached,) = list_cached(tmp_path)
    assert cached.precision == "fp32"
    assert cached.bytes > 1000


def test_other_weights_or_config_make_another_graph(parity, tmp_path, builds, model_copy):
    scores(parity, tmp_path)
    folder = model_copy(layer_norm_eps=0.1)
    CrossEncoderReranker(folder, 64, precision="fp32", cache_dir=tmp_path)
    assert len(builds) == 2
    assert len(list_cached(tmp_path)) == 2


@pytest.mark.parametrize(
    "change", [{"files": []}, {"files": {}}, {"key": 5}, {"key": {}}, {"model_name": 3}]
)
def test_an_odd_manifest_is_no_graph_and_is_built_anew(parity, tmp_path, builds, change):
    scores(parity, tmp_path)
    (folder,) = (tmp_path / "graphs").iterdir()
    manifest = json.loads((folder / "manifest.json").read_text()) | change
    (folder / "manifest.json").write_text(json.dumps(manifest))
    assert list_cached(tmp_path) == []
    scores(parity, tmp_path)
    assert len(builds) == 2
    assert len(list_cached(tmp_path)) == 1


@pytest.mark.parametrize("damage", ["truncate", "flip", "no manifest", "broken manifest"])
def test_a_damaged_cache_is_built_anew(parity, tmp_path, builds, damage):
    expected = scores(parity, tmp_path)
    (folder,) = (tmp_path / "graphs").iterdir()
    weights, manifest = folder / "model.bin", folder / "manifest.json"
    if damage == "truncate":
        weights.write_bytes(weights.read_bytes()[:-10])
    elif damage == "flip":
        data = bytearray(weights.read_bytes())
        data[len(data) // 2] ^= 0xFF
        weights.write_bytes(bytes(data))
    elif damage == "no manifest":
        manifest.unlink()
    else:
        manifest.write_text("[]")
    np.testing.assert_array_equal(scores(parity, tmp_path), expected)
    assert len(builds) == 2
    assert set(json.loads(manifest.read_text())) == {"files", "key", "model_name"}


def test_a_cache_that_cannot_be_written_is_a_warning(parity, tmp_path, unwritable):
    expected = scores(parity, tmp_path)
    with pytest.warns(UserWarning, match=r"cannot be written.*SECONDPASS_CACHE_DIR"):
        np.testing.assert_array_equal(scores(parity, unwritable), expected)


def test_nothing_half_written_is_left(parity, tmp_path):
    scores(parity, tmp_path)
    assert [path.name for path in (tmp_path / "graphs").iterdir() if "writing" in path.name] == []


def _start(parity, cache_dir, results):
    results.put(scores(Path(parity), Path(cache_dir)).tolist())


def test_processes_that_start_together_share_one_graph(parity, tmp_path):
    context = multiprocessing.get_context("spawn")
    results = context.SimpleQueue()
    arguments = (str(parity), str(tmp_path), results)
    processes = [context.Process(target=_start, args=arguments) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * 4
    gathered = [results.get() for _ in processes]
    assert all(one == gathered[0] for one in gathered)
    assert len(list_cached(tmp_path)) == 1


def test_the_environment_names_the_cache(parity, tmp_path, monkeypatch):
    monkeypatch.setenv("SECONDPASS_CACHE_DIR", str(tmp_path / "here"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        CrossEncoderReranker(parity / "bert", 64, precision="fp32")
    assert list_cached(tmp_path / "here")
