"""CrossEncoder, as sentence-transformers calls it: the same calls and answers."""

from __future__ import annotations

import copy
import logging
import os
import re
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias, overload

import numpy as np
from numpy.typing import NDArray

from secondpass.checks import MOST_INTEGER, integer, is_integer, path, shortened
from secondpass.drop_in import kwargs as given_kwargs
from secondpass.drop_in import old_arguments, saving
from secondpass.drop_in import pool as pools
from secondpass.drop_in.activations import (
    Given,
    apply,
    as_function,
    checked_activation,
    path_of,
    softmax,
)
from secondpass.drop_in.inputs import checked_inputs, is_single
from secondpass.drop_in.outputs import converted
from secondpass.drop_in.pair_scorer import Pairs, PairScorer, Rules
from secondpass.drop_in.refused import REASONS, RefusedError
from secondpass.drop_in.views import (
    CardData,
    Config,
    Inside,
    device_of,
    float32,
    is_dtype,
    is_float32,
)
from secondpass.errors import InputError
from secondpass.models.activation import saved_activation
from secondpass.models.folder import ModelFolder, find_folder
from secondpass.options.effort import Effort
from secondpass.options.long_documents import LongDocuments
from secondpass.options.model import CROSS_ENCODER, Precision, RerankerOptions
from secondpass.scoring.candidates import checked_text, checked_texts
from secondpass.scoring.scored import Floats
from secondpass.settings import expand_user
from secondpass.types import ModelInfo

logger = logging.getLogger(__name__)

# Names of the hub without an owner are its own.
_ORGANISATION = "cross-encoder"
_WITHOUT_OWNER = re.compile(r"[\w.-]+", re.ASCII)


# Pairs, of which one alone would be a list or a tuple of strings.
Batch: TypeAlias = "Sequence[tuple[str, str] | list[str]] | NDArray[np.str_ | np.object_]"


