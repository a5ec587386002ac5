"""A corpus embedded into shards first: the index is the one that is built without."""

import json
from contextlib import suppress

import numpy as np
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from missing_ray import require_ray

from secondpass import Embedder, Index, InputError
from secondpass.batch.embedding import embed_here, embedded
from secondpass.batch.place import open_place
from secondpass.cli.main import group

TEXTS = [f"text number {at} of sheep, cows and csv files" * (1 + at % 2) for at in range(30)]


@pytest.fixture(scope="module")
def embedder(parity, tmp_path_factory):
    with Embedder(
        parity / "bert-embedder",
        max_length=64,
        threads=1,
        precision="fp32",
        cache_dir=tmp_path_factory.mktemp("graphs"),
    ) as embedder:
        yield embedder


@pytest.fixture
def shards(embedder, tmp_path):
    """Return what opens the shards of texts in tmp_path / "shards"."""

    def opened(texts=TEXTS, **more):
        place = open_place(tmp_path / "shards")
        return embedded(lambda: iter(texts), embedder, place, shard_texts=7, **more)

    return opened


def files(tmp_path):
    return sorted(one.name for one in (tmp_path / "shards").glob("vectors-*"))


@pytest.mark.parametrize("batch_size", [1, 7, 8, 100])
def test_shards_give_the_vectors_and_token_ids_of_the_embedder(embedder, shards, batch_size):
    with shards() as found:
        parts = [
            found.features(TEXTS[at : at + batch_size]) for at in range(0, len(TEXTS), batch_size)
        ]
    expected = embedder.features(TEXTS)
    vectors = np.concatenate([part.vectors for part in parts])
    np.testing.assert_allclose(vectors, expected.vectors, atol=1e-6)
    token_ids = [ids.tolist() for part in parts for ids in part.columns["token_ids"]]
    assert token_ids == [ids.tolist() for ids in expected.columns["token_ids"]]
    assert (found.name, found.digest, found.dimension) == (
        embedder.name,
        embedder.digest,
        embedder.dimension,
    )


class EndedError(Exception):
    """What ends the block."""


def end(shards, texts=TEXTS, **more):
    """Embed, and fail before the index is made."""
    with suppress(EndedError), shards(texts, **more):
        raise EndedError


def test_shards_are_removed_at_the_end_and_kept_by_an_error(shards, tmp_path):
    end(shards)
    assert len(files(tmp_path)) == 5
    with shards():
        pass
    assert files(tmp_path) == []


def test_what_is_there_is_not_embedded_again(shards, tmp_path):
    asked = []

    def watched(embedder, work, advance):
        asked.append([shard.texts for shard in work.missing.values()])
        embed_here(embedder, work, advance)

    end(shards, runner=watched)
    first, second, *_ = files(tmp_path)
    (tmp_path / "shards" / first).unlink()
    damaged = tmp_path / "shards" / second
    damaged.write_bytes(damaged.read_bytes()[:-9])
    changed = [*TEXTS[:-1], "another text"]
    with shards(changed, runner=watched) as found:
        found.features(changed)
    assert asked == [[7, 7, 7, 7, 2], [7, 7, 2]]
    assert files(tmp_path) == []


def test_texts_that_were_not_embedded_are_an_error(shards):
    with pytest.raises(InputError, match="have changed while"), shards() as found:
        found.features([*TEXTS[:3], "another text"])
    with pytest.raises(InputError, match="have changed while"), shards() as found:
        found.features([*TEXTS, "one more"])
    with shards() as found:
        assert found.features([]).vectors.shape == (0, found.dimension)


def test_texts_that_change_meanwhile_are_an_error(shards):
    given = list(TEXTS)

    def changing(embedder, work, advance):
        given[0] = "another text"
        embed_here(embedder, work, advance)

    with pytest.raises(InputError, match="have changed while"), shards(given, runner=changing):
        pass


