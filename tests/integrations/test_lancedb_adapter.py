"""The reranker of queries, with LanceDB itself."""

import asyncio
import gc

import pytest

pytest.importorskip("lancedb", reason="needs the search extra")

import lancedb
import pyarrow as pa
from lancedb.index import FTS
from lancedb.query import BooleanQuery, MatchQuery, Occur
from lancedb.rerankers import Reranker

from secondpass import InputError
from secondpass.integrations.lancedb import SecondpassReranker
from secondpass.testing import FakeReranker

QUERY = "how do I read a csv file"
TEXTS = ["sheep give wool", "read a csv file", "read a file", "how do I read it", "a cow"]
VECTORS = [[0.0, 1.0], [0.5, 0.5], [0.9, 0.1], [0.6, 0.4], [1.0, 0.0]]


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    database = lancedb.connect(tmp_path_factory.mktemp("lance"))
    rows = [
        {"id": at, "text": text, "vector": vector}
        for at, (text, vector) in enumerate(zip(TEXTS, VECTORS, strict=True))
    ]
    schema = pa.schema(
        [("id", pa.int64()), ("text", pa.string()), ("vector", pa.list_(pa.float32(), 2))]
    )
    table = database.create_table("texts", pa.Table.from_pylist(rows, schema))
    table.create_index("text", config=FTS())
    yield table
    del table, database
    gc.collect()


def vector_query(table):
    return table.search([1.0, 0.0]).limit(4)


def hybrid_query(table):
    return table.search(query_type="hybrid").vector([1.0, 0.0]).text(QUERY).limit(3)


def ids(rows):
    return [row["id"] for row in rows]


def expected(tiny, found):
    return [found[hit.index] for hit in tiny.rank(QUERY, [TEXTS[at] for at in found], None)]


def test_a_vector_query_is_reranked(table, tiny):
    found = ids(vector_query(table).to_list())
    reranker = SecondpassReranker(reranker=tiny)
    rows = vector_query(table).rerank(reranker, query_string=QUERY).to_list()
    assert ids(rows) == expected(tiny, found)
    scores = [row["_relevance_score"] for row in rows]
    assert scores == [hit.score for hit in tiny.rank(QUERY, [row["text"] for row in rows])]
    assert "_distance" not in rows[0]


def test_a_full_text_query_is_reranked(table, tiny):
    found = ids(table.search(QUERY, query_type="fts").limit(5).to_list())
    reranker = SecondpassReranker(reranker=tiny)
    rows = table.search(QUERY, query_type="fts").limit(5).rerank(reranker).to_list()
    assert 1 < len(found) < 5
    assert ids(rows) == expected(tiny, found)
    assert "_score" not in rows[0]


def test_a_hybrid_query_is_reranked_each_row_once(table, tiny):
    reranker = SecondpassReranker(reranker=tiny)
    rows = hybrid_query(table).rerank(reranker).limit(5).to_list()
    assert ids(rows) == expected(tiny, sorted(ids(rows)))
    assert len(set(ids(rows))) == len(rows) == 5
    assert set(rows[0]) == {"id", "text", "vector", "_relevance_score"}


def test_all_scores_are_kept_where_that_is_asked(table, tiny):
    reranker = SecondpassReranker(reranker=tiny, return_score="all")
    distances = {row["id"]: row["_distance"] for row in vector_query(table).limit(5).to_list()}
    fts = table.search(QUERY, query_type="fts").limit(5).to_list()
    scores = {row["id"]: row["_score"] for row in fts}
    rows = hybrid_query(table).rerank(reranker).limit(5).to_list()
    assert len(rows) == 5
    for row in rows:
        assert row["_distance"] == pytest.approx(distances[row["id"]])
        assert row["_score"] == (pytest.approx(scores[row["id"]]) if row["id"] in scores else None)
    (first, *_) = vector_query(table).rerank(reranker, query_string=QUERY).to_list()
    assert first["_distance"] == pytest.approx(distances[first["id"]])


def test_the_types_of_the_columns_stay(table, tiny):
    plain = vector_query(table).to_arrow().schema
    for reranker in (
        SecondpassReranker(reranker=tiny),
        SecondpassReranker(reranker=tiny, return_score="all"),
    ):
        schema = hybrid_query(table).rerank(reranker).to_arrow().schema
        assert schema.field("vector").type == plain.field("vector").type
        assert schema.field("_relevance_score").type == pa.float32()


