"""Ask a folder of Markdown files: the answer is sentences that stand in them, each with its place.

    python examples/ask_docs.py "how do I revoke a certificate" docs/examples/manual
    python examples/ask_docs.py "which values are there for --mode" --file search.md

Documents, an index, a search by vectors and words that reranks, and an answer that can be checked;
no language model. Without arguments it asks the guide of secondpass itself, with --file one file of
it. Needs pip install ".[search]".
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from secondpass import CrossEncoderReranker, Embedder, Index, SearchPipeline
from secondpass.retrieval.stores.filters import Compare

GUIDE = Path(__file__).parent.parent / "docs" / "guide"
QUESTION = "What happens to an index when a file is gone?"

CODE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
# A paragraph ends at a blank line, a sentence after its stop.
PARAGRAPH = re.compile(r"\S.*?(?=\n\s*\n|\s*\Z)", re.DOTALL)
SENTENCE = re.compile(r"\S.*?(?:[.!?](?=\s)|\Z)", re.DOTALL)


@dataclass(frozen=True)
class Quote:
    """A sentence, its probability to answer, and its place: characters [start, end) of a file."""

    score: float
    text: str
    file: str
    start: int
    end: int


def read_paragraphs(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield each paragraph of each file as a document: its text below the headings above it."""
    for file in sorted(folder.rglob("*.md")):
        text = CODE.sub(lambda code: " " * len(code[0]), file.read_text(encoding="utf-8"))
        headings: list[str] = []
        for found in PARAGRAPH.finditer(text):
            paragraph = found[0]
            if paragraph.startswith("#"):
                level = len(paragraph) - len(paragraph.lstrip("#"))
                headings = [*headings[: level - 1], paragraph.lstrip("# ")]
            elif paragraph[0] not in "|<":  # tables and comments hold no sentences
                yield {
                    "id": f"{file.name}:{found.start()}",
                    "text": f"{', '.join(headings)}\n{paragraph}",
                    "file": str(file),
                    "name": file.name,
                    "start": found.start(),
                    "end": found.end(),
                }


def ask(
    question: str,
    pipeline: SearchPipeline,
    reranker: CrossEncoderReranker,
    *,
    where: Compare | None = None,
    passages: int = 5,
    quotes: int = 3,
    min_score: float = 0.05,
) -> list[Quote]:
    """Return the sentences of the best passages that answer best, best first.

    `where` is a condition over the index's columns.
    """
    places = []
    for hit in pipeline.search(question, passages, where=where):
        about = hit.document.metadata
        whole = Path(about["file"]).read_text(encoding="utf-8")
        for found in SENTENCE.finditer(whole, about["start"], about["end"]):
            places.append((about["file"], found.start(), found.end(), found[0]))
    ranking = reranker.rank(
        question, [text for *_, text in places], top_k=quotes, min_score=min_score
    )
    answer = []
    for hit in ranking:
        file, start, end, text = places[hit.index]
        answer.append(Quote(hit.known_score, " ".join(text.split()), file, start, end))
    return answer


def main() -> int:
    """Index the folder, ask, and print the answer with its sources."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("question", nargs="?", default=QUESTION)
    parser.add_argument("folder", nargs="?", type=Path, default=GUIDE)
    parser.add_argument("--file", help="search only files of this name, such as index.md")
    given = parser.parse_args()
    documents = list(read_paragraphs(given.folder))
    if not documents:
        print(f"there is no Markdown in {given.folder}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as place, CrossEncoderReranker() as reranker:
        index = Index.create(Path(place) / "index", Embedder(), columns={"name": str})
        index.add(documents)
        pipeline = SearchPipeline(index, reranker, depth=50, mode="hybrid")
        where = None if given.file is None else Compare("name", "=", given.file)
        answer = ask(given.question, pipeline, reranker, where=where)
    print(f"{given.question}\n")
    if not answer:
        print(f"None of {len(documents)} paragraphs answers that.")
    for number, quote in enumerate(answer, start=1):
        print(f"  {quote.text} [{number}]")
    print()
    for number, quote in enumerate(answer, start=1):
        name = Path(quote.file).name
        print(f"[{number}] {name}, characters {quote.start} to {quote.end}, {quote.score:.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
