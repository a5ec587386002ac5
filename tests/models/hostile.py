"""Hostile model folders: each a whole tiny model with one thing changed.

Every case is a function that changes a copy of tests/parity/bert (or of another folder there) in
place. None of them may do more than be refused by name, or score as a model does.
"""

from __future__ import annotations

import json
import math
import os
import struct
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file

Change = Callable[[Path], None]

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 9\n"
PAGE = b"<!DOCTYPE html>\n<html><body>404</body></html>"


def edited(file: Path, change: Callable[[Any], Any]) -> None:
    """Rewrite a JSON file by a function that changes its value or gives another."""
    value = json.loads(file.read_text())
    changed = change(value)
    file.write_text(json.dumps(value if changed is None else changed))


def config(**values: Any) -> Change:
    return lambda folder: edited(folder / "config.json", lambda there: there.update(values))


def without(*keys: str) -> Change:
    def drop(there: dict[str, Any]) -> None:
        for key in keys:
            there.pop(key, None)

    return lambda folder: edited(folder / "config.json", drop)


def content(name: str, data: bytes) -> Change:
    def write(folder: Path) -> None:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(data)

    return write


def replaced(name: str, make: Callable[[Path], Any]) -> Change:
    def put(folder: Path) -> None:
        (folder / name).unlink(missing_ok=True)
        make(folder / name)

    return put


def link(target: str) -> Callable[[Path], None]:
    return lambda file: file.symlink_to(target)


def tensors(change: Callable[[dict[str, Any]], Any]) -> Change:
    def rewrite(folder: Path) -> None:
        held = load_file(folder / "model.safetensors")
        changed = change(held)
        save_file(held if changed is None else changed, folder / "model.safetensors")

    return rewrite


def tensor(name: str, change: Callable[[Any], Any]) -> Change:
    return tensors(lambda held: held.update({name: np.ascontiguousarray(change(held[name]))}))


def dropped(name: str) -> Change:
    return tensors(lambda held: {key: value for key, value in held.items() if key != name})


def header(change: Callable[[dict[str, Any]], Any], *, claimed: int | None = None) -> Change:
    """Change the header of the weights and leave the numbers as they are."""

    def rewrite(folder: Path) -> None:
        file = folder / "model.safetensors"
        data = file.read_bytes()
        size = struct.unpack("<Q", data[:8])[0]
        entries = json.loads(data[8 : 8 + size])
        changed = change(entries)
        written = json.dumps(entries if changed is None else changed).encode()
        length = len(written) if claimed is None else claimed
        file.write_bytes(struct.pack("<Q", length) + written + data[8 + size :])

    return rewrite


def entry(name: str, **values: Any) -> Change:
    return header(lambda entries: entries[name].update(values))


def tokenizer(**parts: Any) -> Change:
    return lambda folder: edited(folder / "tokenizer.json", lambda there: there.update(parts))


def model(**parts: Any) -> Change:
    return lambda folder: edited(
        folder / "tokenizer.json", lambda there: there["model"].update(parts)
    )


def shards(place: Callable[[list[str]], dict[str, str]], twice: bool = False) -> Change:
    """Split the weights in two files and write an index of the tensors' names that says so."""

    def split(folder: Path) -> None:
        held = load_file(folder / "model.safetensors")
        names = sorted(held)
        half = len(names) // 2
        save_file(
            {name: held[name] for name in (names if twice else names[:half])},
            folder / "a.safetensors",
        )
        save_file({name: held[name] for name in names[half:]}, folder / "b.safetensors")
        (folder / "model.safetensors").unlink()
        index = {"weight_map": place(names)}
        (folder / "model.safetensors.index.json").write_text(json.dumps(index))

    return split


def as_named(names: list[str]) -> dict[str, str]:
    half = len(names) // 2
    return {
        name: "a.safetensors" if at < half else "b.safetensors" for at, name in enumerate(names)
    }


WORDS = "bert.embeddings.word_embeddings.weight"
QUERY = "bert.encoder.layer.0.attention.self.query.weight"
NORM = "bert.embeddings.LayerNorm.weight"
HEAD = "classifier.weight"

NO_NUMBERS = {
    "text": "32",
    "words": "many",
    "list": [32],
    "object": {},
    "true": True,
    "infinity": math.inf,
    "nan": math.nan,
    "huge": 10**30,
    "billion": 10**9,
    "negative": -4,
    "zero": 0,
    "half": 1.5,
}
NUMBERS = (
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "intermediate_size",
    "max_position_embeddings",
)

