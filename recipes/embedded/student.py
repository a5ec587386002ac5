"""The student on the device: layers in bfloat16 with float32 masters, heads in float32."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn.functional import gelu

from recipes.embedded.bert import HIDDEN, columns, joined, read_encoder
from recipes.embedded.settings import Beginning
from secondpass.training.late_join import (
    PRODUCT_SCALE,
    EarlyHead,
    Encoder,
    JointHead,
    layer_names,
    unit_means,
)

# Our names of an early head's tensors, and theirs behind "early." or "exits.N.".
_EARLY = {
    "weights": "weights",
    "interaction.projection.weight": "projection.weight",
    "interaction.gate.weight": "gate.weight",
    "interaction.gate.bias": "gate.bias",
}
_INTERACTION = {ours: theirs for ours, theirs in _EARLY.items() if ours != "weights"}
# The rest of the head, which belongs to the layers below it.
_LAST = {
    "text_type": "text_type",
    "cross_bias": "cross_bias",
    "weights": "weights",
    "dense.weight": "classifier.dense.weight",
    "dense.bias": "classifier.dense.bias",
    "out.weight": "classifier.out_proj.weight",
    "out.bias": "classifier.out_proj.bias",
}
_EMBEDDINGS = ("encoder.words", "encoder.positions", "encoder.types", "encoder.norm")


class Student(nn.Module):
    """A late-join cross-encoder: `forward` gives the logits of all heads, [rows] each."""

    def __init__(
        self, encoder: Encoder, *, join: int, cross_bias: float, exits: Sequence[int]
    ) -> None:
        super().__init__()
        width = encoder.words.weight.shape[1]
        self.join = join
        self.head = JointHead(encoder.layers[join:], width)
        nn.init.constant_(self.head.cross_bias, cross_bias)
        encoder.layers = encoder.layers[:join]
        self.encoder = encoder
        self.exits = nn.ModuleDict(
            {str(layers): EarlyHead(width) for layers in exits if layers < join}
        )

    @property
    def learning(self) -> dict[str, Tensor]:
        """Return what training changes, by name, in float32: the masters where there are any."""
        return {
            name: self.masters.get(id(parameter), parameter)
            for name, parameter in self.named_parameters()
            if not name.startswith(_EMBEDDINGS)
        }

    @torch.no_grad()
    def scale(self, factor: float, offset: float) -> None:
        """Multiply the last logit, and add to it."""
        for parameter in (self.head.weights, self.head.out.weight, self.head.out.bias):
            parameter *= factor
        self.head.out.bias += offset

    @torch.no_grad()
    def take_masters(self) -> None:
        """Set what computes to what its float32 masters are."""
        parameters = [value for layer in self.layers for value in layer.parameters()]
        torch._foreach_copy_(parameters, [self.masters[id(value)] for value in parameters])

    @property
    def layers(self) -> list[nn.Module]:
        """Return the layers, lowest first."""
        return [*self.encoder.layers, *self.head.layers]

    def prepare(self, device: str) -> Student:
        """Move to the device; on a GPU the layers and the embeddings compute in bfloat16.

        `masters` holds a float32 copy of each layer's parameters, by their identity.
        """
        self.to(device)
        self.masters = {
            id(parameter): parameter.detach().float().clone().requires_grad_()
            for layer in self.layers
            for parameter in layer.parameters()
        }
        encoder = self.encoder
        if device == "cuda":
            encoder.to(torch.bfloat16)
            self.head.layers.to(torch.bfloat16)
        for embedding in (encoder.words, encoder.positions, encoder.types, encoder.norm):
            embedding.requires_grad_(False)
        return self

    def compile_layers(self) -> Student:
        """Compile what computes most, for any number of rows and any length."""
        for module in (*self.layers, *self.exits.values(), self.head.early, self.head.interaction):
            module.compile(dynamic=True)
        return self

    def forward(
        self, ids: Tensor, query: Tensor, text: Tensor, longest: int | None = None
    ) -> dict[str, Tensor]:
        """Return the logits of each exit by its layer, of the "early" head, and of the "end".

        `longest` is the greatest length of a query, if known.
        """
        counted = torch.arange(ids.shape[1], device=ids.device).expand_as(ids)
        positions = torch.where(text, counted - query.sum(1, keepdim=True), counted)
        x = self.encoder.embed(ids, positions * (query | text))
        logits = {}
        apart = columns(query, text, HIDDEN)
        for number, layer in enumerate(self.encoder.layers):
            if str(number) in self.exits:
                logits[str(number)] = self.exits[str(number)](x.detach(), query, text, longest)
            x = layer(x, None, apart)
        early = self.head.early(x, query, text, longest)
        x = x + (text[..., None] * self.head.text_type).to(x.dtype)
        for layer, bias in zip(self.head.layers, self.head.cross_bias, strict=True):
            x = layer(x, None, columns(query, text, bias))
        return {**logits, "early": early, "end": self._end(x, early, query, text, longest)}

    def _end(
        self, x: Tensor, early: Tensor, query: Tensor, text: Tensor, longest: int | None
    ) -> Tensor:
        """Return what JointHead does with the last states, which here may be in bfloat16."""
        head = self.head
        first, second = unit_means(x, query, text)
        product = first * second
        pooled = torch.cat([product * PRODUCT_SCALE, x[:, 0].float()], -1)
        parts = (product.sum(-1), head.interaction(x, query, text, longest), early)
        score = sum(weight * part for weight, part in zip(head.weights, parts, strict=True))
        return score + head.out(gelu(head.dense(pooled)))[:, 0]


def begin(beginning: Beginning, models: Path, exits: Sequence[int]) -> Student:
    """Return a student of an encoder's layers, with the heads that were trained before."""
    encoder = read_encoder(models / f"{beginning.encoder}.safetensors", beginning.layers)
    student = Student(encoder, join=beginning.join, cross_bias=beginning.cross_bias, exits=exits)
    take_trained(student, models / "trained.safetensors", layers=beginning.trained_layers)
    return student


