"""The script on the OpenVINO backend, at its best batch size."""

LABEL = 'sentence-transformers {sentence-transformers}, backend="openvino", best batch'


def load(work):
    from benchmarks.drop_in.best import at_best_batch

    return at_best_batch(work, backend="openvino")
