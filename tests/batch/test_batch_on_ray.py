"""Batches on Ray: the results of a call of the library, whatever the actor and the block."""

from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from batch_cases import (
    assert_equal_to_the_library,
    expected,
    read,
    rows,
    scored,
    write_rows,
)

from secondpass import RankOptions, RerankerOptions
from secondpass.batch.job import run_batch, score_here
from secondpass.batch.place import Folder, open_place
from secondpass.batch.rows import Fields
from secondpass.batch.sources import RowFile
from secondpass.errors import EngineError, InputError

pytest.importorskip("ray", reason="Ray is not installed: pip install '.[ray]'")

from secondpass.batch import on_ray
from secondpass.batch.callables import RerankRows, ScorePairs
from secondpass.batch.datasets import rerank_dataset, score_pairs

# What Ray itself and its threads leave open, or say is to change, is not what is tested.
pytestmark = [
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.timeout(240),
]
GIVEN = rows(40)


@pytest.fixture
def start(tiny_options, tmp_path):
    def run(given, *, shard_pairs=25, runner=None, **named):
        file = write_rows(tmp_path / "rows.jsonl", given)
        return run_batch(
            RowFile(file, Fields()),
            open_place(tmp_path / "out"),
            options=RerankerOptions.from_dict({**tiny_options, "threads": 1}),
            shard_pairs=shard_pairs,
            runner=runner or on_ray.OnRay(cpus=1, actors=2),
            **named,
        )

    return run


@pytest.mark.parametrize(("actors", "shard_pairs"), [(1, 25), (2, 25), (2, 10_000)])
def test_results_are_those_of_the_library_bit_for_bit(
    ray, start, library, tmp_path, actors, shard_pairs
):
    advanced = []

    @contextmanager
    def progress(_description, total):
        yield advanced.append
        assert sum(advanced) == total

    runner = on_ray.OnRay(cpus=1, actors=actors)
    outcome = start(GIVEN, shard_pairs=shard_pairs, runner=runner, progress=progress)
    assert_equal_to_the_library(tmp_path / "out", GIVEN, library)
    assert outcome.manifest.complete
    assert not list((tmp_path / "out").glob(".rows-*"))


def test_both_ways_write_the_same_files_and_go_on_from_each_other(ray, start, library, tmp_path):
    start(GIVEN)
    shards = sorted((tmp_path / "out").glob("*.parquet"))
    for shard in shards[::2]:
        shard.unlink()
    assert start(GIVEN, runner=score_here).scored == len(shards[::2])
    assert sorted((tmp_path / "out").glob("*.parquet")) == shards
    assert start(GIVEN).scored == 0
    assert_equal_to_the_library(tmp_path / "out", GIVEN, library)


def test_bad_rows_have_their_errors(ray, start, tmp_path):
    given = rows(10)
    given[2] = {"query": "q"}
    given[4]["documents"][0] = {"id": "none"}
    outcome = start(given)
    assert (outcome.manifest.failed_rows, outcome.manifest.failed_documents) == (1, 1)
    assert "has no 'documents'" in read(tmp_path / "out")[2]["error"]


class SeenElsewhere(Folder):
    """A folder that other processes have somewhere else."""

    @property
    def url(self):
        return f"{self.path}-elsewhere"


def test_nodes_that_see_another_folder_end_the_batch_in_our_words(ray, start, tmp_path):
    runner = on_ray.OnRay(cpus=1)

    def elsewhere(reranker, work, advance):
        yield from runner(reranker, replace(work, place=SeenElsewhere(tmp_path / "out")), advance)

    with pytest.raises(EngineError, match="nodes have to see the same folder"):
        start(rows(5), runner=elsewhere)


@pytest.mark.parametrize("cpus", [3, 100])
def test_an_actor_that_no_node_has_room_for_is_refused(ray, start, cpus):
    with pytest.raises(InputError, match=f"no node of the Ray cluster has {cpus} CPUs"):
        start(rows(5), runner=on_ray.OnRay(cpus=cpus))


def test_a_cluster_that_is_not_there_is_an_error_of_ours(ray, monkeypatch):
    def none(**_options):
        raise ConnectionError("could not connect")

    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "init", none)
    refused = pytest.raises(InputError, match="--ray head:6379: there is no cluster: could not")
    with refused, on_ray.connected("head:6379"):
        pass


@pytest.mark.parametrize("batch_size", [1, 64])
def test_a_dataset_of_rows_is_reranked(ray, tiny_options, library, batch_size):
    given = [
        {"name": row["id"], **{key: row[key] for key in ("query", "documents")}} for row in GIVEN
    ]
    dataset = ray.data.from_items(given, override_num_blocks=3)
    done = rerank_dataset(dataset, cpus=1, batch_size=batch_size, **tiny_options).take_all()
    found = {row["name"]: row for row in done}
    assert len(done) == len(found) == len(GIVEN)
    for row in GIVEN:
        assert found[row["id"]]["error"] is None
        assert scored(found[row["id"]]) == expected(library, row)


def test_a_bad_row_of_a_dataset_is_an_error_column(ray, tiny_options):
    dataset = ray.data.from_arrow(
        pa.table(
            {
                "query": ["csv", "", None, "sort"],
                "documents": pa.array([["a", None], ["a"], ["a"], None], pa.list_(pa.string())),
            }
        )
    )
    ranking = RankOptions(top_k=1)
    done = rerank_dataset(dataset, cpus=1, ranking=ranking, **tiny_options).take_all()
    errors = {row["query"]: row["error"] for row in done}
    assert errors["csv"] is None
    assert "is empty" in errors[""]
    assert "expected a string" in errors[None]
    assert "expected a list" in errors["sort"]


def pairs():
    return [
        {"query": row["query"], "text": one["text"], "number": number * 100 + at}
        for number, row in enumerate(GIVEN)
        for at, one in enumerate(row["documents"])
    ]


def test_pairs_are_scored_and_the_best_of_each_query_kept(ray, tiny_options, library):
    given = [*pairs(), {"query": GIVEN[0]["query"], "text": None, "number": -1}]
    dataset = ray.data.from_items(given, override_num_blocks=3)
    done = score_pairs(dataset, cpus=1, batch_size=32, top_k=2, **tiny_options).take_all()
    failed = [row for row in done if row["error"]]
    assert [row["number"] for row in failed] == [-1]
    for row in GIVEN:
        texts = [one["text"] for one in row["documents"]]
        best = sorted(library.score(row["query"], texts).scores.tolist(), reverse=True)[:2]
        found = [one["score"] for one in done if one["query"] == row["query"] and not one["error"]]
        np.testing.assert_allclose(found, best, atol=1e-5)


def test_the_classes_map_batches_by_themselves(ray, tiny_options):
    dataset = ray.data.from_items(pairs()[:20])
    done = dataset.map_batches(
        ScorePairs,
        fn_constructor_kwargs={**tiny_options, "threads": 1},
        batch_format="pyarrow",
        concurrency=1,
    ).take_all()
    assert len(done) == 20
    assert all(row["error"] is None for row in done)
    table = pa.table({"query": ["csv"], "documents": [["a", "csv file"]]})
    (row,) = RerankRows(**tiny_options)(table).to_pylist()
    assert len(row["ranking"]) == 2


def test_another_kind_of_batch_is_refused(tiny_options):
    with pytest.raises(InputError, match="batch_format='pyarrow'"):
        ScorePairs(**tiny_options)({"query": np.array(["a"]), "text": np.array(["b"])})
    with pytest.raises(InputError, match="no column 'text', only query, body"):
        ScorePairs(**tiny_options)(pa.table({"query": ["a"], "body": ["b"]}))
