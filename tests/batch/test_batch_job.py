"""A batch in this process: equal to the library, resumed, and never mixed with another."""

import errno
import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pyarrow.parquet as pq
import pytest
from batch_cases import (
    assert_equal_to_the_library,
    read,
    rows,
    write_rows,
)
from exit_models import with_exits

from secondpass import CrossEncoderReranker, RankOptions, RerankerOptions
from secondpass.batch import job as job_module
from secondpass.batch.job import run_batch, score_here
from secondpass.batch.manifest import NAME, read_manifest
from secondpass.batch.place import LOCK, open_place
from secondpass.batch.rows import Fields
from secondpass.batch.shards import waiting_name
from secondpass.batch.sources import RowFile
from secondpass.errors import InputError
from secondpass.locks import locked

THREADS = 2
FIELDS = Fields()


@pytest.fixture(scope="module")
def options(tiny_options):
    return {**tiny_options, "threads": THREADS}


@pytest.fixture(scope="module")
def library(options):
    with CrossEncoderReranker(**options) as reranker:
        yield reranker


@pytest.fixture
def start(options, tmp_path):
    """Return what runs a batch of rows into tmp_path / "out"."""

    def run(given, *, shard_pairs=25, out=None, fields=FIELDS, more=None, **named):
        file = write_rows(tmp_path / "rows.jsonl", given)
        return run_batch(
            RowFile(file, fields),
            open_place(out or tmp_path / "out"),
            options=RerankerOptions.from_dict(options | (more or {})),
            shard_pairs=shard_pairs,
            **named,
        )

    return run


@pytest.mark.parametrize("shard_pairs", [1, 25, 10_000])
def test_results_are_those_of_the_library_bit_for_bit(start, library, tmp_path, shard_pairs):
    given = rows(40)
    outcome = start(given, shard_pairs=shard_pairs)
    assert_equal_to_the_library(tmp_path / "out", given, library)
    manifest = read_manifest(open_place(tmp_path / "out"))
    assert manifest == outcome.manifest
    assert (manifest.complete, manifest.rows) == (True, 40)
    assert manifest.pairs == sum(len(row["documents"]) for row in given)
    assert sum(one.rows for one in manifest.shards) == 40


@pytest.mark.parametrize("effort", ["balanced", "fast"])
def test_early_exits_choose_among_a_rows_own_documents(start, options, parity, tmp_path, effort):
    model = with_exits(parity / "bert", tmp_path / "model")
    given = rows(25)
    more = {"model_name": str(model), "effort": effort}
    start(given, more=more)
    with CrossEncoderReranker(**options | more) as reranker:
        assert_equal_to_the_library(tmp_path / "out", given, reranker)


def test_a_second_run_scores_nothing(start, tmp_path, monkeypatch):
    given = rows(30)
    start(given)
    files = sorted((tmp_path / "out").iterdir())
    times = [file.stat().st_mtime_ns for file in files if file.suffix == ".parquet"]
    monkeypatch.setattr(job_module, "rank_rows", None)  # a call of it would raise
    again = start(given)
    assert (again.scored, again.pairs) == (0, 0)
    assert [file.stat().st_mtime_ns for file in files if file.suffix == ".parquet"] == times


def test_what_is_missing_or_damaged_is_scored_again(start, library, tmp_path):
    given = rows(40)
    start(given)
    shards = sorted((tmp_path / "out").glob("*.parquet"))
    shards[0].unlink()
    shards[1].write_bytes(shards[1].read_bytes()[:-10])
    shards[2].write_bytes(b"")
    assert start(given).scored == 3
    assert_equal_to_the_library(tmp_path / "out", given, library)


def test_an_interrupted_batch_goes_on(start, library, tmp_path):
    given = rows(40)

    def two_shards(reranker, work, advance):
        for at, done in enumerate(score_here(reranker, work, advance)):
            if at == 2:
                raise KeyboardInterrupt
            yield done

    with pytest.raises(KeyboardInterrupt):
        start(given, runner=two_shards)
    manifest = read_manifest(open_place(tmp_path / "out"))
    assert (manifest.complete, manifest.shards) == (False, ())
    there = len(list((tmp_path / "out").glob("*.parquet")))
    outcome = start(given)
    assert outcome.scored == len(outcome.manifest.shards) - there > 0
    assert_equal_to_the_library(tmp_path / "out", given, library)


