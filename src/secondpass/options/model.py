"""The options of a reranker and of an embedder: plain values that say how to load it again."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from secondpass.checks import shortened
from secondpass.errors import Argument, Either, InputError
from secondpass.options import cascade as cascades
from secondpass.options.effort import EFFORTS, Effort
from secondpass.options.kinds import (
    Choice,
    DefaultLength,
    FreeText,
    Integer,
    Length,
    Text,
    TwoModels,
    YesOrNo,
)
from secondpass.options.long_documents import (
    LONG_DOCUMENTS,
    SELECT_TOKENS,
    LongDocumentPolicy,
    LongDocuments,
)
from secondpass.options.option import check_fields, from_dict, in_words, option, to_dict
from secondpass.settings import Settings, available_processors, expand_user

CROSS_ENCODER = "embedded/cross-encoder"
ACCURATE = "embedded/accurate"
BI_ENCODER = "embedded/bi-encoder"

Precision = Literal["auto", "fp32", "int8"]
PRECISIONS: tuple[Precision, ...] = get_args(Precision)

Activation = Literal["sigmoid", "identity", "tanh", "relu", "softplus"]
ACTIVATIONS: tuple[Activation, ...] = get_args(Activation)

MOST_THREADS = 1024
# Characters of an instruction, which stands in every text.
MOST_INSTRUCTION = 10_000
# Of query and text together, where nobody says and the model reads as many.
DEFAULT_MAX_LENGTH = DefaultLength(512)
# Room for some 150,000 scores in memory, 700,000 in a folder.
CACHE_BYTES = 64 * 1024**2
LEAST_CACHE_BYTES = 64 * 1024

_NAME = Text("a hub name or a folder")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelOptions:
    """What every model takes."""

    model_name: str = option(
        CROSS_ENCODER,
        _NAME,
        "Hub name or folder of the cross-encoder.",
        means="the embedded one",
        flag="--model",
        metavar="NAME",
    )
    max_length: int | None = option(
        None, Integer(), "Most tokens of a text.", means="the model's own limit"
    )
    precision: Precision = option(
        "auto",
        Choice(PRECISIONS),
        "What is computed: what the processor does best, float32, or calibrated int8.",
        flag="--precision",
    )
    device: str = option(
        "cpu", Text("a name such as 'cpu'"), 'Another that OpenVINO finds, or "cuda" on torch.'
    )
    threads: int | None = option(
        None,
        Integer(1, MOST_THREADS),
        "Compute threads.",
        means="the processors this process may use",
        flag="--threads",
    )
    revision: str | None = option(
        None,
        Text("a branch, tag or commit"),
        "Branch, tag or commit of a hub model.",
        means="the newest",
    )
    local_files_only: bool = option(False, YesOrNo(), "Never ask the hub, use what is cached.")
    max_batch_tokens: int | None = option(
        None,
        Integer(),
        "Padded tokens of a batch; more takes more memory.",
        means="2048, on CUDA 32768",
    )
    cache_dir: str | None = option(
        None,
        Text("a folder's path"),
        "Where built graphs are kept.",
        means="the user's cache, or `SECONDPASS_CACHE_DIR`",
    )

    def compute_threads(self) -> int:
        """Return the threads to compute with, by default those this process may use."""
        return available_processors() if self.threads is None else self.threads

    def graph_folder(self) -> Path:
        """Return the folder of built graphs."""
        return Settings.from_environment(self.cache_dir).cache_dir


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbedderOptions(ModelOptions):
    """Checked options of an `Embedder`."""

    model_name: str = option(BI_ENCODER, _NAME, "Hub name or folder of the bi-encoder.")

    def __post_init__(self) -> None:
        check_fields(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class RerankerOptions(ModelOptions):
    """Checked options of a `CrossEncoderReranker`; two that are equal make equal rerankers.

    Raises:
        InputError: a value is not usable, or would do nothing beside another; the message names it.
    """

    max_length: int | None = option(
        DEFAULT_MAX_LENGTH,
        Length(),
        "Most tokens of query and text together. The default is less where the model reads less; "
        "`None` is what the model was saved to read.",
        also=", or None for what the model was saved to read",
        flag="--max-length",
        on_command="Most tokens of query and text together; the default is less where the model "
        "reads less.",
    )
    effort: Effort = option(
        "full",
        Choice(EFFORTS),
        "Early exit; needs a model with exit heads, such as the embedded one.",
        page="guide/early-exit.md",
        flag="--effort",
    )
    long_documents: LongDocuments = option(
        "truncate",
        Choice(LONG_DOCUMENTS),
        "What is scored of a text that does not fit: the beginning, all of it in windows that "
        "count by the best or the three best, or the sentences with the query's words.",
        page="guide/long-documents.md",
        flag="--long-documents",
    )
    stride: int | None = option(
        None,
        Integer(),
        "Tokens from one window's start to the next.",
        means="half a window",
        flag="--stride",
    )
    select_tokens: int | None = option(
        None,
        Integer(),
        'Most tokens of a text that "select" scores.',
        means=str(SELECT_TOKENS),
        flag="--select-tokens",
    )
    cascade: tuple[str, str] | None = option(
        None,
        TwoModels(),
        "Two models in place of `model_name`: the first scores all, the second the best of them "
        "again.",
        page="guide/early-exit.md#cascade-two-models",
        means="none",
        flag="--cascade",
        metavar="SMALL",
        on_command="Hub name or folder of a smaller model that scores all first; --model scores "
        "the best of them again.",
    )
    keep: int | None = option(
        None,
        Integer(),
        "How many the second model of a cascade scores.",
        means=str(cascades.DEFAULT_KEEP),
        flag="--keep",
    )
    activation: Activation | None = option(
        None, Choice(ACTIVATIONS), "In place of the model's own.", means="the model's own"
    )
    instruction: str | None = option(
        None,
        FreeText(MOST_INSTRUCTION),
        "What a text is judged by: the system's message of a model with a chat template, else it "
        "stands before every query.",
        page="reference/model-folders.md",
        means="the model's own",
        flag="--instruction",
        metavar="TEXT",
        on_command="What a text is judged by, for models that take an instruction.",
    )
    cache: str | None = option(
        None,
        Text("None, 'memory' or a folder's path"),
        'Score no query and text twice: `"memory"`, or a folder.',
        page="guide/caching.md",
        means="none",
        flag="--cache",
        metavar="DIR",
        on_command="Keep scores in this folder and score no query and text twice.",
    )
    cache_bytes: int | None = option(
        None,
        Integer(LEAST_CACHE_BYTES),
        "The most the cache holds; the longest unused goes first.",
        means="64 MiB",
    )
    calibration: str | None = option(
        None,
        Text("a file's path"),
        "A file of `secondpass calibrate`, or the folder that holds it: scores are probabilities.",
        page="guide/calibrate.md",
        means="none",
        flag="--calibration",
        metavar="FILE",
        on_command="A file that calibrate wrote for the model: scores are probabilities.",
    )

    def __post_init__(self) -> None:
        # "memory" as a path is a folder of that name.
        if isinstance(self.cache, os.PathLike) and os.fspath(self.cache) == "memory":
            object.__setattr__(self, "cache", os.path.join(os.curdir, "memory"))  # noqa: PTH118
        if self.cache is None and self.cache_bytes is not None:
            raise InputError(
                f"cache_bytes is {shortened(self.cache_bytes)}, but there is no cache: pass "
                "cache='memory' or a folder, or leave cache_bytes out"
            )
        check_fields(self)
        self._check_calibration()
        self.long_document_policy()
        cascades.check(self.cascade, self.keep, self.model_name, CROSS_ENCODER, self.effort)

    @property
    def models(self) -> tuple[str, ...]:
        """The names of the two models of a cascade, or of the one model."""
        return self.cascade or (self.model_name,)

    @property
    def kept(self) -> int:
        """How many the second model of a cascade scores."""
        return cascades.DEFAULT_KEEP if self.keep is None else self.keep

    def _check_calibration(self) -> None:
        """Raise where a calibration stands beside what it takes the place of."""
        if self.calibration is None:
            return
        for name in ("activation", "cascade"):
            if getattr(self, name) is not None:
                raise InputError(
                    Argument("calibration"),
                    f" is {shortened(self.calibration)} and ",
                    Argument(name),
                    f" {shortened(getattr(self, name))}: a calibration is of one model, and gives "
                    "its scores; leave one of them out",
                )

    def calibration_place(self) -> Path | None:
        """Return the calibration's file, or the folder it lies in."""
        return None if self.calibration is None else expand_user(self.calibration, "calibration")

    def long_document_policy(self) -> LongDocumentPolicy:
        """Return what is scored of a text that does not fit."""
        return LongDocumentPolicy.checked(self.long_documents, self.stride, self.select_tokens)

    def cache_place(self) -> Literal["memory"] | Path | None:
        """Return where scores are kept.

        Raises:
            InputError: it is a file.
        """
        if self.cache is None or self.cache == "memory":
            return None if self.cache is None else "memory"
        folder = expand_user(self.cache, "cache")
        if os.path.isfile(folder):  # noqa: PTH113 - Path.is_file raises where it may not look
            raise InputError(
                Argument("cache"),
                f" {folder} is a file, expected ",
                Either("'memory' or a folder", "a folder"),
            )
        return folder

    def to_dict(self) -> dict[str, Any]:
        """Return the options as values that JSON has."""
        return to_dict(self)

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> RerankerOptions:
        """Return the options of a dict; raises InputError as the constructor, and by a name."""
        return from_dict(cls, given)

    def in_words(self, name: str) -> str:
        """Return the call of `name` that makes these options."""
        return in_words(self, name)
