"""sentence-transformers' OpenVINO backend with its static int8 export, on a few pairs."""

LABEL = "sentence-transformers {sentence-transformers}, OpenVINO {openvino} static int8"


def load(work):
    from benchmarks.models.batch import at_better_batch
    from benchmarks.speed.rivals.sentence_transformers_openvino_int8 import quantized

    return at_better_batch(quantized(work), work)
