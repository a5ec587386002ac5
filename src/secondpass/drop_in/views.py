"""What callers read of the model inside: its config and its device, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Self

import numpy as np

from secondpass.drop_in.activations import has_torch, torch_for
from secondpass.drop_in.kwargs import dtype_name
from secondpass.drop_in.refused import RefusedError


class Config(SimpleNamespace):
    """The entries of config.json, with those that were given beside it, as attributes.

    Names of labels are there as transformers has them: by integers, and made up where none are
    saved.
    """

    @classmethod
    def of(
        cls, name: str, saved: Mapping[str, Any], labels: int, changes: Mapping[str, Any]
    ) -> Self:
        """Return the config of a model by its name."""
        given = (saved.get("id2label") or {}).items()
        named = {int(number): label for number, label in given if str(number).isdecimal()}
        if len(named) != labels:
            named = {number: f"LABEL_{number}" for number in range(labels)}
        of_labels = {
            "num_labels": labels,
            "id2label": named,
            "label2id": {label: number for number, label in named.items()},
        }
        return cls(**{**saved, "_name_or_path": name, **of_labels, **changes})

    def to_dict(self) -> dict[str, Any]:
        """Return the entries by name."""
        return dict(vars(self))


@dataclass(frozen=True)
class Device:
    """A device where torch is not installed."""

    type: str
    index: int | None = None

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"


class CardData(SimpleNamespace):
    """Takes what others note for a model card; no card is written."""

    def set_evaluation_metrics(
        self, evaluator: Any, metrics: Mapping[str, Any], epoch: int = 0, step: int = 0
    ) -> None:
        """Keep the metrics of an evaluator, the newest by its name."""
        vars(self).setdefault("evaluation_metrics", {}).update(metrics)


class Inside:
    """What `CrossEncoder.model` shows of the compiled graph."""

    def __init__(self, config: Config, device: Any, dtype: Any) -> None:
        self.config = config
        self.device = device
        self.dtype = dtype

    def eval(self) -> Inside:
        """Return itself: nothing is trained."""
        return self

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise RefusedError.of(f"model.{name}")


def device_of(name: str) -> Any:
    """Return torch's device of that name, or one like it where torch is not installed."""
    kind, _, index = name.partition(":")
    if has_torch():
        torch = torch_for("a device")
        try:
            return torch.device(name)
        except RuntimeError:  # OpenVINO's name of a device, such as "gpu"
            pass
    return Device(kind, int(index) if index.isdigit() else None)


def float32() -> Any:
    """Return torch's type of that name, or NumPy's where torch is not installed."""
    return torch_for("a dtype").float32 if has_torch() else np.dtype(np.float32)


def is_dtype(value: Any) -> bool:
    """Tell whether a value is a type of numbers, torch's or NumPy's, and no device."""
    return isinstance(value, np.dtype | type) or type(value).__name__ == "dtype"


def is_float32(dtype: Any) -> bool:
    """Tell whether a type of numbers is float32; a name is as good as the type."""
    return dtype_name(dtype) in ("float32", "float")
