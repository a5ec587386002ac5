"""python -m recipes.embedded.distill: on the device: try some beginnings for a while, train the best to the end."""

from __future__ import annotations

import argparse
import math
import time
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn.functional import kl_div, log_softmax, softmax

from recipes.embedded.bert import DeviceRagged, Ragged, batches, pair
from recipes.embedded.dev import load, ndcg, ragged
from recipes.embedded.student import Optimizer, Student, parts, read_encoder, take_heads

BEGUN = time.monotonic()
# What a source's queries count, beside their number ** POWER; third-party texts are not drawn.
POWER = 0.7
WEIGHTS = {
    "nqopen": 4.0,
    "multispanqa_valid": 2.0,
    "selqa_dev": 1.5,
    "squadshifts_wiki": 1.5,
    "covidqa": 1.5,
    "medquad": 1.2,
    "pubmedqa": 1.2,
    "squad_sent": 1.0,
    "arxiv_title_abstract": 0.6,
    "qamr": 0.5,
    "dstc9_faq": 0.5,
    "tldr": 0.6,
    "wordnet_defs": 0.4,
    "factbook": 0.25,
    "docstrings": 1.2,
    "squadshifts_amazon": 0.0,
    "squadshifts_reddit": 0.0,
    "policyqa": 0.0,
}
LONG_SHARE = 0.15
TEACHERS = {
    "web": (1.1, 1.05, 1.0, 0.5),
    "docs": (0.15, 1.3, 0.3, 0.5),
    "long": (0.2, 0.4, 1.35, 0.15),
}
SHARPNESS, POSITIVE_BONUS = 3.0, 0.5
ANCHOR, EARLY, EXIT = 0.02, 0.3, 0.15
GROUPS, DRAWN, CHUNK = 64, 10, 40960


def report(text: str) -> None:
    print(f"[{time.monotonic() - BEGUN:6.1f}] {text}", flush=True)


class Groups:
    """Draws groups of candidates of one query, with the ensemble's logits."""

    def __init__(self, data: Path, device: str, seed: int) -> None:
        arrays = load(data / "texts.npz.xz")
        self.passages = ragged(arrays, "passages").to(device)
        self.queries = ragged(arrays, "queries").to(device)
        candidates = np.load(data / "candidates.npy")
        scores = np.concatenate(
            [np.load(data / f"scores{part}.npy") for part in ("01", "23")], -1
        ).astype(np.float32)
        names, long = [str(name) for name in arrays["names"]], arrays["long"]
        kinds = np.array([str(kind) for kind in arrays["kinds"]])[arrays["source"]]
        kinds = np.where(long, "long", kinds)
        spread = np.load(data / "dev_scores.npz")["spread"]
        real = (candidates >= 0).sum(1) >= 4
        center = scores[candidates >= 0].mean(0)
        weights = np.array(
            [np.array(TEACHERS[kind]) / sum(TEACHERS[kind]) for kind in kinds], np.float32
        )
        teacher = SHARPNESS * ((scores - center) / spread * weights[:, None]).sum(-1)
        teacher[:, 0] += np.where(long, 0, POSITIVE_BONUS)
        chance = np.zeros(len(long))
        for source, name in enumerate(names):
            for is_long in (False, True):
                rows = real & (arrays["source"] == source) & (long == is_long)
                count = int(rows.sum())
                if count:
                    chance[rows] = (
                        WEIGHTS.get(name, 0.7) * count ** (POWER - 1) * (1 if is_long else 1)
                    )
        for is_long, share in ((True, LONG_SHARE), (False, 1 - LONG_SHARE)):
            if chance[long == is_long].sum():
                chance[long == is_long] *= share / chance[long == is_long].sum()
        self.chance = torch.tensor(chance, device=device, dtype=torch.float64)
        self.candidates = torch.tensor(candidates, device=device).long()
        self.teacher = torch.tensor(teacher, device=device, dtype=torch.float32)
        self.random = torch.Generator(device).manual_seed(seed)
        report(f"{int(real.sum()):,} queries with scores, {int((chance > 0).sum()):,} may be drawn")

    def draw(self, groups: int) -> tuple[Tensor, Tensor, Tensor]:
        """Return queries [groups], candidates and teacher [groups, DRAWN]; -1 where there is none."""
        cumulated = self.chance.cumsum(0)
        spots = (
            torch.rand(
                groups, generator=self.random, device=self.chance.device, dtype=torch.float64
            )
            * cumulated[-1]
        )
        rows = torch.searchsorted(cumulated, spots).clamp_max(len(cumulated) - 1)
        keys = torch.rand(
            groups, self.candidates.shape[1], generator=self.random, device=rows.device
        )
        keys = keys.masked_fill(self.candidates[rows] < 0, -1)
        chosen = keys.topk(DRAWN, 1).indices
        return rows, self.candidates[rows].gather(1, chosen), self.teacher[rows].gather(1, chosen)


