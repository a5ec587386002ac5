"""The torch engine: any architecture that sentence-transformers can load, without our speed."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondpass.checks import shortened
from secondpass.engine.contract import Batch, EngineInfo, Policy
from secondpass.engine.torch_features import PeerFeatures, read_peer_features
from secondpass.errors import (
    EngineError,
    InputError,
    ModelFileError,
    UnsupportedModelError,
)
from secondpass.models.code_free import require_code_free
from secondpass.models.spec import ModelSpec
from secondpass.native import native_call, require_no_fork
from secondpass.options.model import Precision
from secondpass.progress import without_bars
from secondpass.scoring.batches import pad_batch
from secondpass.scoring.pairs import Pair

# The keys by which a decoder's tokens see those behind them too.
_BIDIRECTIONAL = ("use_bidirectional_attention", "bidirectional", "is_bidirectional")
# How far apart a row's scores may be, alone and padded: padding changes the order of sums.
_LARGEST_DIFFERENCE = {"f32": 1e-3, "bf16": 0.1, "f16": 0.03}
# A GPU is idle at the batches of a CPU. Texts of about a length stand together: little is padding.
_ON_CUDA = Policy(max_tokens=32_768, length_multiple=8)


# The kinds whose layers mix a row's padding into its score, whatever the weights are: a convolution
# and a Fourier transform along the row take the padding in, and so do means of its segments.
_MIXES_PADDING = {
    "convbert": "its convolutions read the padding beside a text",
    "fnet": "its Fourier transforms are over the padding too",
    "nystromformer": "its landmarks are means over the padding too",
}

_TYPES = {"f32": "float32", "bf16": "bfloat16", "f16": "float16"}


class TorchEngine:
    """Feeds our batches to the modules of a sentence-transformers CrossEncoder."""

    exits = None
    join = None

    def __init__(
        self, spec: ModelSpec, *, device: str, threads: int, precision: Precision = "fp32"
    ) -> None:
        import torch

        require_code_free(spec.folder)
        _require_kept_apart(spec)
        # torch has one thread setting for the whole process.
        torch.set_num_threads(threads)
        _check_device(device)
        self._on_cuda = device.startswith("cuda")
        self.policy = _ON_CUDA if self._on_cuda else Policy()
        self._arithmetic = arithmetic(device, precision)
        self._model: Any = _load(spec, device, self._arithmetic)
        self._name = spec.name
        _require_its_class(self._model, spec)
        _require_every_weight(self._model, spec)
        self._features: PeerFeatures = read_peer_features(self._model, spec)
        name = f"torch {torch.__version__}"
        why = f"the torch engine computes in {self._arithmetic} on {device}"
        self.info = EngineInfo(
            name, device, "fp32", self._arithmetic, threads, self._check_rows(), why
        )

    def run(self, batches: Sequence[Batch]) -> list[NDArray[np.float32]]:
        """Return one float32 array [rows, labels] for each batch, in order."""
        require_no_fork()
        model = self._model
        if model is None:
            raise EngineError.closed()
        try:
            return self._run(model, batches)
        # A model's own code may fail in any way at a shape that it does not expect.
        except Exception as error:
            reason = str(error).strip().partition("\n")[0] or type(error).__name__
            raise EngineError(f"torch failed while it computed a batch: {reason}") from error

    def close(self) -> None:
        """Free the model; calls that are under way finish."""
        self._model = None

    def require_length(self, tokens: int) -> None:
        """Run one row of that many tokens.

        Raises:
            InputError: the model cannot take it.
        """
        pair = self._features.trial[0]
        ids, types = (np.resize(column, tokens) for column in (pair.ids, pair.types))
        try:
            self._alone(Pair(ids, types))
        except EngineError as error:
            raise InputError(
                f"{self._name} cannot score {tokens} tokens ({error}); pass a smaller max_length"
            ) from error

    def _check_rows(self) -> int:
        """Score rows of different length, together and alone; return how many labels a row has.

        Raises:
            UnsupportedModelError: it fails, or scores a row by its company.
        """
        rows = self._features.trial
        longest = max(len(pair.ids) for pair in rows)
        try:
            together = self.run([pad_batch(rows, np.arange(len(rows)), longest, 0)])[0]
            alone = np.concatenate([self._alone(pair) for pair in rows])
        except EngineError as error:
            raise UnsupportedModelError(
                f"{self._name} cannot score texts of different length ({error}): it may need a "
                "padding token (pad_token_id in its config.json), or lengths that it alone knows"
            ) from error
        apart = float(np.abs(together - alone).max())
        most = _LARGEST_DIFFERENCE[self._arithmetic]
        if not apart <= most * max(1.0, float(np.abs(alone).max())):
            raise UnsupportedModelError(
                f"{self._name} scores a text by what stands beside it: alone and in a batch its "
                f"scores differ by {apart:.2g}; its code does not leave the padding out"
            )
        return int(together.shape[1])

    def _alone(self, pair: Pair) -> NDArray[np.float32]:
        return self.run([pad_batch([pair], np.arange(1), len(pair.ids), 0)])[0]

    @native_call()
    def _run(self, model: Any, batches: Sequence[Batch]) -> list[NDArray[np.float32]]:
        """Launch every batch before any score is waited for: a GPU computes meanwhile."""
        import torch

        with torch.inference_mode():
            launched = [
                model({**self._on_device(model, batch), **self._features.others})["scores"].float()
                for batch in batches
            ]
            rows = [scores.cpu().numpy() for scores in launched]
        return [
            np.asarray(of_batch, np.float32).reshape(len(batch.positions), -1)
            for of_batch, batch in zip(rows, batches, strict=True)
        ]

    def _on_device(self, model: Any, batch: Batch) -> dict[str, Any]:
        """Return a batch's columns as tensors; from pinned memory the copy is not waited for."""
        import torch

        tensors = {}
        for name, column in self._features.laid_out(batch).items():
            tensor = torch.from_numpy(np.ascontiguousarray(column))
            if self._on_cuda:
                tensor = tensor.pin_memory()
            tensors[name] = tensor.to(model.device, non_blocking=self._on_cuda).long()
        return tensors


