"""Activations by name or as a function: torch's own where torch is installed, else of arrays."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from typing import Any, TypeAlias

import numpy as np

from secondpass.checks import described, shortened
from secondpass.errors import InputError, MissingExtraError
from secondpass.options.model import ACTIVATIONS, Activation
from secondpass.scoring.activation import activate
from secondpass.scoring.calibration_map import CalibrationMap
from secondpass.scoring.scored import Floats

# A name, a calibration, or a function from logits [n, labels] to scores: of tensors, or of arrays
# without torch.
Given: TypeAlias = "Activation | CalibrationMap | Callable[[Any], Any]"

_PATHS: dict[Activation, str] = {
    "sigmoid": "torch.nn.modules.activation.Sigmoid",
    "identity": "torch.nn.modules.linear.Identity",
    "tanh": "torch.nn.modules.activation.Tanh",
    "relu": "torch.nn.modules.activation.ReLU",
    "softplus": "torch.nn.modules.activation.Softplus",
}


def has_torch() -> bool:
    """Tell whether torch is installed; does not import it."""
    return find_spec("torch") is not None


def torch_for(what: str) -> Any:
    """Return torch.

    Raises:
        MissingExtraError: it is not installed; `what` needs it.
    """
    if not has_torch():
        raise MissingExtraError(what, "torch")
    return importlib.import_module("torch")


def checked_activation(given: Any) -> Given:
    """Return a name or a function; a class is made.

    Raises:
        InputError: it is neither.
    """
    if isinstance(given, str) and given in ACTIVATIONS:
        return given
    if isinstance(given, str) or not callable(given):
        raise InputError(
            f"activation_fn is {shortened(given)}, expected a function such as torch.nn.Sigmoid() "
            f"or one of {', '.join(ACTIVATIONS)}"
        )
    made: Callable[[Any], Any] = given() if isinstance(given, type) else given
    return made


def as_function(given: Given) -> Callable[[Any], Any]:
    """Return what `activation_fn` shows: a module of torch, or a function of arrays."""
    if not isinstance(given, str | CalibrationMap):
        return given
    if isinstance(given, CalibrationMap) or not has_torch():
        return partial(activate, activation=given)
    module, _, name = _PATHS[given].rpartition(".")
    made: Callable[[Any], Any] = getattr(importlib.import_module(module), name)()
    return made


def path_of(given: Given) -> str:
    """Return the dotted name that sentence-transformers saves of an activation.

    Raises:
        InputError: it is a calibration, which is a file of its own.
    """
    if isinstance(given, CalibrationMap):
        raise InputError(
            "a calibration is not saved with the model: it is a file of its own; load the model "
            "without it to save it"
        )
    if isinstance(given, str):
        return _PATHS[given]
    kind = type(given)
    name = getattr(given, "__qualname__", kind.__qualname__)
    return f"{getattr(given, '__module__', kind.__module__)}.{name}"


def apply(given: Given, logits: Floats) -> Any:
    """Return the scores of float32 logits [n, labels], without the axis of one label.

    A name gives an array; a function gives what it returns, a tensor where torch is installed.

    Raises:
        InputError: a function does not return a row for each pair.
    """
    if isinstance(given, str | CalibrationMap):
        return _squeezed(activate(logits, given))
    if not has_torch():
        return _squeezed(_checked(np.asarray(given(logits)), logits))
    torch = torch_for("an activation function")
    with torch.inference_mode():
        return _squeezed(_checked(given(torch.from_numpy(logits)), logits))


def _checked(scores: Any, logits: Floats) -> Any:
    """Return what a function made of logits, or raise an InputError that names its shape."""
    shape = getattr(scores, "shape", None)
    if shape is None or len(shape) not in (1, 2) or shape[0] != len(logits):
        made = described(scores) if shape is None else f"scores of shape {list(shape)}"
        raise InputError(
            f"activation_fn gives {made} for logits of shape {list(logits.shape)}, expected a "
            "tensor with a row for each pair"
        )
    return scores


def _squeezed(scores: Any) -> Any:
    return scores[:, 0] if scores.ndim == 2 and scores.shape[1] == 1 else scores


def softmax(scores: Any) -> Any:
    """Return scores [n, labels] whose rows sum to 1; those of one label [n] as they are."""
    if scores.ndim < 2:
        return scores
    if not isinstance(scores, np.ndarray):
        return scores.softmax(dim=1)
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)