def score(
    student: Student,
    queries: DeviceRagged,
    texts: DeviceRagged,
    asked: Tensor,
    read: Tensor,
    tokens: int,
) -> dict[str, Tensor]:
    """Return each head's logits of pairs, in their order."""
    lengths = (queries.lengths[asked] + texts.lengths[read] + 4).cpu().numpy()
    rows, logits = [], []
    for chosen in batches(lengths, tokens):
        at = torch.as_tensor(chosen, device=asked.device)
        logits.append(student(*pair(queries, texts, asked[at], read[at], twice=True)))
        rows.append(at)
    back = torch.cat(rows).argsort()
    return {name: torch.cat([one[name] for one in logits])[back] for name in logits[0]}


def loss_of(student: Student, groups: Groups) -> Tensor:
    rows, candidates, teacher = groups.draw(GROUPS)
    real = candidates >= 0
    at, place = real.nonzero(as_tuple=True)
    logits = score(student, groups.queries, groups.passages, rows[at], candidates[at, place], CHUNK)
    goal = softmax(teacher.masked_fill(~real, -1e4), -1)
    total = torch.zeros((), device=rows.device)
    for name, values in logits.items():
        mine = torch.full(real.shape, -1e4, device=rows.device).masked_scatter(real, values.float())
        value = kl_div(log_softmax(mine, -1), goal, reduction="batchmean")
        if name == "end":
            value = value + ANCHOR * (values.float() - teacher[real]).square().mean()
        total = total + {"end": 1.0, "early": EARLY}.get(name, EXIT) * value
    return total


def train(
    student: Student,
    groups: Groups,
    seconds: float,
    rates: tuple[float, float],
    decays: bool,
    device: str,
) -> Optimizer:
    """Train for so long; the rate goes down to nothing if `decays`."""
    optimizer = Optimizer(student, *rates, 0.85, device)
    student.train()
    begun, step, running = time.monotonic(), 0, 0.0
    while (done := (time.monotonic() - begun) / seconds) < 1:
        step += 1
        loss = loss_of(student, groups)
        loss.backward()
        optimizer.step(
            min(1.0, step / 100) * (0.5 * (1 + math.cos(math.pi * done)) if decays else 1.0)
        )
        if step % 50 == 0:
            value = float(loss.detach())
            running = value if step == 50 else 0.9 * running + 0.1 * value
            if step % 500 == 0:
                report(f"step {step} loss {running:.4f}")
    report(
        f"{step} steps, {step * GROUPS * DRAWN:,} pairs, loss {running:.4f}, cross bias {student.head.cross_bias.tolist()}, weights {student.head.weights.tolist()}"
    )
    return optimizer


