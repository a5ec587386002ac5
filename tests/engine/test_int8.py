"""int8 of a user's own model; needs the extra: make test-extras."""

import numpy as np
import pytest
from exit_models import with_exits

from secondpass import CrossEncoderReranker

pytest.importorskip("nncf", reason="needs the int8 extra: make test-extras")

QUERY = "read the csv rows"


def test_an_int8_graph_in_stages_computes_what_it_does_whole(parity, documents, tmp_path):
    folder = with_exits(parity / "bert", tmp_path / "bert")
    reranker = CrossEncoderReranker(folder, 64, precision="int8", cache_dir=tmp_path / "graphs")
    whole = {hit.index: hit.logit for hit in reranker.rank(QUERY, documents, None)}
    stayed = [
        hit
        for hit in reranker.rank(QUERY, documents, None, effort="balanced")
        if not hit.exit_layer
    ]
    assert len(stayed) == 25
    # The batches differ, and with them the order of sums, which moves a few int8 roundings.
    assert [hit.logit for hit in stayed] == pytest.approx(
        [whole[hit.index] for hit in stayed], abs=0.05
    )


def test_int8_is_calibrated_once_kept_and_near_fp32(
    parity, documents, tmp_path, monkeypatch, capsys
):
    pairs = [(QUERY, text) for text in documents]
    exact = CrossEncoderReranker(parity / "bert", 64, precision="fp32", cache_dir=tmp_path)
    first = CrossEncoderReranker(parity / "bert", 64, precision="int8", cache_dir=tmp_path)
    assert first.info.precision == "int8"
    assert capsys.readouterr().out == ""
    scores = first.predict(pairs)
    # Random weights drawn wide lose more than a trained model's: see tests/test_embedded.py.
    assert np.corrcoef(scores, exact.predict(pairs))[0, 1] > 0.9
    assert np.abs(scores - exact.predict(pairs)).max() > 0

    from secondpass.graph import quantize

    monkeypatch.setattr(quantize, "_calibration_batches", lambda *_: pytest.fail("built again"))
    again = CrossEncoderReranker(parity / "bert", 64, precision="int8", cache_dir=tmp_path)
    np.testing.assert_array_equal(again.predict(pairs), scores)