def by_hand(vector, fts):
    return (
        pa.table({"_rowid": [*vector], "text": [TEXTS[at] for at in vector]}).append_column(
            "_distance", pa.array([at / 10 for at in vector], pa.float32())
        ),
        pa.table({"_rowid": [*fts], "text": [TEXTS[at] for at in fts]}).append_column(
            "_score", pa.array([float(at) for at in fts], pa.float32())
        ),
    )


def test_the_rows_of_both_are_scored_in_the_order_of_their_reciprocal_ranks():
    fake = FakeReranker(lambda *_: 0.0)
    reranker = SecondpassReranker(reranker=fake, return_score="all")
    rows = reranker.rerank_hybrid(QUERY, *by_hand([4, 2, 3], [3, 1, 2])).to_pylist()
    # 3 is third and first, 2 is second and third, 4 is first alone, 1 is second alone.
    assert [row["_rowid"] for row in rows] == [3, 2, 4, 1]
    assert fake.calls[0][1] == [TEXTS[at] for at in (3, 2, 4, 1)]
    assert [row["_score"] for row in rows] == [3.0, 2.0, None, 1.0]
    assert [row["_distance"] for row in rows] == pytest.approx([0.3, 0.2, 0.4, None])


@pytest.mark.parametrize(("vector", "fts"), [([1, 2], []), ([], [2, 1]), ([], [])])
def test_either_or_both_may_have_found_nothing(vector, fts):
    reranker = SecondpassReranker(reranker=FakeReranker())
    rows = reranker.rerank_hybrid(QUERY, *by_hand(vector, fts))
    assert rows["_rowid"].to_pylist() == ([1, 2] if vector or fts else [])
    assert rows.column_names == ["_rowid", "text", "_relevance_score"]
    assert rows.schema.field("_relevance_score").type == pa.float32()


def test_queries_that_find_nothing_give_no_rows(table):
    reranker = SecondpassReranker(reranker=FakeReranker())
    nothing = "id = 99"
    assert vector_query(table).where(nothing).rerank(reranker, query_string="a").to_list() == []
    fts = table.search("zebra", query_type="fts").rerank(reranker)
    assert fts.to_list() == []
    assert hybrid_query(table).where(nothing).rerank(reranker).to_list() == []


@pytest.mark.parametrize("of", ["vector", "fts", "hybrid"])
def test_a_fusion_takes_the_first_stages_scores(tiny, of):
    reranker = SecondpassReranker(reranker=tiny, fuse="weighted", fuse_weight=1e6)
    vector, fts = by_hand([4, 2, 3], [3, 1, 2])
    rows = {
        "vector": lambda: reranker.rerank_vector(QUERY, vector),
        "fts": lambda: reranker.rerank_fts(QUERY, fts),
        "hybrid": lambda: reranker.rerank_hybrid(QUERY, vector, fts),
    }[of]()
    right = {"vector": [2, 3, 4], "fts": [3, 2, 1], "hybrid": [3, 2, 4, 1]}[of]
    assert rows["_rowid"].to_pylist() == right


def test_min_score_drops_rows(table, tiny):
    found = vector_query(table).to_list()
    scores = sorted(tiny.predict([(QUERY, row["text"]) for row in found]).tolist())
    reranker = SecondpassReranker(reranker=tiny, min_score=scores[2])
    assert len(vector_query(table).rerank(reranker, query_string=QUERY).to_list()) == 2


def test_another_column_has_the_text(tiny):
    rows = pa.table({"body": TEXTS, "_distance": [0.1] * 5})
    ranked = SecondpassReranker(reranker=tiny, column="body").rerank_vector(QUERY, rows)
    assert ranked["body"].to_pylist() == [hit.text for hit in tiny.rank(QUERY, TEXTS)]
    with pytest.raises(InputError, match=r"column is 'text', but the rows have only .*body"):
        SecondpassReranker(reranker=tiny).rerank_vector(QUERY, rows)


def test_a_row_without_a_text_is_an_error_or_comes_last(tiny):
    rows = pa.table({"text": ["read a csv", None, "wool"]})
    with pytest.raises(InputError, match="text 1 is None"):
        SecondpassReranker(reranker=tiny).rerank_fts(QUERY, rows)
    ranked = SecondpassReranker(reranker=tiny, on_error="skip").rerank_fts(QUERY, rows)
    assert ranked["text"].to_pylist()[-1] is None
    assert ranked["_relevance_score"].to_pylist()[-1] is None