CONFIG: dict[str, Change] = {
    f"{key} {kind}": config(**{key: value}) for key in NUMBERS for kind, value in NO_NUMBERS.items()
}
CONFIG |= {f"no {key}": without(key) for key in NUMBERS[:3]}
CONFIG |= {
    "heads that do not divide": config(num_attention_heads=5),
    "other width": config(hidden_size=64),
    "more layers": config(num_hidden_layers=4),
    "a billion words": config(vocab_size=10**9),
    "fewer layers": config(num_hidden_layers=2),
    "other feed-forward": config(intermediate_size=32),
    "fewer words": config(vocab_size=599),
    "fewer positions": config(max_position_embeddings=32),
    "one token type": config(type_vocab_size=1),
    "types text": config(type_vocab_size="2"),
    "padding text": config(pad_token_id="0"),
    "padding list": config(pad_token_id=[0]),
    "padding negative": config(pad_token_id=-1),
    "epsilon text": config(layer_norm_eps="small"),
    "epsilon nan": config(layer_norm_eps=math.nan),
    "epsilon infinite": config(layer_norm_eps=math.inf),
    "epsilon huge": config(layer_norm_eps=10**400),
    "epsilon negative": config(layer_norm_eps=-1),
    "relative positions": config(position_embedding_type="relative_key"),
    "positions number": config(position_embedding_type=3),
    "activation list": config(hidden_act=["gelu"]),
    "activation number": config(hidden_act=1),
    "activation of control characters": config(hidden_act="gelu\x1b[31m"),
    "activation unknown": config(hidden_act="gelu_newer"),
    "activation cased": config(hidden_act="GELU"),
    "activation empty": config(hidden_act=""),
    "activation of code": config(hidden_act="torch.nn.GELU"),
    "labels text": config(num_labels="one"),
    "labels huge": config(num_labels=10**30),
    "labels named list": config(id2label=["LABEL_0"]),
    "several labels": config(id2label={"0": "a", "1": "b"}),
    "sentence_transformers list": config(sentence_transformers=[]),
    "architectures text": config(architectures="BertForSequenceClassification"),
    "architectures numbers": config(architectures=[1]),
    "model_type number": config(model_type=7),
    "model_type list": config(model_type=["bert"]),
    "late join without its weights": config(model_type="late-join-bert", join_layer=1),
    "late join without its layer": config(model_type="late-join-bert"),
    "exits list": config(exits=[]),
    "exits text": config(exits={"fast": "all"}),
    "no model_type": without("model_type"),
}
CONFIG_FINE = {"exits list", "exits text"}  # read for an effort only

FILES: dict[str, Change] = {}
for _name in ("config.json", "tokenizer.json", "model.safetensors"):
    FILES |= {
        f"{_name} empty": content(_name, b""),
        f"{_name} pointer": content(_name, POINTER),
        f"{_name} page": content(_name, PAGE),
        f"{_name} zeros": content(_name, b"\0" * 64),
        f"{_name} ones": content(_name, b"\xff" * 64),
        f"{_name} deep": content(_name, b"[" * 100_000),
        f"{_name} null": content(_name, b"null"),
        f"{_name} utf-16": content(_name, '{"a": "b"}'.encode("utf-16")),
        f"{_name} pipe": replaced(_name, os.mkfifo),
        f"{_name} folder": replaced(_name, Path.mkdir),
        f"{_name} device": replaced(_name, link("/dev/zero")),
        f"{_name} terminal": replaced(_name, link("/dev/stdin")),
        f"{_name} circle": replaced(_name, link(_name)),
        f"{_name} nowhere": replaced(_name, link("/nowhere/at/all")),
        f"{_name} link to a folder": replaced(_name, link("/etc")),
        f"{_name} other file": replaced(_name, link("/etc/passwd")),
        f"{_name} missing": replaced(_name, lambda _: None),
    }
for _name in ("modules.json", "config_sentence_transformers.json", "sentence_bert_config.json"):
    FILES |= {
        f"{_name} empty": content(_name, b""),
        f"{_name} pointer": content(_name, POINTER),
        f"{_name} deep": content(_name, b"[" * 100_000),
        f"{_name} pipe": replaced(_name, os.mkfifo),
        f"{_name} number": content(_name, b"3"),
        f"{_name} latin-1": content(_name, b'{"a": "\xe9"}'),
    }
