"""The student on the device: layers in bfloat16 with float32 masters, heads in float32, no attention mask."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn.functional import gelu

from recipes.embedded.bert import CONFIG, HIDDEN, columns
from secondpass.training.late_join import (
    PRODUCT_SCALE,
    EarlyHead,
    Encoder,
    JointHead,
    names,
    unit_means,
)

# Heads for exits below the join, after so many layers.
EXITS = (0, 2)


class Student(nn.Module):
    """A late-join cross-encoder: `forward` gives the logits of all heads, [rows] each."""

    def __init__(self, encoder: Encoder, join: int, cross_bias: float) -> None:
        super().__init__()
        self.join = join
        self.head = JointHead(encoder.layers[join:], 384)
        nn.init.constant_(self.head.cross_bias, cross_bias)
        encoder.layers = encoder.layers[:join]
        self.encoder = encoder
        self.exits = nn.ModuleDict(
            {str(layers): EarlyHead(384) for layers in EXITS if layers < join}
        )

    def prepare(self, device: str) -> Student:
        """Move to the device; on a GPU the layers and the embeddings compute in bfloat16."""
        self.to(device)
        layers = [*self.encoder.layers, *self.head.layers]
        self.masters = {
            id(p): p.detach().float().clone().requires_grad_()
            for layer in layers
            for p in layer.parameters()
        }
        if device == "cuda":
            self.encoder.to(torch.bfloat16)
            self.head.layers.to(torch.bfloat16)
        for module in (
            self.encoder.words,
            self.encoder.positions,
            self.encoder.types,
            self.encoder.norm,
        ):
            module.requires_grad_(False)
        return self

    def forward(self, ids: Tensor, query: Tensor, text: Tensor) -> dict[str, Tensor]:
        before = query.sum(1, keepdim=True)
        counted = torch.arange(ids.shape[1], device=ids.device).expand_as(ids)
        positions = torch.where(text, counted - before, counted) * (query | text)
        x = self.encoder.embed(ids, positions)
        logits = {}
        apart = columns(query, text, HIDDEN)
        for number, layer in enumerate(self.encoder.layers):
            if str(number) in self.exits:
                logits[str(number)] = self.exits[str(number)](x.detach(), query, text)
            x = layer(x, None, apart)
        early = self.head.early(x, query, text)
        x = x + (text[..., None] * self.head.text_type).to(x.dtype)
        for layer, bias in zip(self.head.layers, self.head.cross_bias, strict=True):
            x = layer(x, None, columns(query, text, bias))
        return {**logits, "early": early, "end": self._read(x, early, query, text)}

    def _read(self, x: Tensor, early: Tensor, query: Tensor, text: Tensor) -> Tensor:
        head = self.head
        first, second = unit_means(x, query, text)
        product = first * second
        read = torch.cat([product * PRODUCT_SCALE, x[:, 0].float()], -1)
        parts = (product.sum(-1), head.interaction(x, query, text), early)
        score = sum(weight * part for weight, part in zip(head.weights, parts, strict=True))
        return score + head.out(gelu(head.dense(read)))[:, 0]


def read_encoder(file: Path, chosen: Sequence[int], layers: int) -> Encoder:
    """Read an encoder and keep these of its layers."""
    stored = {name.removeprefix("bert."): value.float() for name, value in load_file(file).items()}
    config = CONFIG | {"num_hidden_layers": layers}
    encoder = Encoder(config)
    encoder.load_state_dict(
        {ours: torch.cat([stored[n] for n in theirs]) for ours, theirs in names(config)}
    )
    encoder.layers = nn.ModuleList(encoder.layers[number] for number in chosen)
    return encoder


def take_heads(student: Student, file: Path, layers: bool) -> None:
    """Begin with the shipped model's heads, and with its layers above the join if `layers`."""
    stored = {name: value.float() for name, value in load_file(file).items()}
    state = student.head.state_dict()
    theirs = {
        "early.weights": "early.weights",
        "early.interaction.projection.weight": "early.projection.weight",
        "early.interaction.gate.weight": "early.gate.weight",
        "early.interaction.gate.bias": "early.gate.bias",
        "interaction.projection.weight": "projection.weight",
        "interaction.gate.weight": "gate.weight",
        "interaction.gate.bias": "gate.bias",
    }
    if layers:
        theirs |= {
            "text_type": "text_type",
            "cross_bias": "cross_bias",
            "weights": "weights",
            "dense.weight": "classifier.dense.weight",
            "dense.bias": "classifier.dense.bias",
            "out.weight": "classifier.out_proj.weight",
            "out.bias": "classifier.out_proj.bias",
        }
        config = CONFIG | {"num_hidden_layers": 6}
        for ours, parts in names(config):
            if ours.startswith(("layers.4.", "layers.5.")):
                _, number, rest = ours.split(".", 2)
                state[f"layers.{int(number) - 4}.{rest}"] = torch.cat(
                    [stored[name] for name in parts]
                )
    state |= {ours: stored[name].reshape(state[ours].shape) for ours, name in theirs.items()}
    student.head.load_state_dict(state)
    for number, exit_ in student.exits.items():
        if f"exits.{number}.weights" in stored:
            exit_.load_state_dict(
                {
                    "weights": stored[f"exits.{number}.weights"],
                    "interaction.projection.weight": stored[f"exits.{number}.projection.weight"],
                    "interaction.gate.weight": stored[f"exits.{number}.gate.weight"],
                    "interaction.gate.bias": stored[f"exits.{number}.gate.bias"],
                }
            )