def test_the_text_of_a_query_object_is_ranked_by(table, tiny):
    reranker = SecondpassReranker(reranker=tiny)
    match = MatchQuery(QUERY, "text")
    rows = table.search(match, query_type="fts").limit(5).rerank(reranker).to_list()
    assert rows == table.search(QUERY, query_type="fts").limit(5).rerank(reranker).to_list()
    several = BooleanQuery([(Occur.MUST, match)])
    with pytest.raises(InputError, match="BooleanQuery, which has no one text"):
        table.search(several, query_type="fts").rerank(reranker).to_list()


def test_async_queries_are_reranked(tmp_path, tiny):
    reranker = SecondpassReranker(reranker=tiny)

    async def searched():
        database = await lancedb.connect_async(tmp_path)
        rows = [
            {"text": text, "vector": vector} for text, vector in zip(TEXTS, VECTORS, strict=True)
        ]
        table = await database.create_table("texts", rows)
        query = table.query().nearest_to([1.0, 0.0]).limit(4)
        reranked = await query.rerank(reranker, query_string=QUERY).to_list()
        plain = await table.query().nearest_to([1.0, 0.0]).limit(4).to_arrow()
        in_thread = await asyncio.to_thread(reranker.rerank_vector, QUERY, plain)
        return reranked, in_thread.to_pylist()

    reranked, in_thread = asyncio.run(searched())
    assert reranked == in_thread
    assert len(reranked) == 4


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"min_score": "x"}, "min_score is str 'x'"),
        ({"cache": "memory"}, "cache beside reranker"),
        ({"top_k": 3}, "no option 'top_k'"),
        ({"return_score": "some"}, "return_score|score must be"),
    ],
)
def test_an_option_that_is_not_usable_is_an_error(options, said):
    with pytest.raises(ValueError, match=said):
        SecondpassReranker(reranker=FakeReranker(), **options)


def test_it_is_a_reranker_whose_help_has_its_options():
    assert issubclass(SecondpassReranker, Reranker)
    assert str(SecondpassReranker(reranker=FakeReranker())) == (
        "SecondpassReranker(model_name='fake')"
    )
    for name in ("column: the column", "budget_ms: ", "model_name: ", "min_score: "):
        assert name in SecondpassReranker.__doc__


FOUND = pa.table({"text": ["a csv", "read a csv file"], "_distance": [0.1, 0.2]})


@pytest.mark.parametrize("return_score", ["relevance", "all"])
def test_the_score_of_an_earlier_reranker_is_replaced(return_score):
    first = SecondpassReranker(reranker=FakeReranker(), return_score="all")
    rows = first.rerank_vector(QUERY, FOUND)
    again = SecondpassReranker(reranker=FakeReranker(), return_score=return_score)
    ranked = again.rerank_vector("a csv", rows)
    assert ranked.column_names.count("_relevance_score") == 1
    assert ranked["text"].to_pylist() == ["read a csv file", "a csv"]
    assert ranked["_relevance_score"].to_pylist() == [1.0, 1.0]


@pytest.mark.parametrize(
    "table_of",
    [
        lambda rows: rows.set_column(0, "text", rows["text"].cast(pa.large_string())),
        lambda rows: rows.set_column(0, "text", rows["text"].dictionary_encode()),
        lambda rows: pa.concat_tables([rows.slice(0, 1), rows.slice(1)]),
    ],
    ids=["large", "dictionary", "chunks"],
)
def test_texts_may_be_laid_out_in_any_way(table_of):
    ranked = SecondpassReranker(reranker=FakeReranker()).rerank_vector(QUERY, table_of(FOUND))
    assert ranked["text"].to_pylist() == ["read a csv file", "a csv"]


def test_rows_of_two_searches_need_their_ids():
    with pytest.raises(InputError, match="the rows have no '_rowid', only"):
        SecondpassReranker(reranker=FakeReranker()).rerank_hybrid(QUERY, FOUND, FOUND)


def test_the_column_is_a_name():
    with pytest.raises(InputError, match="column is 3, expected the name of a column"):
        SecondpassReranker(reranker=FakeReranker(), column=3)
