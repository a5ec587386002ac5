"""sentence-transformers' OpenVINO backend, its own static int8 export, best batch size."""

import json
from pathlib import Path

LABEL = "sentence-transformers {sentence-transformers}, OpenVINO {openvino} static int8, best batch"


def load(work):
    from benchmarks.speed.batch_size import at_best_batch

    return at_best_batch(quantized(work), work)


def quantized(work):
    from optimum.intel import OVQuantizationConfig
    from sentence_transformers import CrossEncoder, export_static_quantized_openvino_model

    folder = Path(work.scratch) / "st-openvino"
    plain = CrossEncoder(work.model, max_length=work.max_length, device="cpu", backend="openvino")
    plain.save_pretrained(str(folder))
    # The exporter calibrates on a data set by name; a folder of JSON Lines is one.
    data = Path(work.scratch) / "st-calibration"
    data.mkdir()
    lines = [json.dumps({"pair": f"{query} {text}"}) for query, text in work.calibration]
    (data / "train.jsonl").write_text("\n".join(lines) + "\n")
    export_static_quantized_openvino_model(
        plain,
        OVQuantizationConfig(num_samples=len(lines)),
        str(folder),
        dataset_name=str(data),
        dataset_config_name="default",
        dataset_split="train",
        column_name="pair",
    )
    return CrossEncoder(
        str(folder),
        max_length=work.max_length,
        device="cpu",
        backend="openvino",
        model_kwargs={"file_name": "openvino/openvino_model_qint8_quantized.xml"},
    )