FILES |= {
    "config.json twice": content("config.json", b'{"model_type": "bert", "model_type": "roberta"}'),
    "config.json half": lambda folder: os.truncate(folder / "config.json", 100),
    "length text": content("sentence_bert_config.json", b'{"max_seq_length": "512"}'),
    "length huge": content("sentence_bert_config.json", b'{"max_seq_length": 1' + b"0" * 30 + b"}"),
    "modules of numbers": content("modules.json", b"[1, 2]"),
    "modules without type": content("modules.json", b'[{"path": ""}]'),
    "exits pipe": replaced("exits.safetensors", os.mkfifo),
    "exits broken": content("exits.safetensors", b"\x08" * 100),
    "exits pointer": content("exits.safetensors", POINTER),
}
FILES_FINE = {"exits pipe"}  # no file: not looked for

INDEX: dict[str, Change] = {
    f"shard {name!r}": shards(partial(lambda name, names: dict.fromkeys(names, name), name))
    for name in (
        "../model.safetensors",
        "/etc/passwd",
        "/dev/zero",
        "C:\\model.safetensors",
        "..\\a.safetensors",
        "",
        "a\0.safetensors",
        "a.safetensors/../../b.safetensors",
        "config.json",
        "pytorch_model.bin",
        "missing.safetensors",
        "x" * 300 + ".safetensors",
    )
}
INDEX |= {
    "swapped": shards(
        lambda names: dict(zip(names, reversed(as_named(names).values()), strict=True))
    ),
    "tensor of no shard": shards(lambda names: as_named(names) | {"extra": "a.safetensors"}),
    "tensor twice": shards(as_named, twice=True),
    "list of names": shards(lambda names: names),
    "numbers": shards(lambda names: dict.fromkeys(names, 1)),
    "empty map": shards(lambda names: {}),
}

_FOUR = np.zeros((4, 32, 32), np.float32)
WEIGHTS: dict[str, Change] = {
    "no tensors": tensors(lambda held: {}),
    "no words": dropped(WORDS),
    "no head": dropped(HEAD),
    "no bias": dropped(QUERY.replace("weight", "bias")),
    "no norm bias": dropped(NORM.replace("weight", "bias")),
    "no types": dropped("bert.embeddings.token_type_embeddings.weight"),
    "empty table": tensor(WORDS, lambda table: table[:0]),
    "no width": tensor(WORDS, lambda table: table[:, :0]),
    "words of another width": tensor(WORDS, lambda table: table[:, :16]),
    "words flat": tensor(WORDS, np.ravel),
    "words deep": tensor(WORDS, lambda table: table[None]),
    "words whole numbers": tensor(WORDS, lambda table: table.astype(np.int64)),
    "words bytes": tensor(WORDS, lambda table: table.astype(np.uint8)),
    "words bool": tensor(WORDS, lambda table: table > 0),
    "positions of one number": tensor(
        "bert.embeddings.position_embeddings.weight", lambda table: table[:, :1]
    ),
    "norm of one number": tensor(NORM, lambda norm: norm[:1]),
    "norm square": tensor(NORM, lambda norm: np.diag(norm)),
    "bias of one number": tensor(QUERY.replace("weight", "bias"), lambda bias: bias[:1]),
    "query deep": tensor(QUERY, lambda weight: weight[None]),
    "query flat": tensor(QUERY, np.ravel),
    "query half": tensor(QUERY, lambda weight: weight[:16]),
    "query empty": tensor(QUERY, lambda weight: weight[:0]),
    "query scalar": tensor(QUERY, lambda weight: weight[0, 0]),
    "query of four": tensor(QUERY, lambda weight: _FOUR),
    "two labels": tensor(HEAD, lambda weight: np.repeat(weight, 2, 0)),
    "no label": tensor(HEAD, lambda weight: weight[:0]),
    "head flat": tensor(HEAD, np.ravel),
    "another layer": tensors(
        lambda held: held.update({"bert.encoder.layer.3.output.dense.bias": np.zeros(32, "f4")})
    ),
    "exit without head": tensors(lambda held: held.update({"exits.1.dense.bias": np.zeros(3)})),
    "exit of many digits": tensors(
        lambda held: held.update({f"exits.{'9' * 5000}.x": np.zeros(1)})
    ),
    "header of no length": header(lambda entries: None, claimed=0),
    "header longer than the file": header(lambda entries: None, claimed=2**40),
    "header of 2^63": header(lambda entries: None, claimed=2**63),
    "header a list": header(lambda entries: [entries]),
    "header empty": header(lambda entries: {}),
    "offsets beyond": entry(WORDS, data_offsets=[0, 2**40]),
    "offsets negative": entry(WORDS, data_offsets=[-4, 4]),
    "offsets backwards": entry(WORDS, data_offsets=[76800, 0]),
    "offsets text": entry(WORDS, data_offsets="all"),
    "offsets shared": header(
        lambda entries: entries[WORDS].update(data_offsets=entries[QUERY]["data_offsets"])
    ),
    "shape larger": entry(WORDS, shape=[600, 64]),
    "shape huge": entry(WORDS, shape=[2**62, 2**62]),
    "shape negative": entry(WORDS, shape=[-600, -32]),
    "shape text": entry(WORDS, shape="600x32"),
    "shape of no axis": entry(WORDS, shape=[]),
    "shape transposed": entry(WORDS, shape=[32, 600]),
    "type unknown": entry(WORDS, dtype="F7"),
    "type number": entry(WORDS, dtype=32),
    "type float8": header(lambda entries: entries[WORDS].update(dtype="F8_E4M3", shape=[2400, 32])),
    "type other float8": header(
        lambda entries: entries[WORDS].update(dtype="F8_E5M2", shape=[2400, 32])
    ),
    "type float4": header(lambda entries: entries[WORDS].update(dtype="F4", shape=[4800, 32])),
    "type complex": header(lambda entries: entries[WORDS].update(dtype="C64", shape=[600, 16])),
    "type whole": entry(WORDS, dtype="I32"),
    "type bool": header(lambda entries: entries[WORDS].update(dtype="BOOL", shape=[2400, 32])),
    "truncated": lambda folder: os.truncate(folder / "model.safetensors", 5000),
    "truncated in the header": lambda folder: os.truncate(folder / "model.safetensors", 100),
    "longer": lambda folder: os.truncate(folder / "model.safetensors", 10_000_000),
}
WEIGHTS_FINE = {"exit without head"}  # read for an effort only


