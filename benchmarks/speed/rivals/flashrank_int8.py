"""FlashRank on the same weights: ONNX Runtime's dynamic int8, as its own models are made."""

import json
import shutil
from pathlib import Path

LABEL = "FlashRank {flashrank}, onnxruntime {onnxruntime} dynamic int8"

# FlashRank knows its models by name; ours lies where this one would.
NAME, FILE = "ms-marco-MiniLM-L-12-v2", "flashrank-MiniLM-L-12-v2_Q.onnx"


def load(work):
    from flashrank import Ranker, RerankRequest

    folder = Path(work.scratch) / "flashrank" / NAME
    folder.mkdir(parents=True)
    export(work.model, folder)
    ranker = Ranker(
        NAME, cache_dir=str(folder.parent), max_length=work.max_length, log_level="ERROR"
    )

    def rerank(query, texts):
        passages = [{"id": at, "text": text} for at, text in enumerate(texts)]
        ranked = ranker.rerank(RerankRequest(query=query, passages=passages))
        by_id = {one["id"]: float(one["score"]) for one in ranked}
        return [by_id[at] for at in range(len(texts))]

    return rerank, ""


def export(model, folder):
    import torch
    import transformers
    from onnxruntime.quantization import quantize_dynamic

    network = transformers.AutoModelForSequenceClassification.from_pretrained(
        model, attn_implementation="eager"
    ).eval()
    names = ["input_ids", "attention_mask", "token_type_ids"]
    example = tuple(torch.ones((2, 8), dtype=torch.int64) for _ in names)
    shape = {0: torch.export.Dim("rows"), 1: torch.export.Dim("length", max=512)}
    torch.onnx.export(
        network,
        kwargs=dict(zip(names, example, strict=True)),
        f=folder / "fp32.onnx",
        input_names=names,
        output_names=["logits"],
        dynamic_shapes=dict.fromkeys(names, shape),
        external_data=False,
        dynamo=True,
    )
    quantize_dynamic(folder / "fp32.onnx", folder / FILE)
    (folder / "fp32.onnx").unlink()
    source = Path(model)
    shutil.copyfile(source / "tokenizer.json", folder / "tokenizer.json")
    config = json.loads((source / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({"pad_token_id": 0} | config))
    special = {"pad_token": "[PAD]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    (folder / "tokenizer_config.json").write_text(json.dumps({"model_max_length": 512} | special))
    (folder / "special_tokens_map.json").write_text(json.dumps(special))