def take_trained(student: Student, file: Path, *, layers: bool) -> None:
    """Take the token-reading heads of a trained model.

    With `layers` also those of its layers that the file has, and what belongs to them.
    """
    stored = {name: value.float() for name, value in load_file(file).items()}
    _take(student.head.early, stored, _EARLY, "early.")
    _take(student.head, stored, _INTERACTION)
    for number, head in student.exits.items():
        if f"exits.{number}.weights" in stored:
            _take(head, stored, _EARLY, f"exits.{number}.")
    if layers:
        _take(student.head, stored, _LAST)
        for number, layer in enumerate(student.layers):
            pairs = layer_names("", f"encoder.layer.{number}")
            if all(name in stored for _, theirs in pairs for name in theirs):
                state = joined(stored, pairs)
                layer.load_state_dict({ours.lstrip("."): value for ours, value in state.items()})


def _take(
    module: nn.Module, stored: dict[str, Tensor], names: dict[str, str], prefix: str = ""
) -> None:
    state = module.state_dict()
    module.load_state_dict(
        state
        | {
            ours: stored[prefix + theirs].reshape(state[ours].shape)
            for ours, theirs in names.items()
        }
    )


def trained_parts(student: Student) -> Iterator[tuple[str, dict[str, Tensor]]]:
    """Yield two names and float16 tensors of what training changed: below the join, and the rest.

    In two, as what comes back from a lent machine may be limited by the file.
    """
    state = {name: _half(value) for name, value in student.learning.items()}
    lower = {name: value for name, value in state.items() if name.startswith("encoder.layers.")}
    yield "lower", lower
    yield "upper", {name: value for name, value in state.items() if name not in lower}


def _half(value: Tensor) -> Tensor:
    return value.detach().to(torch.float16).cpu().contiguous()