def _split(pattern: str) -> dict[str, Any]:
    rule = {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}
    return {"type": "Sequence", "pretokenizers": [rule, {"type": "BertPreTokenizer"}]}


def _replace(pattern: dict[str, str], put: str, times: int = 1) -> dict[str, Any]:
    rule = {"type": "Replace", "pattern": pattern, "content": put}
    return {"type": "Sequence", "normalizers": [rule] * times}


def _template(sequence: list[str]) -> dict[str, Any]:
    pieces = [{"Sequence": {"id": name, "type_id": 0}} for name in sequence]
    return {"type": "TemplateProcessing", "single": pieces, "pair": pieces, "special_tokens": {}}


PLAIN_CLASS = {
    "tokenizer_class": "PreTrainedTokenizerFast",
    "model_input_names": ["input_ids", "token_type_ids", "attention_mask"],
}


def of_plain_class(change: Change) -> Change:
    """Change a folder whose tokenizer.json is taken as it is."""

    def both(folder: Path) -> None:
        (folder / "tokenizer_config.json").write_text(json.dumps(PLAIN_CLASS))
        change(folder)

    return both


def template_token(name: str, **values: Any) -> Change:
    def change(there: dict[str, Any]) -> None:
        there["post_processor"]["special_tokens"][name].update(values)

    return of_plain_class(lambda folder: edited(folder / "tokenizer.json", change))


def template_type(number: int) -> Change:
    def change(there: dict[str, Any]) -> None:
        for part in ("single", "pair"):
            there["post_processor"][part][0]["SpecialToken"]["type_id"] = number

    return of_plain_class(lambda folder: edited(folder / "tokenizer.json", change))


