"""Ours at int8, calibrated on a few pairs: random weights have no accuracy to lose."""

from pathlib import Path

LABEL = "secondpass {secondpass}, int8"


def load(work):
    from benchmarks.speed.ours import scores_of
    from secondpass import CrossEncoderReranker
    from secondpass.compiling.folder import copy_beside_graph
    from secondpass.graph.build import build_graph
    from secondpass.graph.quantize import quantize
    from secondpass.graph.write import GRAPH_FILE, write_graph
    from secondpass.models.folder import find_folder
    from secondpass.models.spec import read_cross_encoder_spec

    spec = read_cross_encoder_spec(find_folder(work.model))
    rows = [{"query": query, "text": text} for query, text in work.calibration]
    folder = Path(work.scratch) / "secondpass-int8"
    folder.mkdir()
    write_graph(quantize(build_graph(spec), spec, rows), folder / GRAPH_FILE)
    copy_beside_graph(spec, folder)
    reranker = CrossEncoderReranker(folder, work.max_length)
    detail = f"{reranker.info.precision} weights, {reranker.info.arithmetic} arithmetic"
    return lambda query, texts: scores_of(reranker, query, texts), detail
