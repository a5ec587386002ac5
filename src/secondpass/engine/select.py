"""Which engine runs a model: a table, and the reason why each of the others does not.

Pure: what the machine has is a value. `load.py` asks it and loads what it says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from secondpass.architectures.activations import ACTIVATIONS
from secondpass.architectures.table import ARCHITECTURES
from secondpass.checks import shortened
from secondpass.errors import (
    InputError,
    MissingExtraError,
    SecondpassError,
    UnsupportedModelError,
)
from secondpass.models.files import Format
from secondpass.models.spec import ModelSpec
from secondpass.options.model import PRECISIONS, Precision

EngineName = Literal["openvino", "torch"]

# What torch calls its devices; "cuda:1" is one too.
_TORCH_DEVICES = ("cpu", "cuda", "mps", "xpu")


@dataclass(frozen=True, slots=True)
class Machine:
    """What there is to run on: OpenVINO's devices in lower case, and whether torch is installed."""

    openvino_devices: tuple[str, ...] = ("cpu",)
    torch: bool = True


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked of an engine.

    `plain` is False where modules follow that no graph builder knows, `embeds` is True for a
    bi-encoder, `generates` where the score is of a language model's logits; `chats` is where the
    chat template stands that its texts go through, `activations` those that config.json names for
    the layers.
    """

    architecture: str
    precision: Precision = "auto"
    device: str = "cpu"
    stored: Format = "safetensors"
    plain: bool = True
    embeds: bool = False
    generates: bool = False
    chats: str | None = None
    activations: tuple[str, ...] = ()

    @classmethod
    def of(cls, spec: ModelSpec, precision: Precision, device: str) -> Wanted:
        """Return what a model wants."""
        return cls(
            spec.architecture,
            precision,
            device.lower(),
            spec.weights.format,
            plain=spec.readout is not None or len(spec.modules) <= 1,
            embeds=spec.embeds,
            generates=spec.logit_score is not None,
            chats=spec.chats,
            activations=spec.activations,
        )


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an engine does not run a model; `error` is what a caller gets if no other does."""

    engine: EngineName
    reason: str
    error: type[SecondpassError] = UnsupportedModelError


@dataclass(frozen=True, slots=True)
class Selection:
    """The first engine of the table that runs a model, and why those before it, or all, do not."""

    engine: EngineName | None
    refusals: tuple[Refusal, ...]

    @property
    def reasons(self) -> str:
        """Return the refusals as a sentence."""
        return "; ".join(f"{refusal.engine}: {refusal.reason}" for refusal in self.refusals)


def _openvino(wanted: Wanted, machine: Machine) -> Refusal | None:
    """Graph files run as they are; safetensors run as a graph that a builder makes."""
    if wanted.stored == "safetensors" and wanted.architecture not in ARCHITECTURES:
        names = ", ".join(sorted(ARCHITECTURES))
        return Refusal("openvino", f"no graph builder for it; there is one for {names}")
    if wanted.stored == "safetensors" and not wanted.plain and not wanted.embeds:
        return Refusal("openvino", "modules follow the encoder that no builder knows")
    unknown = [name for name in wanted.activations if name not in ACTIVATIONS]
    if wanted.stored == "safetensors" and unknown:
        return Refusal("openvino", f"no activation {shortened(unknown[0])} is built for its layers")
    decodes = _decodes(wanted.architecture)
    if wanted.generates and not decodes:
        return Refusal("openvino", "its score is of a language model's logits")
    if wanted.chats is not None and not decodes:
        return Refusal("openvino", f"texts go through a chat template ({wanted.chats})")
    if decodes and wanted.embeds:
        return Refusal("openvino", "no embedding is built of a decoder")
    if wanted.device not in machine.openvino_devices:
        there = ", ".join(machine.openvino_devices)
        reason = f"device {wanted.device!r} is not on this machine; there is {there}"
        return Refusal("openvino", reason, InputError)
    return None