TOKENIZER: dict[str, Change] = {
    "list": content("tokenizer.json", b"[]"),
    "no model": content("tokenizer.json", b"{}"),
    "model null": tokenizer(model=None),
    "model unknown": tokenizer(model={"type": "Neural"}),
    "vocabulary empty": lambda folder: edited(
        folder / "tokenizer.json",
        lambda there: there.update(model=there["model"] | {"vocab": {}}, added_tokens=[]),
    ),
    "vocabulary list": model(vocab=[]),
    "vocabulary text": model(vocab="words"),
    "ids beyond 32 bits": model(vocab={"[UNK]": 2**40}),
    "ids negative": model(vocab={"[UNK]": -1}),
    "ids text": model(vocab={"[UNK]": "0"}),
    "no unknown token": model(unk_token="[NOWHERE]"),
    "endless words": model(max_input_chars_per_word=10**9),
    "normalizer unknown": tokenizer(normalizer={"type": "Rewrite"}),
    "normalizer number": tokenizer(normalizer=3),
    "multiplied": tokenizer(normalizer=_replace({"String": "a"}, "a" * 1000)),
    "multiplied ten times": tokenizer(normalizer=_replace({"String": "a"}, "aaaa", 10)),
    "multiplied by nothing": tokenizer(normalizer=_replace({"String": ""}, "a" * 1000)),
    "multiplied by pattern": tokenizer(normalizer=_replace({"Regex": "."}, "a" * 1000)),
    "multiplied by an empty pattern": tokenizer(normalizer=_replace({"Regex": "x*"}, "ab", 12)),
    "prepended": tokenizer(normalizer={"type": "Prepend", "prepend": "a" * 100_000}),
    "bytes of bytes": tokenizer(
        pre_tokenizer={
            "type": "Sequence",
            "pretokenizers": [{"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True}]
            * 30,
        }
    ),
    "map broken": tokenizer(normalizer={"type": "Precompiled", "precompiled_charsmap": "AAAA"}),
    "map of a trie too large": tokenizer(
        normalizer={"type": "Precompiled", "precompiled_charsmap": "/////w=="}
    ),
    "pattern broken": tokenizer(pre_tokenizer=_split("(")),
    "pattern that backtracks": tokenizer(pre_tokenizer=_split("(a+)+c")),
    "text twice": tokenizer(post_processor=_template(["A", "A", "B"])),
    "text a thousand times": tokenizer(post_processor=_template(["A"] * 1000 + ["B"])),
    "text left out": tokenizer(post_processor=_template(["A"])),
    "text before the query": tokenizer(post_processor=_template(["B", "A"])),
    "template id beyond int32": template_token("[CLS]", ids=[4_000_000_000]),
    "template id of 2^31": template_token("[SEP]", ids=[2**31]),
    "template ids, one beyond": template_token("[SEP]", ids=[2, 2**32 - 1], tokens=["a", "b"]),
    "template type beyond int32": template_type(2**31),
    "truncation odd": tokenizer(
        truncation={
            "max_length": 1,
            "stride": 5,
            "strategy": "LongestFirst",
            "direction": "Right",
        }
    ),
    "added token text": tokenizer(added_tokens="[CLS]"),
    "added token huge id": lambda folder: edited(
        folder / "tokenizer.json",
        lambda there: there["added_tokens"].append(
            there["added_tokens"][0] | {"id": 2**32 - 1, "content": "zzz"}
        ),
    ),
}
# Both are passed over: our own truncation is explicit, and tokenizers numbers added tokens itself.
TOKENIZER_FINE = {"truncation odd", "added token huge id"}

MODERN: dict[str, Change] = {
    "layer_types short": config(layer_types=["full_attention"]),
    "layer_types long": config(layer_types=["full_attention"] * 9),
    "layer_types unknown": config(layer_types=["linear_attention"] * 5),
    "layer_types numbers": config(layer_types=[0, 1, 2, 3, 4]),
    "layer_types text": config(layer_types="full_attention"),
    "rope_parameters list": config(rope_parameters=[]),
    "rope_parameters text": config(rope_parameters="default"),
    "rope_parameters of a list": config(rope_parameters={"full_attention": [1]}),
    "rope_theta zero": config(rope_parameters={"full_attention": {"rope_theta": 0}}),
    "rope_theta text": config(rope_parameters={"full_attention": {"rope_theta": "1e4"}}),
    "rope_theta infinite": config(rope_parameters={"sliding_attention": {"rope_theta": math.inf}}),
    "rope_type yarn": config(rope_parameters={"full_attention": {"rope_type": "yarn"}}),
    "rope_scaling list": config(rope_scaling=[2]),
    "rope_scaling linear": config(rope_scaling={"type": "linear", "factor": 2}),
    "window text": config(local_attention="16"),
    "window negative": config(local_attention=-16),
    "pooling unknown": config(classifier_pooling="max"),
    "pooling list": config(classifier_pooling=[]),
    "activation unknown": config(hidden_activation=["gelu"]),
    "heads odd": config(num_attention_heads=32),
    "heads do not divide": config(num_attention_heads=3),
    "fewer layers": config(num_hidden_layers=4, layer_types=None),
    "epsilon text": config(norm_eps="1e-5"),
    "head flat": tensor("classifier.weight", np.ravel),
    "gate odd": tensor("model.layers.0.mlp.Wi.weight", lambda weight: weight[:-1]),
    "joint short": tensor("model.layers.0.attn.Wqkv.weight", lambda weight: weight[:-3]),
}
