"""sentence-transformers' ONNX backend with its dynamic int8 export."""

from pathlib import Path

LABEL = "sentence-transformers {sentence-transformers}, onnxruntime {onnxruntime} dynamic int8"


def load(work):
    from sentence_transformers import CrossEncoder, export_dynamic_quantized_onnx_model

    from benchmarks.models.batch import at_better_batch

    folder = Path(work.scratch) / "st-onnx"
    common = {"max_length": work.max_length, "device": "cpu", "backend": "onnx"}
    plain = CrossEncoder(work.model, **common)
    plain.save_pretrained(str(folder))
    export_dynamic_quantized_onnx_model(plain, "avx512_vnni", str(folder))
    file = {"file_name": "onnx/model_qint8_avx512_vnni.onnx"}
    return at_better_batch(CrossEncoder(str(folder), model_kwargs=file, **common), work)
