"""The torch engine: any architecture that sentence-transformers can load, without our speed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondpass.engine.contract import EngineInfo
from secondpass.errors import InputError, MissingExtraError, ModelFileError, UnsupportedModelError
from secondpass.models.code_free import require_code_free
from secondpass.models.spec import ModelSpec
from secondpass.options.model import Precision
from secondpass.scoring.batches import Batch


class TorchEngine:
    """Feeds our batches to the modules of a sentence-transformers CrossEncoder."""

    streams = 1
    staged = None

    def __init__(self, spec: ModelSpec, *, precision: Precision, device: str, threads: int) -> None:
        torch, sentence_transformers = _import_libraries(spec)
        if precision == "int8":
            raise UnsupportedModelError(
                f"{spec.name}: precision 'int8' is only for architectures with a graph builder; "
                f"{spec.architecture!r} runs on torch, take 'fp32' or 'auto'"
            )
        require_code_free(spec.folder)
        # torch has one thread setting for the whole process.
        torch.set_num_threads(threads)
        try:
            self._model = sentence_transformers.CrossEncoder(
                str(spec.folder),
                device=device,
                local_files_only=True,
                trust_remote_code=False,
                # Logits are asked for; else it would import what the config names.
                activation_fn=torch.nn.Identity(),
                model_kwargs={"use_safetensors": True, "dtype": torch.float32},
            )
        except RuntimeError as error:
            raise InputError(f"device {device!r} is not usable by torch: {error}") from error
        except (OSError, ValueError, KeyError) as error:
            raise ModelFileError(f"{spec.folder} cannot be loaded by torch: {error}") from error
        self._model.eval()
        self._torch = torch
        self._accepts_types = int(spec.config.get("type_vocab_size") or 0) > 0
        self.info = EngineInfo(f"torch {torch.__version__}", device, "fp32", "f32", threads)

    def run(self, batches: Sequence[Batch]) -> list[NDArray[np.float32]]:
        """Return one float32 array [rows, labels] for each batch, in order."""
        return [self._run_one(batch) for batch in batches]

    def _run_one(self, batch: Batch) -> NDArray[np.float32]:
        features: dict[str, Any] = {
            "input_ids": batch.input_ids,
            "attention_mask": batch.attention_mask,
        }
        if self._accepts_types:
            features["token_type_ids"] = batch.token_type_ids
        tensors = {
            name: self._torch.from_numpy(values).long().to(self._model.device)
            for name, values in features.items()
        }
        with self._torch.inference_mode():
            scores = self._model(tensors)["scores"].float().cpu().numpy()
        return np.asarray(scores, np.float32).reshape(len(batch.input_ids), -1)


def _import_libraries(spec: ModelSpec) -> tuple[Any, Any]:
    try:
        import sentence_transformers
        import torch
    except ImportError as error:
        raise MissingExtraError(
            f"{spec.name}: architecture {spec.architecture!r} has no graph builder and runs on the "
            "torch engine, which",
            "torch",
        ) from error
    return torch, sentence_transformers
