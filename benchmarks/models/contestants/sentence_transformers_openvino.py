"""sentence-transformers' OpenVINO backend on the weights as they are."""

LABEL = "sentence-transformers {sentence-transformers}, OpenVINO {openvino}"


def load(work):
    from sentence_transformers import CrossEncoder

    from benchmarks.models.batch import at_better_batch

    model = CrossEncoder(work.model, max_length=work.max_length, device="cpu", backend="openvino")
    return at_better_batch(model, work)