def test_rows_that_wait_for_ray_are_removed_where_a_batch_ends_without(start, tmp_path):
    given = rows(20)
    names = [one.name for one in start(given).manifest.shards]
    (tmp_path / "out" / names[0]).unlink()
    for name in names:
        (tmp_path / "out" / waiting_name(name)).write_text("[]")
    start(given)
    assert sorted(open_place(tmp_path / "out").names()) == [".lock", NAME, *names]


def test_nothing_is_read_behind_the_last_shard_that_is_missing(start, tmp_path):
    given = rows(40)
    _, second, *_ = (one.name for one in start(given).manifest.shards)
    (tmp_path / "out" / second).unlink()
    read_on = []

    def rows_of(source):
        for row in RowFile(source.file, FIELDS).rows():
            read_on.append(row.number)
            yield row

    def here(reranker, work, advance):
        source = SimpleNamespace(rows=lambda: rows_of(work.source))
        yield from score_here(reranker, replace(work, source=source), advance)

    outcome = start(given, runner=here)
    assert outcome.scored == 1
    beyond = outcome.manifest.shards[2].first
    assert read_on == list(range(beyond + 1))
    assert start(given, runner=here).scored == 0
    assert read_on == list(range(beyond + 1))


def test_a_changed_row_is_scored_again_and_its_old_shard_removed(start, library, tmp_path):
    given = rows(40)
    start(given)
    given[17]["documents"][0]["text"] = "another text altogether"
    outcome = start(given)
    assert (outcome.scored, len(outcome.removed)) == (1, 1)
    assert_equal_to_the_library(tmp_path / "out", given, library)


def test_rows_that_are_added_are_scored(start, library, tmp_path):
    start(rows(20))
    given = rows(40)
    outcome = start(given)
    assert 0 < outcome.scored < len(outcome.manifest.shards)
    assert_equal_to_the_library(tmp_path / "out", given, library)


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"shard_pairs": 26}, "shard_pairs was 25 and is 26"),
        ({"more": {"max_length": 32}}, "reranker"),
        ({"more": {"activation": "identity"}}, "reranker"),
        ({"ranking": RankOptions(top_k=3)}, "top_k"),
        ({"ranking": RankOptions(top_k=None, long_query="truncate")}, "long_query"),
    ],
)
def test_results_of_two_batches_do_not_mix(start, tmp_path, changed, named):
    start(rows(10))
    before = sorted((tmp_path / "out").iterdir())
    with pytest.raises(InputError, match=named):
        start(rows(10), **changed)
    assert sorted((tmp_path / "out").iterdir()) == before


@pytest.mark.parametrize("more", [{"threads": 1}, {"max_batch_tokens": 512}])
def test_options_that_only_round_are_no_other_batch(start, more):
    start(rows(10))
    assert start(rows(10), more=more).scored == 0


def test_who_waits_for_another_process_is_told_before(start, tmp_path):
    out = tmp_path / "out"
    out.mkdir()

    def told():
        raise InterruptedError

    with locked(out / LOCK), pytest.raises(InterruptedError):
        start(rows(3), on_wait=told)
    assert start(rows(3), on_wait=told).scored == 1


def test_a_folder_of_other_files_is_refused(start, tmp_path):
    out = tmp_path / "photos"
    out.mkdir()
    (out / "cat.jpg").touch()
    with pytest.raises(InputError, match=r"cat\.jpg"):
        start(rows(3), out=out)


def test_a_file_in_the_place_of_the_folder_is_refused(start, tmp_path):
    file = tmp_path / "out.parquet"
    file.write_bytes(b"mine")
    with pytest.raises(InputError, match=r"out\.parquet is a file, expected a folder"):
        start(rows(3), out=file)
    assert file.read_bytes() == b"mine"


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda text: "{", "is not valid JSON"),
        (lambda text: "", "is not valid JSON"),
        (lambda text: text.replace("batch/1", "batch/2"), "job.schema 'secondpass/batch/2'"),
        (lambda text: text.replace('"shard_pairs"', '"pairs"'), "has no `shard_pairs` in job"),
    ],
)
def test_a_manifest_that_cannot_be_read_is_refused_with_the_way_out(start, tmp_path, damage, said):
    start(rows(3))
    file = tmp_path / "out" / NAME
    file.write_text(damage(file.read_text()))
    with pytest.raises(InputError, match="another version of secondpass; name another") as caught:
        start(rows(3))
    assert said in str(caught.value)