def _decodes(architecture: str) -> bool:
    family = ARCHITECTURES.get(architecture)
    return family is not None and family.kind == "decoder"


def _torch(wanted: Wanted, machine: Machine) -> Refusal | None:
    family = ARCHITECTURES.get(wanted.architecture)
    if wanted.stored != "safetensors":
        return Refusal("torch", "it runs model.safetensors")
    if wanted.embeds:
        return Refusal("torch", "it runs cross-encoders only")
    if family is not None and not family.in_sentence_transformers:
        return Refusal("torch", "sentence-transformers does not know this architecture")
    if wanted.precision == "int8":
        return Refusal("torch", "precision 'int8' is not available, take 'fp32' or 'auto'")
    if wanted.device.partition(":")[0] not in _TORCH_DEVICES:
        known = ", ".join(_TORCH_DEVICES)
        reason = f"device {wanted.device!r} is not one of {known}"
        return Refusal("torch", reason, InputError)
    if not machine.torch:
        return Refusal("torch", "it is not installed", MissingExtraError)
    return None


# In the order in which they are asked: the first that does not refuse runs the model.
ENGINES: dict[EngineName, Callable[[Wanted, Machine], Refusal | None]] = {
    "openvino": _openvino,
    "torch": _torch,
}


def select(wanted: Wanted, machine: Machine) -> Selection:
    """Return the engine for a model, with the reason of each engine that refused before it."""
    refusals: list[Refusal] = []
    for name, why_not in ENGINES.items():
        refusal = why_not(wanted, machine)
        if refusal is None:
            return Selection(name, tuple(refusals))
        refusals.append(refusal)
    return Selection(None, tuple(refusals))


def selected(wanted: Wanted, machine: Machine, name: str) -> EngineName:
    """Return the engine that runs the model `name`.

    Raises:
        MissingExtraError: torch would run it and is not installed.
        InputError: no engine has the device.
        UnsupportedModelError: no engine runs it; each of these says why not.
    """
    selection = select(wanted, machine)
    if selection.engine is not None:
        return selection.engine
    errors = {refusal.error for refusal in selection.refusals}
    asked = f"{wanted.architecture!r} at precision {wanted.precision!r} on {wanted.device!r}"
    message = f"{name}: no engine for architecture {asked}. {selection.reasons}"
    if MissingExtraError in errors:
        raise MissingExtraError(f"{message}. Torch", "torch")
    raise (InputError if InputError in errors else UnsupportedModelError)(message)


def reason(asked: Precision, held: Precision, arithmetic: str, *, states: bool, cut: bool) -> str:
    """Return why OpenVINO computes a graph as it does, for `info`.

    `held` is what the graph's weights are, `states` says that its states are int8 too; `cut` that
    sums of their products would be cut at 16 bits.
    """
    if held == "int8" and not states:
        return f"the graph has int8 weights, which are computed in {arithmetic}"
    if held == "int8" and not cut:
        return "the graph is int8, and its sums of products fit this processor"
    if held == "int8" and asked == "auto":
        return (
            "the graph is int8, whose sums of products this processor cuts at 16 bits: they are "
            f"computed in {arithmetic} with the same weights"
        )
    if held == "int8":
        return "int8 was asked for; this processor cuts some of its sums of products at 16 bits"
    if asked == "fp32":
        return "fp32 was asked for"
    if arithmetic == "f32":
        return "there is no int8 graph, and this processor multiplies no bfloat16"
    return f"there is no int8 graph, and this processor multiplies {arithmetic}"


def engine_table(devices: Iterable[str], machine: Machine) -> Iterator[tuple[Wanted, Selection]]:
    """Yield who runs a model of each architecture on each device at each precision.

    "rembert" stands for every architecture without a record.
    """
    for architecture in (*ARCHITECTURES, "rembert"):
        for device in devices:
            for precision in PRECISIONS:
                wanted = Wanted(architecture, precision, device)
                yield wanted, select(wanted, machine)
