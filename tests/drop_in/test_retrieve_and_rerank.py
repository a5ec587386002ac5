"""The examples of sentence-transformers' documentation, with one line changed, give the same."""

import pytest

pytest.importorskip("sentence_transformers", reason="needs the torch extra: make test-extras")

# After its page "Retrieve & Re-Rank", with the names of tiny models.
RETRIEVE = """
from sentence_transformers import SentenceTransformer, util
{imported}

bi_encoder = SentenceTransformer({embedder!r}, device="cpu")
cross_encoder = CrossEncoder({model!r}, device="cpu")
corpus_embeddings = bi_encoder.encode(passages, convert_to_tensor=True)
question_embedding = bi_encoder.encode(query, convert_to_tensor=True)
hits = util.semantic_search(question_embedding, corpus_embeddings, top_k=8)[0]
cross_inp = [[query, passages[hit["corpus_id"]]] for hit in hits]
cross_scores = cross_encoder.predict(cross_inp)
for idx in range(len(cross_scores)):
    hits[idx]["cross-score"] = cross_scores[idx]
hits = sorted(hits, key=lambda x: x["cross-score"], reverse=True)
result = [(hit["corpus_id"], float(hit["cross-score"])) for hit in hits]
"""
# After its page "Cross-Encoders, usage".
RANK = """
{imported}

model = CrossEncoder({model!r}, device="cpu")
ranks = model.rank(query, passages, return_documents=True)
scores = model.predict([(query, passage) for passage in passages])
result = [(rank["corpus_id"], rank["score"]) for rank in ranks]
result += [(passages.index(rank["text"]), scores[rank["corpus_id"]].item()) for rank in ranks]
"""


@pytest.mark.parametrize("example", [RETRIEVE, RANK], ids=["retrieve and rerank", "rank"])
@pytest.mark.parametrize("name", ["bert", "roberta", "distilbert"])
def test_one_line_changes_and_the_output_does_not(parity, documents, example, name):
    results = []
    for module in ("sentence_transformers", "secondpass"):
        names = {"passages": list(dict.fromkeys(documents))[:20], "query": "read the csv rows"}
        source = example.format(
            imported=f"from {module} import CrossEncoder",
            embedder=str(parity / "bert-embedder"),
            model=str(parity / name),
        )
        exec(source, names)
        results.append(names["result"])
    theirs, ours = results
    assert [one for one, _ in ours] == [one for one, _ in theirs]
    assert [score for _, score in ours] == pytest.approx([score for _, score in theirs], abs=1e-4)