def test_a_folder_of_other_files_is_refused(shards, tmp_path):
    (tmp_path / "shards").mkdir()
    (tmp_path / "shards" / "part-0.parquet").touch()
    with pytest.raises(InputError, match=r"holds 'part-0\.parquet'"), shards():
        pass


def contents(folder, embedder):
    index = Index.open(folder, embedder)
    found = index.search("sheep and csv files", limit=1000)
    assert len(found) == len(index)
    return {one.id: ((one.text, one.metadata), one.similarity) for one in found}


@pytest.fixture
def command(parity, tmp_path):
    """Return what runs `secondpass index` on a file of the texts."""
    file = tmp_path / "texts.jsonl"

    def run(into, *more, texts=TEXTS):
        lines = [json.dumps({"id": str(at), "text": text}) for at, text in enumerate(texts)]
        file.write_text("\n".join(lines))
        words = ["index", str(file), "--into", str(tmp_path / into), "--json", "--threads", "1"]
        words += ["--embedder", str(parity / "bert-embedder"), *more]
        done = CliRunner().invoke(group, words, catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    return run


def assert_equal_indexes(one, other, parity):
    with Embedder(parity / "bert-embedder") as embedder:
        expected, found = (contents(folder, embedder) for folder in (one, other))
    assert found.keys() == expected.keys()
    for id_, (document, similarity) in expected.items():
        assert found[id_][0] == document
        assert found[id_][1] == pytest.approx(similarity, abs=1e-5)


def test_the_command_makes_the_same_index_by_shards(command, parity, tmp_path):
    shards = ("--shards", str(tmp_path / "shards"))
    assert command("plain")["added"] == command("sharded", *shards)["added"] == len(TEXTS)
    assert_equal_indexes(tmp_path / "plain", tmp_path / "sharded", parity)
    changed = [*TEXTS[1:], "a new text"]
    for into, more in (("plain", ()), ("sharded", shards)):
        counts = command(into, *more, texts=changed)
        assert counts["documents"] == len(TEXTS)
    assert_equal_indexes(tmp_path / "plain", tmp_path / "sharded", parity)
    assert files(tmp_path) == []


@pytest.mark.filterwarnings("ignore")
@pytest.mark.timeout(240)
def test_the_command_makes_the_same_index_on_ray(cluster, command, parity, tmp_path):
    command("plain")
    more = ("--ray", cluster.address, "--ray-cpus", "1", "--ray-actors", "1")
    assert command("on-ray", *more)["added"] == len(TEXTS)
    assert_equal_indexes(tmp_path / "plain", tmp_path / "on-ray", parity)
    assert not (tmp_path / "on-ray" / ".vectors").exists()


def test_an_index_in_a_database_needs_a_place_for_vectors(parity):
    require_ray()
    words = ["index", __file__, "--into", "postgresql://localhost/secondpass", "--ray", "auto"]
    done = CliRunner().invoke(group, words)
    assert "--ray needs --shards" in str(done.exception)


def test_actors_need_a_cluster(command):
    with pytest.raises(InputError, match="--ray-actors has no use without --ray"):
        command("index", "--ray-actors", "2")


def test_a_bit_that_a_disk_turned_over_is_found(shards, tmp_path):
    end(shards)
    damaged = tmp_path / "shards" / files(tmp_path)[2]
    column = pq.read_metadata(damaged).row_group(0).column(1)  # the vectors
    data = bytearray(damaged.read_bytes())
    first = column.dictionary_page_offset or column.data_page_offset
    data[(column.data_page_offset + first + column.total_compressed_size) // 2] ^= 4
    damaged.write_bytes(data)
    said = rf"{damaged.name} cannot be read.*anew"
    with pytest.raises(InputError, match=said), shards() as found:
        found.features(TEXTS)
    damaged.unlink()
    with shards() as found:
        assert len(found.features(TEXTS).vectors) == len(TEXTS)
