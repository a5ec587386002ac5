"""Build the models that ship in the package from their sources, so that anyone can check them.

    make embedded                 builds all and reports what changed
    python -m scripts.build_embedded --check   builds into a temporary folder and compares

Each becomes OpenVINO IR at int8; scripts/embedded_sources.py says what each is made from.
--sources FOLDER keeps that: the models before int8.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import openvino as ov

from scripts import embedded_sources
from secondpass.compiling.folder import write_exits
from secondpass.graph.build import BUILDER_VERSION, build_graph
from secondpass.graph.quantize import CALIBRATION_FILE, CALIBRATION_VERSION, quantize
from secondpass.graph.write import GRAPH_FILE, write_graph
from secondpass.models.digest import file_sha256
from secondpass.models.embedded import ACCURATE, BI_ENCODER, CROSS_ENCODER, embedded_folder
from secondpass.models.folder import find_folder
from secondpass.models.spec import (
    DIRECTIONS_FILE,
    ModelSpec,
    read_bi_encoder_spec,
    read_cross_encoder_spec,
)

SOURCES = {
    CROSS_ENCODER: embedded_sources.cross_encoder,
    ACCURATE: embedded_sources.accurate,
    BI_ENCODER: embedded_sources.bi_encoder,
}
COPIED_FILES = (
    "config.json",
    "tokenizer.json",
    "modules.json",
    "sentence_bert_config.json",
    "config_sentence_transformers.json",
    "1_Pooling/config.json",
    DIRECTIONS_FILE,
    "CARD.md",
    "LICENSE",
)


def main() -> None:
    """Build or check the models."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--only", choices=SOURCES, action="append", help="build these")
    parser.add_argument("--sources", type=Path, help="keep the sources in this folder")
    parser.add_argument("--sources-only", action="store_true", help="build nothing")
    parser.add_argument("--check", action="store_true", help="compare with what is shipped")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        for name in arguments.only or SOURCES:
            source = SOURCES[name](arguments.sources or work / "sources")
            if arguments.sources_only:
                continue
            built = work / name
            build(name, source, built)
            same = report(name, built)
            if arguments.check and not same:
                sys.exit(f"{name}: what is shipped is not what these sources give here")
            if not arguments.check:
                install(built, embedded_folder(name))


def build(name: str, source: Path, folder: Path) -> None:
    """Write a model folder: int8 IR, config, tokenizer, card, and where it comes from."""
    spec = read_spec(name, source)
    folder.mkdir(parents=True)
    model = quantize(build_graph(spec), spec)
    write_graph(model, folder / GRAPH_FILE)
    write_exits(source, folder)
    for relative in COPIED_FILES:
        if (source / relative).exists():
            (folder / relative).parent.mkdir(exist_ok=True)
            shutil.copyfile(source / relative, folder / relative)
    (folder / "source.json").write_text(json.dumps(provenance(spec), indent=1) + "\n")


def read_spec(name: str, source: Path) -> ModelSpec:
    """Read the spec of the source folder, as a bi-encoder's or a cross-encoder's."""
    read = read_bi_encoder_spec if name == BI_ENCODER else read_cross_encoder_spec
    return read(find_folder(source))


def provenance(spec: ModelSpec) -> dict[str, object]:
    """Return what the int8 graph depends on."""
    return {
        "weights_sha256": spec.weights_sha256,
        "precision": "int8",
        "builder_version": BUILDER_VERSION,
        "calibration_sha256": file_sha256(CALIBRATION_FILE),
        "calibration_version": CALIBRATION_VERSION,
        "openvino": ov.__version__,
        "nncf": version("nncf"),
    }


def report(name: str, built: Path) -> bool:
    """Print each file's size and hash beside the shipped one's; return whether all are equal."""
    shipped = embedded_folder(name)
    same = True
    for file in sorted(path for path in built.rglob("*") if path.is_file()):
        other = shipped / file.relative_to(built)
        equal = other.exists() and file_sha256(other) == file_sha256(file)
        same = same and (equal or file.name == "source.json")
        mark = "same" if equal else "new"
        size, digest = file.stat().st_size, file_sha256(file)
        print(f"{mark:5} {digest[:16]} {size:>11,} {name}/{file.relative_to(built)}")
    return same


def install(built: Path, folder: Path) -> None:
    """Replace the shipped folder."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(built, folder)


if __name__ == "__main__":
    main()