class Optimizer:
    """AdamW over float32 masters of what computes in bfloat16, and over the heads as they are."""

    def __init__(
        self, student: Student, rate: float, head_rate: float, decay: float, device: str
    ) -> None:
        self.pairs: list[tuple[Tensor, Tensor]] = []
        layers = [*student.encoder.layers, *student.head.layers]
        groups = []
        for number, layer in enumerate(layers):
            masters = []
            for parameter in layer.parameters():
                master = student.masters[id(parameter)]
                self.pairs.append((parameter, master))
                masters.append(master)
            groups.append(
                {
                    "params": masters,
                    "peak": rate * decay ** (len(layers) - 1 - number),
                    "weight_decay": 0.01,
                }
            )
        inside = {id(parameter) for layer in layers for parameter in layer.parameters()}
        self.heads = [p for p in student.parameters() if p.requires_grad and id(p) not in inside]
        groups.append({"params": self.heads, "peak": head_rate, "weight_decay": 0.0})
        self.adam = torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.98), fused=device == "cuda")

    def step(self, share: float) -> None:
        """Take a step at this share of every group's peak rate."""
        for parameter, master in self.pairs:
            master.grad = parameter.grad.float()
            parameter.grad = None
        every = [master for _, master in self.pairs] + self.heads
        torch.nn.utils.clip_grad_norm_([p for p in every if p.grad is not None], 1.0)
        for group in self.adam.param_groups:
            group["lr"] = group["peak"] * share
        self.adam.step()
        self.adam.zero_grad(set_to_none=True)
        with torch.no_grad():
            torch._foreach_copy_(
                [parameter for parameter, _ in self.pairs], [master for _, master in self.pairs]
            )


def parts(student: Student) -> Iterator[tuple[str, dict[str, Tensor]]]:
    """Yield the file names and float16 tensors of what training changed, in parts under 16 MiB."""
    state = {
        name: student.masters.get(id(parameter), parameter)
        .detach()
        .to(torch.float16)
        .cpu()
        .contiguous()
        for name, parameter in student.named_parameters()
        if not name.startswith(
            ("encoder.words", "encoder.positions", "encoder.types", "encoder.norm")
        )
    }
    lower = {name: value for name, value in state.items() if name.startswith("encoder.layers.")}
    yield "lower", lower
    yield "upper", {name: value for name, value in state.items() if name not in lower}
