"""A built graph to the two files of an OpenVINO IR."""

from __future__ import annotations

from pathlib import Path

import openvino as ov

GRAPH_FILE = "openvino_model.xml"


def write_graph(model: ov.Model, folder: Path) -> None:
    """Write a graph as it is, no weight rounded, under the name by which a folder is read.

    Raises:
        OSError: the disk is full, or the folder cannot be written.
    """
    try:
        ov.save_model(model, folder / GRAPH_FILE, compress_to_fp16=False)
    except RuntimeError as error:  # how OpenVINO says that a disk is full
        raise OSError(str(error)) from error