def arithmetic(device: str, precision: Precision) -> str:
    """Return what a device computes in: "auto" is bfloat16 or float16 on CUDA, else float32."""
    import torch

    if precision != "auto" or not device.startswith("cuda"):
        return "f32"
    return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "f16"


def _load(spec: ModelSpec, device: str, arithmetic: str) -> Any:
    import torch
    from sentence_transformers import CrossEncoder

    try:
        with without_bars():
            model = CrossEncoder(
                str(spec.folder),
                device=device,
                local_files_only=True,
                trust_remote_code=False,
                # Else it would call whatever function of torch config.json names.
                activation_fn=torch.nn.Identity(),
                model_kwargs={"use_safetensors": True, "dtype": getattr(torch, _TYPES[arithmetic])},
            )
    # A folder's files may break its loading in any way.
    except Exception as error:
        reason = str(error).strip() or type(error).__name__
        if "trust_remote_code" in reason:
            raise UnsupportedModelError(
                f"{spec.name}: architecture {spec.architecture!r} is not one of the transformers "
                "library, and the model's own code is never run"
            ) from error
        raise ModelFileError(f"{spec.folder} cannot be loaded by torch: {reason}") from error
    return model.eval()


def _require_kept_apart(spec: ModelSpec) -> None:
    """Raise where a kind is known to score a text by its batch, however small the weights make it.

    Raises:
        UnsupportedModelError: it is.
    """
    why = _MIXES_PADDING.get(spec.architecture)
    if why is not None:
        raise UnsupportedModelError(
            f"{spec.name} scores a text by what stands beside it: {why} ({spec.architecture})"
        )


def _require_its_class(model: Any, spec: ModelSpec) -> None:
    """Raise where config.json says what the class that transformers takes does not compute.

    Raises:
        UnsupportedModelError: it names another class, or sight of the tokens that follow.
    """
    import transformers

    loaded, plain = type(model.transformers_model).__name__, type(model.config)()
    named = next(iter(spec.config.get("architectures") or ()), loaded)
    if not hasattr(transformers, named):
        raise UnsupportedModelError(
            f"{spec.config_file} has architectures {shortened([named])}, which transformers does "
            f"not have: its {loaded} would compute another score, and no model's code is ever run"
        )
    for key in _BIDIRECTIONAL:
        if spec.config.get(key) and not hasattr(plain, key):
            raise UnsupportedModelError(
                f"{spec.config_file} has {key} {shortened(spec.config[key])}, which the "
                f"{loaded} of transformers does not follow: its tokens see those before them alone"
            )


def _require_every_weight(model: Any, spec: ModelSpec) -> None:
    """Raise where a weight is not in the files: torch has drawn it at random.

    Raises:
        ModelFileError: one is not; the message names it.
    """
    transformer = model.transformers_model
    placement = {"device_map": "meta"} if find_spec("accelerate") is not None else {}
    with without_bars():
        _, info = type(transformer).from_pretrained(
            str(spec.folder),
            config=transformer.config,
            local_files_only=True,
            use_safetensors=True,
            output_loading_info=True,
            **placement,
        )
    missing = sorted(info["missing_keys"])
    if missing:
        raise ModelFileError(
            f"{spec.folder}: the weights lack {', '.join(missing[:3])}"
            f"{f' and {len(missing) - 3} more' if len(missing) > 3 else ''}, which torch would "
            "draw at random: the checkpoint lost them when it was converted, or is no reranker"
        )


def _check_device(device: str) -> None:
    """Raise an InputError unless torch can put a number on the device."""
    import torch

    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise InputError(f"device {device!r} is not usable by torch: {reason}") from error
