"""The torch engine: any architecture that sentence-transformers can load, without our speed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondpass.engine.contract import Batch, EngineInfo, Policy
from secondpass.errors import (
    EngineError,
    InputError,
    ModelFileError,
    UnsupportedModelError,
)
from secondpass.models.code_free import require_code_free
from secondpass.models.spec import ModelSpec
from secondpass.native import native_call, require_no_fork
from secondpass.scoring.batches import pad_batch
from secondpass.scoring.pairs import Pair


class TorchEngine:
    """Feeds our batches to the modules of a sentence-transformers CrossEncoder."""

    policy = Policy(streams=1)
    exits = None

    def __init__(self, spec: ModelSpec, *, device: str, threads: int) -> None:
        import torch
        from sentence_transformers import CrossEncoder

        require_code_free(spec.folder)
        # torch has one thread setting for the whole process.
        torch.set_num_threads(threads)
        _check_device(device)
        try:
            self._model: Any = CrossEncoder(
                str(spec.folder),
                device=device,
                local_files_only=True,
                trust_remote_code=False,
                # Else it would call whatever function of torch config.json names.
                activation_fn=torch.nn.Identity(),
                model_kwargs={"use_safetensors": True, "dtype": torch.float32},
            )
        except (OSError, RuntimeError, ValueError, KeyError) as error:
            raise ModelFileError(f"{spec.folder} cannot be loaded by torch: {error}") from error
        self._model.eval()
        self._accepts_types = int(spec.config.get("type_vocab_size") or 0) > 0
        self.info = EngineInfo(f"torch {torch.__version__}", device, "fp32", "f32", threads)
        self._check_padding(spec)

    def run(self, batches: Sequence[Batch]) -> list[NDArray[np.float32]]:
        """Return one float32 array [rows, labels] for each batch, in order."""
        require_no_fork()
        model = self._model
        if model is None:
            raise EngineError.closed()
        try:
            return [self._run_one(model, batch) for batch in batches]
        except (RuntimeError, ValueError, IndexError, NotImplementedError) as error:
            raise EngineError(f"torch failed while it computed a batch: {error}") from error

    def close(self) -> None:
        """Free the model; calls that are under way finish."""
        self._model = None

    def _check_padding(self, spec: ModelSpec) -> None:
        """Run two rows of different length: a model without a padding token takes one only."""
        rows = [Pair(np.zeros(length, np.int32), np.zeros(length, np.int32)) for length in (2, 1)]
        try:
            self.run([pad_batch(rows, np.arange(2), 2, spec.padding_id)])
        except EngineError as error:
            raise UnsupportedModelError(
                f"{spec.name} cannot score two texts of different length ({error}): it needs a "
                "padding token, set pad_token_id in its config.json"
            ) from error

    @native_call()
    def _run_one(self, model: Any, batch: Batch) -> NDArray[np.float32]:
        import torch

        names = ["input_ids", "attention_mask"]
        if self._accepts_types:
            names.append("token_type_ids")
        tensors = {
            name: torch.from_numpy(batch.columns[name]).long().to(model.device) for name in names
        }
        with torch.inference_mode():
            scores = model(tensors)["scores"].float().cpu().numpy()
        return np.asarray(scores, np.float32).reshape(len(batch.positions), -1)


def _check_device(device: str) -> None:
    """Raise an InputError unless torch can put a number on the device."""
    import torch

    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise InputError(f"device {device!r} is not usable by torch: {reason}") from error
