"""Two toy collections and scorers with fixed scores, for the tests of benchmarks.quality."""

import json
from dataclasses import replace

import numpy as np

from benchmarks.quality.run import Plan, measure_all
from benchmarks.quality.score_files import ScoreFiles
from benchmarks.quality.scorers import Scored
from benchmarks.run import keep
from secondpass.options.fusion import Fusion
from secondpass.progress import silent
from secondpass.types import ModelInfo

# In "left" BM25 puts the relevant document second, in "right" first.
RUNS = {
    "left": {"q1": {"a": 3.0, "b": 2.0, "c": 1.0}, "q2": {"c": 3.0, "b": 2.0, "a": 1.0}},
    "right": {"q1": {"b": 9.0, "a": 5.0}, "q2": {"b": 4.0, "c": 2.0}},
}
RELEVANT = "b"
INFO = ModelInfo(
    "toy", None, "bert", "0" * 64, "0" * 64, "fp32", "f32", "none", "cpu", 1, 512, "none"
)


def write_collection(folder, run):
    (folder / "qrels").mkdir(parents=True)
    rows = [json.dumps({"_id": id_, "title": "", "text": f"text {id_}"}) for id_ in "abc"]
    (folder / "corpus.jsonl").write_text("\n".join(rows))
    queries = [json.dumps({"_id": id_, "text": f"query {id_}"}) for id_ in ("q1", "q2", "q3")]
    (folder / "queries.jsonl").write_text("\n".join(queries))
    judged = "".join(f"{id_}\t{RELEVANT}\t1\n" for id_ in ("q1", "q2", "q3"))
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n" + judged)
    lines = [
        f"{q} Q0 {d} 1 {score} bm25\n" for q, found in run.items() for d, score in found.items()
    ]
    (folder / "run.bm25.trec").write_text("".join(lines))
    return folder


class FixedScorer:
    """Scores a document by a table. Counts the tasks it scored; may be cut off at one."""

    def __init__(self, label, table, *, kind="reranker", precision="fp32", cut_off_at=None):
        self.label, self.kind, self.table = label, kind, table
        self.info = replace(INFO, precision=precision)
        self.identity = f"{label} {table}"
        self.cut_off_at = cut_off_at
        self.scored = []

    def score(self, task, advance):
        if task.name == self.cut_off_at:
            raise KeyboardInterrupt
        self.scored.append(task.name)
        advance(len(task.run))
        scores = {
            query_id: np.array([self.table[one.document_id] for one in ranked])
            for query_id, ranked in task.run.items()
        }
        return Scored(scores, seconds=2.0, tokens=10, truncated=0)


GOOD = {"a": 0.0, "b": 2.0, "c": 1.0}
NOISY = {"a": 0.5, "b": 2.0, "c": 0.0}
BAD = {"a": 2.0, "b": 0.0, "c": 1.0}


def make_plan(folder, *, cut_off_at=None, collections=("left", "right")):
    folders = []
    for name in collections:
        path = folder / name
        folders.append(path if path.exists() else write_collection(path, RUNS[name]))
    scorers = [
        FixedScorer("bi-encoder", BAD, kind="bi-encoder"),
        FixedScorer("fp32", GOOD),
        FixedScorer("int8", NOISY, precision="int8", cut_off_at=cut_off_at),
    ]
    fusions = [("int8 + BM25", "int8", Fusion("weighted", 0.5))]
    return Plan(folders, scorers, fusions, depth=100, queries=None, seed=1, command="toy")


def run(plan, file, *, resume=False):
    """Measure, as the command does, and return the last result."""
    kept = ScoreFiles(file.with_suffix(".scores"), resume=resume)
    return keep(measure_all(plan, kept, silent), file)
