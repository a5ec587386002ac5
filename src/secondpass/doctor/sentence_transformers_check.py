"""Agreement with sentence-transformers, which most cross-encoders were trained with."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from secondpass.doctor.result import Finding, judged, not_checked
from secondpass.doctor.subject import Logits, Subject
from secondpass.doctor.texts import QUERY, TEXTS
from secondpass.installation import install_line
from secondpass.models.code_free import require_code_free
from secondpass.progress import without_bars
from secondpass.stats.rank_agreement import kendall_tau

# Both compute in float32, in another order of sums.
_LARGEST_DIFFERENCE = 1e-3
_LOWEST_TAU = 0.99


def sentence_transformers(subject: Subject) -> Finding:
    """Check that sentence-transformers gives the same logits, where it is installed and can."""
    reason = _why_not(subject)
    if reason is not None:
        return reason
    try:
        theirs = their_logits(subject.spec.folder, subject.model.max_length)
    except Exception as error:  # a damaged folder may break it in any way
        why = str(error).partition("\n")[0]
        return not_checked(f"sentence-transformers cannot run it: {type(error).__name__}: {why}")
    difference = float(np.abs(theirs - subject.logits).max())
    tau = kendall_tau(theirs, subject.logits) or 0.0
    most = _LARGEST_DIFFERENCE * max(1.0, float(np.ptp(theirs)))
    return judged(
        difference <= most and tau >= _LOWEST_TAU,
        f"logits differ by {difference:.2g}, Kendall tau {tau:.4f}",
        limit=f"at most {most:.2g}, tau at least {_LOWEST_TAU}",
        advice="tokenizer.json, config.json or weights are read in two ways: compare with the "
        "model's card, and report it",
    )


def _why_not(subject: Subject) -> Finding | None:
    family = subject.spec.family
    if family is not None and not family.in_sentence_transformers:
        return not_checked(f"sentence-transformers cannot load architecture {family.name!r}")
    if subject.spec.weights.format != "safetensors":
        return not_checked(
            f"the folder holds an {subject.spec.weights.format} graph and no model.safetensors"
        )
    if subject.model.info.engine.startswith("torch"):
        return not_checked("the model runs on sentence-transformers here")
    if subject.model.info.arithmetic != "f32":
        return not_checked("compared at fp32 only", "run it again with --precision fp32")
    if find_spec("sentence_transformers") is None or find_spec("torch") is None:
        return not_checked("torch is not installed", install_line("torch"))
    return None


def their_logits(folder: Path, max_length: int) -> Logits:
    """Return the logits of sentence-transformers; no code and no pickle of the folder is read."""
    import torch
    from sentence_transformers import CrossEncoder

    require_code_free(folder)
    with without_bars():
        model: Any = CrossEncoder(
            str(folder),
            device="cpu",
            max_length=max_length,
            local_files_only=True,
            trust_remote_code=False,
            # Else it would call whatever function of torch config.json names.
            activation_fn=torch.nn.Identity(),
            model_kwargs={"use_safetensors": True, "dtype": torch.float32},
        )
    pairs = [(QUERY, text) for text in TEXTS]
    scores = model.predict(pairs, show_progress_bar=False)
    return np.asarray(scores, np.float32)
