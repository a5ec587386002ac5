"""A pytest plugin: `from sentence_transformers import CrossEncoder` gives secondpass's class."""

from __future__ import annotations

import sentence_transformers
import sentence_transformers.cross_encoder

from secondpass import CrossEncoder

sentence_transformers.CrossEncoder = CrossEncoder  # type: ignore[misc]
sentence_transformers.cross_encoder.CrossEncoder = CrossEncoder  # type: ignore[misc]