class Dev:
    """The development collections, cut to some queries."""

    def __init__(self, data: Path, device: str, names: list[str] | None) -> None:
        self.arrays, self.known, self.device = (
            load(data / "dev.npz.xz"),
            dict(np.load(data / "dev_scores.npz").items()),
            device,
        )
        self.names = [str(name) for name in self.arrays["names"] if not names or name in names]
        self.texts = {
            name: ragged(self.arrays, f"{name}.documents").to(device) for name in self.names
        }
        self.queries = {
            name: Ragged(self.known[f"{name}.query_ids"], self.known[f"{name}.query_lengths"]).to(
                device
            )
            for name in self.names
        }

    @torch.inference_mode()
    def evaluate(
        self, student: Student, most: int, tokens: int
    ) -> tuple[float, dict[str, np.ndarray]]:
        """Return the mean nDCG@10 over collections and first stages, and every head's logits."""
        student.eval()
        kept, means = {}, []
        for name in self.names:
            candidates = self.known[f"{name}.candidates"][:most]
            pools = {
                pool: self.known[f"{name}.in.{pool}"][:most] for pool in ("bm25", "bge", "minilm")
            }
            if most < 100:
                pools.pop("bge")
                candidates = np.where(pools["bm25"] | pools["minilm"], candidates, -1)
            real = candidates >= 0
            at, place = np.nonzero(real)
            logits = score(
                student,
                self.queries[name],
                self.texts[name],
                torch.as_tensor(at, device=self.device),
                torch.as_tensor(candidates[at, place].astype(np.int64), device=self.device),
                tokens,
            )
            gains, ideal = self.known[f"{name}.gains"][:most], self.known[f"{name}.ideal"][:most]
            line = []
            for head, values in logits.items():
                table = np.zeros(candidates.shape, np.float32)
                table[at, place] = values.float().cpu().numpy()
                kept[f"{name}.{head}"] = table
                found = [
                    ndcg(table, gains, ideal, pools[pool] & real).mean()
                    for pool in pools
                    if pools[pool].any()
                ]
                line.append(f"{head} " + " ".join(f"{value:.4f}" for value in found))
                if head == "end":
                    means.append(np.mean(found))
            report(f"  {name}: {'; '.join(line)}")
        student.train()
        report(f"mean {np.mean(means):.4f}")
        return float(np.mean(means)), kept


def beginnings(models: Path) -> dict[str, callable]:
    """Return what the student may begin as."""

    def shipped() -> Student:
        student = Student(read_encoder(models / "minilm.safetensors", range(6), 6), 4, -3.0)
        take_heads(student, models / "trained.safetensors", layers=True)
        return student

    def pruned(name: str, chosen: list[int], join: int, bias: float) -> Student:
        student = Student(read_encoder(models / f"{name}.safetensors", chosen, 12), join, bias)
        take_heads(student, models / "trained.safetensors", layers=False)
        return student

    return {
        "shipped": shipped,
        "cross_encoder_3": lambda: pruned("reranker_en", [1, 3, 5, 7, 9, 11], 3, -0.5),
        "colbert_4": lambda: pruned("colbert", [1, 3, 5, 7, 9, 11], 4, -1.0),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--try-seconds", type=float, default=30)
    parser.add_argument(
        "--until", type=float, required=True, help="seconds from the start at which training ends"
    )
    parser.add_argument("--dev-sets", nargs="*")
    parser.add_argument("--most", type=int, default=150)
    arguments = parser.parse_args()
    torch.backends.cuda.matmul.allow_tf32 = True
    torch.backends.cuda.enable_cudnn_sdp(False)  # it plans anew for every shape
    torch.manual_seed(3)
    device = arguments.device
    groups = Groups(arguments.data, device, 3)
    dev = Dev(arguments.data, device, arguments.dev_sets)
    tokens = 131072 if device == "cuda" else 4096
    tried = {}
    for name, begin in beginnings(arguments.models).items():
        report(f"== {name}")
        student = begin().prepare(device)
        if name == "shipped":
            dev.evaluate(student, min(40, arguments.most), tokens)
        train(student, groups, arguments.try_seconds, (2e-4, 1e-3), False, device)
        value, _ = dev.evaluate(student, min(40, arguments.most), tokens)
        if device == "cuda":
            report(f"{torch.cuda.max_memory_allocated() / 2**30:.1f} GiB at most")
        tried[name] = (value, student)
    name = max(tried, key=lambda one: tried[one][0])
    student = tried[name][1]
    tried.clear()
    report(f"== {name} goes on")
    train(student, groups, arguments.until - (time.monotonic() - BEGUN), (2e-4, 8e-4), True, device)
    for part, tensors in parts(student):
        save_file(
            tensors,
            arguments.out / f"student_{part}.safetensors",
            metadata={"beginning": name, "join": str(student.join)},
        )
    report("saved")
    _, kept = dev.evaluate(student, arguments.most, tokens)
    np.savez_compressed(
        arguments.out / "student_dev.npz",
        **{key: value.astype(np.float16) for key, value in kept.items()},
    )
    report("done")


if __name__ == "__main__":
    main()
