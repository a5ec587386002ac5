"""All checks of a model, in order: its files, its scores, and sentence-transformers."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial

from secondpass.checks import shortened
from secondpass.doctor import on_files, on_scores, sentence_transformers_check
from secondpass.doctor.result import (
    Check,
    Examination,
    Finding,
    conclusion,
    judged,
    not_checked,
)
from secondpass.doctor.subject import Subject
from secondpass.engine.openvino import held_precision, read_graph_file
from secondpass.errors import MissingExtraError, SecondpassError, UnsupportedModelError
from secondpass.loaded_model import LoadedModel
from secondpass.models.folder import ModelFolder, find_folder
from secondpass.models.spec import (
    ModelSpec,
    read_bi_encoder_spec,
    read_cross_encoder_spec,
    require_one_label,
)
from secondpass.options.model import Precision, RerankerOptions

# The longest `max_length` of an examination; one of the probe texts is longer.
_MOST_TOKENS = 512
_NO_NUMBERS = "the scores are not finite numbers"

_ON_FILES: Mapping[str, Callable[[ModelSpec], Finding]] = {
    "one label": on_files.one_label,
    "activation": on_files.activation,
    "vocabulary": on_files.vocabulary,
    "positions": on_files.positions,
    "head": on_files.head,
    "unused weights": on_files.unused,
}
_ON_SCORES: Mapping[str, Callable[[Subject], Finding]] = {
    "finite": on_scores.finite,
    "sensitive": on_scores.sensitive,
    "token types": on_scores.token_types,
    "padding": on_scores.padding,
    "alone or in a batch": on_scores.alone_or_in_a_batch,
    "order": on_scores.order,
    "sentence-transformers": sentence_transformers_check.sentence_transformers,
}
NAMES = ("files", *_ON_FILES, "loads", *_ON_SCORES)


def examine(
    model_name: str | os.PathLike[str],
    *,
    precision: Precision | None = None,
    revision: str | None = None,
    local_files_only: bool = False,
    threads: int | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
) -> Examination:
    """Examine a model: an embedded name, a local folder or a hub name.

    Args:
        model_name: as for `CrossEncoderReranker`.
        precision: what to score with, by default "fp32" for safetensors, where a fault shows best,
            and what a graph file holds.
        revision: branch, tag or commit of a hub model.
        local_files_only: never ask the hub.
        threads: compute threads, by default the processors this process may use.
        cache_dir: where built graphs are kept.

    Raises:
        InputError: an option is not usable.
        ModelNotFoundError: there is no such model.
        UnsupportedModelError: it is an embedding model.
    """
    found = find_folder(model_name, revision=revision, local_files_only=local_files_only)
    options = RerankerOptions.from_dict(
        {
            "precision": precision or "auto",
            "threads": threads,
            "cache_dir": cache_dir,
            # The checks compare logits; the activation has a check of its own.
            "activation": "identity",
        }
    )
    _refuse_embedding_model(found)
    examiner = _Examiner(found, options, choose_precision=precision is None)
    checks = tuple(examiner.checks())
    info = examiner.subject.model.info if examiner.subject else None
    return Examination(
        model=found.name,
        revision=found.revision,
        architecture=examiner.spec.architecture if examiner.spec else None,
        precision=info.precision if info else None,
        arithmetic=info.arithmetic if info else None,
        checks=checks,
        sound=all(check.verdict != "failed" for check in checks),
        conclusion=conclusion(found.name, checks),
    )


def _refuse_embedding_model(found: ModelFolder) -> None:
    try:
        read_bi_encoder_spec(found)
    except SecondpassError:  # the checks say what it is
        return
    raise UnsupportedModelError(
        f"{shortened(found.name)} is an embedding model, and doctor examines cross-encoders: give "
        "it the second pass, such as embedded/cross-encoder"
    )


class _Examiner:
    """Keeps what a check found out for those after it."""

    def __init__(
        self, found: ModelFolder, options: RerankerOptions, *, choose_precision: bool
    ) -> None:
        self.spec: ModelSpec | None = None
        self.subject: Subject | None = None
        self._found = found
        self._options = options
        self._choose_precision = choose_precision

    def checks(self) -> Iterator[Check]:
        """Make each check; one that needs what an earlier one lacks is not made."""
        yield _check("files", self._read)
        for name, on_spec in _ON_FILES.items():
            yield self._on_spec(name, on_spec)
        yield self._on_spec("loads", self._load)
        why_not = "the model does not load"
        for name, on_subject in _ON_SCORES.items():
            if self.subject is None or why_not == _NO_NUMBERS:
                yield _unmade(name, why_not)
                continue
            check = _check(name, partial(on_subject, self.subject))
            if name == "finite" and check.verdict == "failed":
                why_not = _NO_NUMBERS
            yield check

    def _on_spec(self, name: str, make: Callable[[ModelSpec], Finding]) -> Check:
        if self.spec is None:
            return _unmade(name, "the folder cannot be read as a reranker")
        return _check(name, partial(make, self.spec))

    def _read(self) -> Finding:
        self.spec = read_cross_encoder_spec(self._found)
        weights = self.spec.weights
        return judged(
            True,
            f"{self.spec.architecture}, {weights.entry.name}, {weights.bytes / 1e6:.1f} MB",
            limit="config.json, tokenizer.json and weights",
            advice="",
        )

    def _load(self, spec: ModelSpec) -> Finding:
        if self._choose_precision:
            self._options = replace(self._options, precision=_sharpest(spec))
        max_length = min(_MOST_TOKENS, spec.saved_length or _MOST_TOKENS)
        model = LoadedModel(self._found, replace(self._options, max_length=max_length))
        require_one_label(model.labels, spec.name)
        self.subject = Subject.of(model)
        info = model.info
        return judged(
            True,
            f"{info.engine}, weights {info.precision}, arithmetic {info.arithmetic}",
            limit="an engine runs it",
            advice="",
        )


def _sharpest(spec: ModelSpec) -> Precision:
    """Return fp32 wherever it is available: a fault shows best there."""
    if spec.weights.format == "safetensors":
        return "fp32"
    return held_precision(read_graph_file(spec))


def _check(name: str, make: Callable[[], Finding]) -> Check:
    """Make one check. An error of ours is what it found."""
    try:
        finding = make()
    except MissingExtraError as error:
        finding = not_checked(str(error))
    except SecondpassError as error:
        finding = judged(False, str(error), limit="no error", advice="see what was measured")
    return Check(name, finding.verdict, finding.measured, finding.limit, finding.advice)


def _unmade(name: str, why_not: str) -> Check:
    return Check(name, "not checked", why_not, "", "")
