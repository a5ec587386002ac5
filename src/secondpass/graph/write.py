"""A built graph to the two files of an OpenVINO IR."""

from __future__ import annotations

from pathlib import Path

from secondpass.graph.openvino import ov

# The name by which a model's folder is read.
GRAPH_FILE = "openvino_model.xml"


def write_graph(model: ov.Model, file: Path) -> None:
    """Write a graph as it is, no weight rounded: `file`, and its weights beside it as .bin.

    Raises:
        OSError: the disk is full, or the folder cannot be written.
    """
    try:
        ov.save_model(model, file, compress_to_fp16=False)
    except RuntimeError as error:  # how OpenVINO says that a disk is full
        raise OSError(str(error)) from error