def test_bad_rows_and_documents_have_their_errors(start, library, tmp_path):
    given = rows(12)
    given[3] = {"id": "no documents", "query": "q"}
    given[5]["query"] = " "
    given[7]["documents"].insert(0, {"id": "no text"})
    given[9]["query"] = "csv " * 100
    outcome = start(given)
    found = read(tmp_path / "out")
    assert sorted(found) == list(range(12))
    assert "has no 'documents'" in found[3]["error"]
    assert "is empty" in found[5]["error"]
    assert found[9]["error"] is not None
    assert found[3]["ranking"] is None
    last = found[7]["ranking"][-1]
    assert (last["id"], last["score"]) == ("no text", None)
    assert "neither 'text' nor 'content'" in last["error"]
    assert all(one["score"] is not None for one in found[7]["ranking"][:-1])
    counts = outcome.manifest.failed_rows, outcome.manifest.failed_documents
    assert counts == (3, 1)
    again = start(given)
    assert (again.scored, again.manifest) == (0, outcome.manifest)


def test_an_input_of_bad_rows_alone_is_refused_before_anything_is_written(start, tmp_path):
    with pytest.raises(InputError, match="line 1 has no 'query'"):
        start([{"question": "q", "documents": ["a"]}] * 3)
    with pytest.raises(InputError, match="it holds no row"):
        start([])
    with pytest.raises(InputError, match=r"document 0 has neither 'text'.* only \['body'\]"):
        start([{"query": "q", "documents": []}, {"query": "q", "documents": [{"body": "a"}]}])
    with pytest.raises(InputError, match="has no 'body'"):
        start(rows(3), fields=Fields(text="body"))
    with pytest.raises(InputError, match="score"):
        start([{"query": "q", "documents": ["a"]}], fields=Fields(scored=True))
    assert not list((tmp_path / "out").glob("*.parquet"))


def test_rows_without_documents_alone_are_no_error(start, tmp_path):
    outcome = start([{"query": "q", "documents": []}] * 3)
    assert (outcome.manifest.rows, outcome.manifest.pairs) == (3, 0)
    assert [row["ranking"] for row in read(tmp_path / "out").values()] == [[], [], []]


def test_an_input_that_changes_meanwhile_is_an_error(start, tmp_path):
    given = rows(30)

    def changing(reranker, work, advance):
        write_rows(tmp_path / "rows.jsonl", rows(30, seed=1))
        yield from score_here(reranker, work, advance)

    with pytest.raises(InputError, match="changed while it was read"):
        start(given, runner=changing)


def test_options_of_the_ranking_are_those_of_a_call(start, library, tmp_path):
    given = rows(15)
    ranking = RankOptions(top_k=3, fuse="weighted", fuse_weight=0.5)
    start(given, fields=Fields(scored=True), ranking=ranking)
    for number, row in read(tmp_path / "out").items():
        documents = given[number]["documents"]
        hits = library.rank_candidates(given[number]["query"], documents, ranking).hits
        assert [one["index"] for one in row["ranking"]] == [hit.index for hit in hits]
        assert [one["fused"] for one in row["ranking"]] == [hit.fused for hit in hits]


def test_an_object_store_is_a_place_as_well(start, library):
    place = open_place("memory://bucket/out")
    given = rows(20)
    outcome = start(given, out="memory://bucket/out")
    names = [one.name for one in outcome.manifest.shards]
    assert set(names) | {NAME} == set(place.names())
    place.remove(names[0])
    assert start(given, out="memory://bucket/out").scored == 1
    with place.open(names[0]) as stream:
        assert pq.read_table(stream).num_rows == outcome.manifest.shards[0].rows


def test_a_url_without_a_file_system_is_an_error():
    with pytest.raises(InputError, match="nowhere://out cannot be opened"):
        open_place("nowhere://out")


def test_a_full_disk_is_told_with_the_file(tmp_path, monkeypatch):
    def full(self, data):
        raise OSError(errno.ENOSPC, "No space left on device")

    place = open_place(tmp_path)
    place.write("a", b"before")
    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left on device") as caught:
        place.write("a", b"after")
    assert (caught.value.filename, place.names()) == (str(tmp_path / "a"), ["a"])
    assert (tmp_path / "a").read_bytes() == b"before"


@pytest.mark.parametrize("given", ["", None, 3])
def test_a_place_has_a_name(given):
    with pytest.raises(InputError, match="expected a folder"):
        open_place(given)


def test_a_manifest_says_what_scored(start, tmp_path):
    start(rows(3))
    written = json.loads((tmp_path / "out" / NAME).read_text())
    (computed,) = written["computed"]
    assert computed.startswith("fp32 in f32, openvino")
    assert written["job"]["models"][0]["weights_sha256"]
    assert "threads" not in written["job"]["reranker"]
