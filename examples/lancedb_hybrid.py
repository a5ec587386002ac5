"""LanceDB: vectors and words find ten rows each, the reranker keeps the best three.

In a clone: pip install ".[search]"
"""

import builtins
import inspect
import tempfile

import lancedb
from lancedb.index import FTS

from secondpass import Embedder
from secondpass.integrations.lancedb import SecondpassReranker

texts = {name: inspect.getdoc(it) for name, it in vars(builtins).items() if inspect.isbuiltin(it)}
embedder = Embedder()
rows = [
    {"name": name, "text": text, "vector": vector}
    for (name, text), vector in zip(texts.items(), embedder.embed(texts.values()), strict=True)
]
query = "put a list in order without changing it"
with tempfile.TemporaryDirectory() as folder:
    table = lancedb.connect(folder).create_table("functions", rows)
    table.create_index("text", config=FTS())
    search = table.search(query_type="hybrid").vector(embedder.embed_queries([query])[0])
    found = search.text(query).limit(10).rerank(SecondpassReranker()).to_list()
for row in found[:3]:
    print(f"{row['_relevance_score']:.3f}  {row['name']}")