class CrossEncoder:
    """sentence-transformers' CrossEncoder on this library's engines: change one import.

        from secondpass import CrossEncoder    # was: from sentence_transformers import ...

        model = CrossEncoder("cross-encoder/ms-marco-MiniLM-L6-v2")
        scores = model.predict([("How many people live in Berlin?", "Berlin had 3.5 million.")])
        ranking = model.rank("How many people live in Berlin?", ["Berlin had 3.5 million."])

    *The same*: the arguments below, `predict`, `rank`, pools of processes, saving, copying, and the
    attributes that callers read. Scores are within 1e-4 of those of sentence-transformers in
    float32. *Refused*, each by an error with its reason: training, uploads, tensors in or out,
    images. *More*: the arguments from `precision` on. docs/guide/drop-in.md has the table.

    Args:
        model_name_or_path: a Hugging Face name, a local folder, or nothing for the embedded model.
        modules: refused: a model is loaded from a folder.
        device: "cpu" by default; "cuda" computes with torch, "gpu" with OpenVINO.
        prompts: texts by name that stand before a query, or fill the system's message of a chat
            template; those that the model saved stay where they are not given.
        default_prompt_name: the prompt of a call that names none.
        cache_folder: where hub models are kept.
        trust_remote_code: taken, and never followed: no code of a model runs.
        revision: branch, tag or commit of a hub model.
        local_files_only: never ask the hub, use what is cached.
        token: what the hub is asked with.
        model_kwargs: `dtype` is followed: float32 as "fp32", another as "auto".
        processor_kwargs: `model_max_length` is followed.
        config_kwargs: shown by `config`; `num_labels` must be the model's own.
        model_card_data: kept; no card is written.
        backend: kept; whichever it is, the model runs as a graph of OpenVINO, or on torch.
        num_labels: the model's own, else it is refused: a new head would be random.
        max_length: the most tokens of query, text and special tokens; by default what the model
            was saved to read. What is longer is cut as transformers does, query and text.
        activation_fn: a function, such as torch.nn.Sigmoid(), or a name such as "sigmoid", in place
            of the model's own.
        keep_in_fp32_modules: all layers compute in float32 already.
        precision: "fp32" by default, where the weights are; "auto" computes what the processor
            does best, "int8" calibrated int8.
        threads: compute threads; by default the processors this process may use.
        long_documents: what is scored of a text that does not fit, as in `CrossEncoderReranker`.
        stride: tokens from one window's start to the next, by default half a window.
        select_tokens: how many tokens of a text "select" scores, by default 256.
        effort: "balanced" and "fast" leave clearly irrelevant texts of a `rank` early.
        cache: keep scores and score no pair twice: "memory", or a folder.
        cache_bytes: the most the cache holds, by default 64 MiB.
        max_batch_tokens: padded tokens in one batch, whatever `batch_size` says.
        calibration: a file of `secondpass calibrate`: scores are probabilities of relevance.

    Raises:
        InputError: an argument is not usable; the message says what is.
        ModelError: the model is not there, not whole, or cannot rank.
        MissingExtraError: it needs the `torch` or `int8` extra.
    """

    model_type: ClassVar[str] = "CrossEncoder"
    default_huggingface_organization: ClassVar[str] = _ORGANISATION

    @old_arguments.constructor
    def __init__(
        self,
        model_name_or_path: str | os.PathLike[str] | None = None,
        *,
        modules: Any = None,
        device: Any = None,
        prompts: Mapping[str, str] | None = None,
        default_prompt_name: str | None = None,
        cache_folder: str | os.PathLike[str] | None = None,
        trust_remote_code: bool = False,
        revision: str | None = None,
        local_files_only: bool = False,
        token: bool | str | None = None,
        model_kwargs: Mapping[str, Any] | None = None,
        processor_kwargs: Mapping[str, Any] | None = None,
        config_kwargs: Mapping[str, Any] | None = None,
        model_card_data: Any = None,
        backend: Literal["torch", "onnx", "openvino"] = "torch",
        num_labels: int | None = None,
        max_length: int | None = None,
        activation_fn: Any = None,
        keep_in_fp32_modules: Sequence[str] | None = None,
        precision: Precision | None = None,
        threads: int | None = None,
        long_documents: LongDocuments = "truncate",
        stride: int | None = None,
        select_tokens: int | None = None,
        effort: Effort = "full",
        cache: str | os.PathLike[str] | None = None,
        cache_bytes: int | None = None,
        max_batch_tokens: int = 2048,
        calibration: str | os.PathLike[str] | None = None,
    ) -> None:
        if modules is not None:
            raise InputError(
                "modules is refused: a model is loaded from a folder; save yours with "
                "sentence_transformers.CrossEncoder(modules=...).save_pretrained(folder)"
            )
        if backend not in ("torch", "onnx", "openvino"):
            raise InputError(f"backend is {shortened(backend)}, expected torch, onnx or openvino")
        asked = given_kwargs.precision_of(model_kwargs) if precision is None else precision
        length = given_kwargs.length_of(processor_kwargs) if max_length is None else max_length
        changes = given_kwargs.config_changes(config_kwargs)
        labels = changes.pop("num_labels", None) if num_labels is None else num_labels
        activation = None if activation_fn is None else checked_activation(activation_fn)
        name = CROSS_ENCODER
        if model_name_or_path is not None:
            name = path("model_name_or_path", model_name_or_path, "a hub name or a folder")
        folder = _find(name, revision, local_files_only, cache_folder, token)
        kept_elsewhere = folder.origin == "hub" and not (cache_folder is None and token is None)
        options = RerankerOptions.from_dict(
            {
                "model_name": str(folder.path) if kept_elsewhere else folder.name,
                "max_length": None,
                "precision": asked or "fp32",
                "device": _device_name(device),
                "threads": threads,
                "revision": revision if folder.origin == "hub" and not kept_elsewhere else None,
                "local_files_only": local_files_only,
                "activation": activation if isinstance(activation, str) else None,
                "max_batch_tokens": max_batch_tokens,
                "long_documents": long_documents,
                "stride": stride,
                "select_tokens": select_tokens,
                "effort": effort,
                "cache": cache,
                "cache_bytes": cache_bytes,
                "calibration": calibration,
            }
        )
        if callable(activation):
            # Else a name of the folder that is not known would be an error.
            options = replace(options, activation="identity")
        self.trust_remote_code = trust_remote_code
        self.backend = backend
        self.model_card_data = CardData() if model_card_data is None else model_card_data
        self._changes = changes
        load = PairScorer if asked else PairScorer.at_float32
        self._scorer = load(options, folder)
        self._activation: Given = self._own_activation() if activation is None else activation
        own_length = self._scorer.model.max_length
        self._length = own_length if length is None else self._checked_length(length)
        self._require_labels(labels)
        self.prompts, self.default_prompt_name = self._prompts(prompts, default_prompt_name)
        self._scorer.reading(Rules(self._prompt(None, None), self._length))

    def _own_activation(self) -> Given:
        spec = self._scorer.model.spec
        path = saved_activation(spec.config, spec.modular)
        if isinstance(path, str) and not path.startswith("torch."):
            logger.warning(
                "Activation function path '%s' is not trusted, using default activation function "
                "instead.",
                path,
            )
        return self._scorer.model.activation

    def _require_labels(self, wanted: Any) -> None:
        if wanted is not None and wanted != self.num_labels:
            raise InputError(
                f"num_labels is {shortened(wanted)}, but {self._scorer.model.spec.name} has "
                f"{self.num_labels}: a new head would be drawn at random; train it first"
            )

    def _prompts(
        self, given: Mapping[str, str] | None, default: str | None
    ) -> tuple[dict[str, str], str | None]:
        modular = self._scorer.model.spec.modular
        named = {**(modular.get("prompts") or {}), **given_kwargs.mapping("prompts", given)}
        for name, text in named.items():
            checked_text(text or "", f"prompts[{shortened(name)}]")
        prompts = {name: text or "" for name, text in named.items()}
        default = modular.get("default_prompt_name") if default is None else default
        if default is not None and default not in prompts:
            raise InputError(
                f"Default prompt name '{default}' not found in the configured prompts dictionary "
                f"with keys {list(prompts)!r}."
            )
        return prompts, default

    # The calls

    @overload
    def predict(
        self,
        inputs: Batch,
        prompt_name: str | None = ...,
        prompt: str | None = ...,
        batch_size: int = ...,
        show_progress_bar: bool | None = ...,
        activation_fn: Any = ...,
        apply_softmax: bool | None = ...,
        convert_to_numpy: Literal[True] = ...,
        convert_to_tensor: Literal[False] = ...,
        device: Any = ...,
        pool: Any = ...,
        chunk_size: int | None = ...,
        *,
        processing_kwargs: Mapping[str, Any] | None = ...,
    ) -> NDArray[np.float32]: ...
    @overload
    def predict(
        self,
        inputs: Any,
        prompt_name: str | None = ...,
        prompt: str | None = ...,
        batch_size: int = ...,
        show_progress_bar: bool | None = ...,
        activation_fn: Any = ...,
        apply_softmax: bool | None = ...,
        convert_to_numpy: bool = ...,
        convert_to_tensor: bool = ...,
        device: Any = ...,
        pool: Any = ...,
        chunk_size: int | None = ...,
        *,
        processing_kwargs: Mapping[str, Any] | None = ...,
    ) -> Any: ...
    @old_arguments.call
    def predict(
        self,
        inputs: Any,
        prompt_name: str | None = None,
        prompt: str | None = None,
        batch_size: int = 32,
        show_progress_bar: bool | None = None,
        activation_fn: Any = None,
        apply_softmax: bool | None = False,
        convert_to_numpy: bool = True,
        convert_to_tensor: bool = False,
        device: Any = None,
        pool: Any = None,
        chunk_size: int | None = None,
        *,
        processing_kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return the score of each (query, text) pair, float32 [n], or [n, labels] for several.

        One pair alone, a list or tuple of two strings or an array of them, gives one score.

        Args:
            inputs: pairs in a list, an array [n, 2] of strings, or a column of a dataset.
            prompt_name: which of `prompts` stands before each query.
            prompt: the text itself; wins over `prompt_name`.
            batch_size: checked, and without effect: batches are made by their tokens.
            show_progress_bar: by default at the log levels INFO and DEBUG.
            activation_fn: for this call, in place of the model's.
            apply_softmax: make the scores of each pair sum to 1, for several labels.
            convert_to_numpy: return one array; else a list of tensors, which needs torch.
            convert_to_tensor: return one tensor, which needs torch.
            device: where this call and those after it compute; a list starts a process for each.
            pool: of `start_multi_process_pool`.
            chunk_size: how many pairs a process of a pool is given at a time.
            processing_kwargs: `{"text": {"max_length": n}}` is followed, for this call.

        Raises:
            InputError: an item is not a pair of strings, or an argument is not usable.
        """
        pairs, single = checked_inputs(inputs)
        _check_batch_size(batch_size)
        length = given_kwargs.call_length_of(processing_kwargs)
        rules = Rules(
            self._prompt(prompt, prompt_name),
            self._length if length is None else self._checked_length(length),
        )
        logits = self._logits(pairs, rules, show_progress_bar, device, pool, chunk_size)
        scores = self._activated(logits, activation_fn)
        made = converted(
            softmax(scores) if apply_softmax else scores,
            to_tensor=convert_to_tensor,
            to_numpy=convert_to_numpy,
        )
        return made[0] if single else made

    @old_arguments.call
    def rank(
        self,
        query: str,
        documents: Iterable[str],
        top_k: int | None = None,
        return_documents: bool = False,
        prompt_name: str | None = None,
        prompt: str | None = None,
        batch_size: int = 32,
        show_progress_bar: bool | None = None,
        activation_fn: Any = None,
        device: Any = None,
        pool: Any = None,
        chunk_size: int | None = None,
    ) -> list[dict[str, Any]]:
        """Return `{"corpus_id": position, "score": number}` of each document, best first.

        With `return_documents` each has its "text" too. Equal scores keep their order. The other
        arguments are those of `predict`.

        Raises:
            InputError: as `predict`, or the model has several labels.
        """
        if self.num_labels != 1:
            raise InputError(
                "CrossEncoder.rank() only works for models with num_labels=1. "
                "Consider using CrossEncoder.predict() with input pairs instead."
            )
        if top_k is not None:
            # Of one below zero theirs leaves out as many at the end, as a slice does.
            integer("top_k", top_k, least=-MOST_INTEGER)
        texts = checked_texts(documents, "documents")
        pairs, _ = checked_inputs([(query, text) for text in texts])
        _check_batch_size(batch_size)
        effort = self._scorer.options.effort
        rules = Rules(self._prompt(prompt, prompt_name), self._length, effort)
        logits = self._logits(pairs, rules, show_progress_bar, device, pool, chunk_size)
        scores = converted(
            self._activated(logits, activation_fn), to_tensor=False, to_numpy=True
        ).tolist()
        ranked = sorted(range(len(scores)), key=scores.__getitem__, reverse=True)
        return [
            {
                "corpus_id": position,
                "score": scores[position],
                **({"text": texts[position]} if return_documents else {}),
            }
            for position in ranked[:top_k]
        ]

    def evaluate(self, evaluator: Callable[..., Any], output_path: str | None = None) -> Any:
        """Return what an evaluator of sentence-transformers gives for this model."""
        if output_path is not None:
            Path(output_path).mkdir(parents=True, exist_ok=True)
        return evaluator(self, output_path)

    def is_singular_input(self, inputs: Any) -> bool:
        """Tell whether `predict` takes an input as one pair."""
        return is_single(inputs)

    def start_multi_process_pool(self, target_devices: Iterable[Any] | None = None) -> pools.Pool:
        """Start a process for each device, by default four of the CPU, for `predict` and `rank`.

        One process already uses all cores; more are for several devices.
        """
        given = ["cpu"] * 4 if target_devices is None else target_devices
        devices = [*map(_device_name, checked_texts(given, "target_devices"))]
        if not devices:
            raise InputError("target_devices is empty: name at least one, such as ['cpu']")
        for device in set(devices):
            self._scorer.require_engine(device)
        return pools.start(self._scorer.options, devices)

    @staticmethod
    def stop_multi_process_pool(pool: Any) -> None:
        """End the processes of a pool."""
        pools.stop(pool)

    def _activated(self, logits: Floats, given: Any) -> Any:
        chosen = self._activation if given is None else checked_activation(given)
        return apply(chosen, logits)

    def _logits(
        self, pairs: Pairs, rules: Rules, shows: bool | None, device: Any, pool: Any, chunk: Any
    ) -> Floats:
        """Return the logits of pairs, float32 [n, labels], of this process or a pool."""
        if device is not None and not isinstance(device, list):
            self.to(device)
        if pool is not None and pairs:
            return pools.logits_of(pool, pairs, rules, chunk)
        if not isinstance(device, list) or not pairs:
            return self._scorer.logits(pairs, rules, shows=_shows(shows))
        own = self.start_multi_process_pool(device)
        try:
            return pools.logits_of(own, pairs, rules, chunk)
        finally:
            pools.stop(own)

    def _prompt(self, prompt: str | None, name: str | None) -> str:
        if prompt is not None:
            if name is not None:
                logger.warning(
                    "Provide either a `prompt`, a `prompt_name`, or neither, but not both. "
                    "Ignoring the `prompt_name` in favor of `prompt`."
                )
            return checked_text(prompt, "prompt")
        chosen = self.default_prompt_name if name is None else name
        if chosen is None:
            return ""
        if not isinstance(chosen, str) or chosen not in self.prompts:
            raise InputError(
                f"Prompt name {shortened(chosen)} not found in the configured prompts dictionary "
                f"with keys {list(self.prompts)!r}."
            )
        return self.prompts[chosen]

    # What callers read

    @property
    def info(self) -> ModelInfo:
        """What is loaded and how it runs."""
        return self._scorer.model.info

    @property
    def num_labels(self) -> int:
        """How many scores a pair has."""
        return self._scorer.labels

    @property
    def activation_fn(self) -> Any:
        """What makes scores of logits: a module of torch, where torch is installed."""
        return as_function(self._activation)

    @activation_fn.setter
    def activation_fn(self, value: Any) -> None:
        self._activation = checked_activation(value)

    def get_default_activation_fn(self) -> Any:
        """Return the activation that the model was saved with."""
        return as_function(self._own_activation())

    @property
    def default_activation_function(self) -> Any:
        """`activation_fn`, by its old name."""
        _warn_old("default_activation_function", "activation_fn")
        return self.activation_fn

    @property
    def max_seq_length(self) -> int:
        """The most tokens of query, text and special tokens together; more are cut."""
        return self._length

    @max_seq_length.setter
    def max_seq_length(self, value: int) -> None:
        self._length = self._checked_length(value)

    @property
    def max_length(self) -> int:
        """`max_seq_length`, by its old name."""
        _warn_old("max_length", "max_seq_length")
        return self.max_seq_length

    @max_length.setter
    def max_length(self, value: int) -> None:
        _warn_old("max_length", "max_seq_length")
        self.max_seq_length = value

    def get_max_seq_length(self) -> int:
        """Return `max_seq_length`."""
        return self.max_seq_length

    def _checked_length(self, value: Any) -> int:
        """Return a length; one that is more than the model's positions is those, with a warning."""
        limit = self._scorer.model.spec.position_limit
        if is_integer(value) and limit is not None and value > limit:
            logger.warning(
                "max_length is %d, and %s has %d positions: texts are cut to those",
                *(value, self._scorer.model.spec.name, limit),
            )
            return int(limit)
        least = self._scorer.model.layout.special_tokens + 1 + self._scorer.least_room
        if not is_integer(value, least):
            raise InputError(
                f"max_length is {shortened(value)}, expected an integer of at least {least}"
            )
        return int(value)

    @property
    def config(self) -> Config:
        """The entries of config.json as attributes."""
        spec = self._scorer.model.spec
        return Config.of(spec.name, spec.config, self.num_labels, self._changes)

    @property
    def model(self) -> Inside:
        """The config, device and dtype of what is inside; no torch module is."""
        return Inside(self.config, self.device, self.dtype)

    @property
    def transformers_model(self) -> Inside:
        """`model`."""
        return self.model

    @property
    def device(self) -> Any:
        """Where it computes: a torch.device, where torch is installed."""
        return device_of(self._scorer.options.device)

    @property
    def _target_device(self) -> Any:
        return self.device

    @property
    def dtype(self) -> Any:
        """The type of the scores: torch.float32, or NumPy's where torch is not installed."""
        return float32()

    @property
    def tokenizer(self) -> Any:
        """The tokenizer of the transformers library, to look at: this class has its own.

        Raises:
            MissingExtraError: transformers is not installed.
        """
        from secondpass.drop_in.tokenizer import load_tokenizer

        return load_tokenizer(self._scorer.model.spec.folder, self._length)

    @property
    def processor(self) -> Any:
        """`tokenizer`."""
        return self.tokenizer

    @property
    def modalities(self) -> list[str]:
        """What is scored: texts, and by a chat template messages, which are made of texts."""
        return ["text", "message"] if self._scorer.chats else ["text"]

    def supports(self, modality: Any) -> bool:
        """Tell whether inputs of that kind are scored."""
        return bool(modality == "text")

    def get_backend(self) -> str:
        """Return the backend that was asked for."""
        return self.backend

    def get_model_kwargs(self) -> list[str]:
        """Return the further arguments of `predict`: none."""
        return []

    # What a torch module has

    def to(self, device: Any = None, dtype: Any = None, non_blocking: bool = False) -> CrossEncoder:
        """Load the model anew for another device; for the same one nothing is done.

        Raises:
            InputError: `dtype` is not float32: the precision is chosen at load.
        """
        if is_dtype(device):
            device, dtype = None, device
        if dtype is not None and not is_float32(dtype):
            raise InputError(f"dtype is {shortened(dtype)}, which is refused: {REASONS['half']}")
        name = self._scorer.options.device if device is None else _device_name(device)
        if name != self._scorer.options.device:
            self._scorer = PairScorer(replace(self._scorer.options, device=name))
        return self

    def cpu(self) -> CrossEncoder:
        """Compute on the CPU."""
        return self.to("cpu")

    def cuda(self, device: Any = None) -> CrossEncoder:
        """Compute on CUDA, which torch does."""
        return self.to("cuda" if device is None else f"cuda:{device}")

    @property
    def training(self) -> bool:
        """False: nothing is trained."""
        return False

    def eval(self) -> CrossEncoder:
        """Return itself: nothing is trained."""
        return self

    def float(self) -> CrossEncoder:
        """Return itself; the precision is that of the load."""
        return self

    def compile(self, *_: Any, **__: Any) -> None:
        """Do nothing: the graph is compiled when the model is loaded."""

    def save_pretrained(self, path: str | os.PathLike[str], *_: Any, **__: Any) -> None:
        """Write the model to a folder that sentence-transformers and this class load.

        Raises:
            InputError: it is the folder that the model was loaded from.
        """
        modular = {
            "activation_fn": path_of(self._activation),
            "prompts": self.prompts,
            "default_prompt_name": self.default_prompt_name,
        }
        saving.save(self._scorer.model.spec, expand_user(path, "path"), modular)

    def save(self, path: str | os.PathLike[str], *_: Any, **__: Any) -> None:
        """`save_pretrained`."""
        self.save_pretrained(path)

    def close(self) -> None:
        """Free the engine; copies score no more either."""
        self._scorer.close()

    def __repr__(self) -> str:
        return f"CrossEncoder({self._scorer.model.spec.name!r}, max_length={self._length})"

    def __getitem__(self, index: Any) -> Any:
        raise RefusedError.of(f"[{index!r}]")

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            if name in REASONS:
                raise RefusedError.of(name)
            raise AttributeError(f"'CrossEncoder' object has no attribute {name!r}")

    def __deepcopy__(self, memo: dict[int, Any]) -> CrossEncoder:
        """Return a copy that shares the engine and nothing that can be changed."""
        memo[id(self._scorer)] = self._scorer
        made = object.__new__(type(self))
        vars(made).update(copy.deepcopy(vars(self), memo))
        return made


def _find(
    name: str,
    revision: str | None,
    local_files_only: bool,
    cache_folder: str | os.PathLike[str] | None,
    token: bool | str | None,
) -> ModelFolder:
    """Find a model as sentence-transformers does; a name without an owner is of its own."""
    if cache_folder is not None:
        path("cache_folder", cache_folder, "a folder")
    home = cache_folder or os.environ.get("SENTENCE_TRANSFORMERS_HOME")
    if _WITHOUT_OWNER.fullmatch(name) and not Path(name).expanduser().exists():
        name = f"{_ORGANISATION}/{name}"
    return find_folder(
        name,
        revision=None if Path(name).is_dir() else revision,
        local_files_only=local_files_only,
        cache=None if not home else expand_user(home, "cache_folder"),
        token=token,
    )


def _device_name(device: Any) -> str:
    return "cpu" if device is None else str(device).lower()


def _check_batch_size(batch_size: Any) -> None:
    if not is_integer(batch_size):
        raise InputError(f"batch_size must be a positive integer, got {shortened(batch_size)}.")


def _shows(show_progress_bar: bool | None) -> bool:
    if show_progress_bar is not None:
        return bool(show_progress_bar)
    return logger.getEffectiveLevel() in (logging.INFO, logging.DEBUG)


def _warn_old(old: str, new: str) -> None:
    warnings.warn(
        f"The `{old}` property was renamed and is now deprecated. Please use `{new}` instead.",
        DeprecationWarning,
        stacklevel=3,
    )
