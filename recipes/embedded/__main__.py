"""python -m recipes.embedded --data FOLDER --dev FOLDER --base FOLDER --out FOLDER"""

from __future__ import annotations

import copy
import json
import time
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import torch
from tokenizers import Tokenizer
from torch import Tensor

from recipes.embedded.dev import DevSet, dev_texts, ndcg, read_dev_set
from recipes.embedded.exits import on_the_models_scale, stored, train_exits
from recipes.embedded.exits import score as score_exit
from recipes.embedded.groups import GroupSampler, Mined
from recipes.embedded.mine import Embeddings, mine
from recipes.embedded.sources import Source, read_sources
from recipes.embedded.states import BelowJoin, States, compute_states, tokenize
from recipes.embedded.train import score, train
from secondpass.models.digest import require_sha256
from secondpass.training.late_join import EarlyHead, JointHead, read_encoder
from secondpass.training.late_join_folder import save_late_join

RECIPE = Path(__file__).with_name("recipe.toml")
DEV_SEED, DEV_QUERY_TOKENS, DEV_MAX_TOKENS = 0, 192, 256


@click.command()
@click.option("--data", type=click.Path(path_type=Path, exists=True), required=True)
@click.option("--dev", "dev_folder", type=click.Path(path_type=Path, exists=True), required=True)
@click.option("--base", type=click.Path(path_type=Path, exists=True), required=True)
@click.option("--out", type=click.Path(path_type=Path), required=True)
def main(data: Path, dev_folder: Path, base: Path, out: Path) -> None:
    """Make the embedded cross-encoder's weights from BASE, all-MiniLM-L6-v2's folder."""
    recipe = tomllib.loads(RECIPE.read_text())
    require_sha256(base / "model.safetensors", recipe["base"]["weights_sha256"])
    config = json.loads((base / "config.json").read_text())
    join = recipe["base"]["join_layer"]
    torch.manual_seed(recipe["phases"][0]["seed"])
    encoder = read_encoder(base, config)
    sources = read_sources(data, recipe)
    dev, ids = prepare(base, sources, dev_folder, recipe)
    states = compute_states(encoder.eval(), ids, join)
    head = JointHead(encoder.layers[join:], config["hidden_size"])
    report(head, states, dev, 0)
    for phase in recipe["phases"]:
        if phase["begin_anew"]:
            base_layers = read_encoder(base, config).layers[join:]
            head.begin(base_layers, config["hidden_size"])
        if not phase["cross_bias"]:
            head.cross_bias.requires_grad_(False).zero_()
        sampler = GroupSampler(mine_all(sources, states, phase), states, recipe, phase["seed"])

        def after(step: int, loss: float, every: int = phase["evaluate_every"]) -> None:
            if step % every == 0:
                report(head, states, dev, step, loss)
                save_late_join(encoder, head, base, out, join_layer=join)

        start = copy.deepcopy(head.state_dict())
        steps = train(head, states, sampler, recipe, phase, after)
        report(head, states, dev, steps)
        if share := phase["share_of_start"]:
            head.load_state_dict(mixed(start, head.state_dict(), share))
            report(head, states, dev, steps)
    heads = train_exits(
        BelowJoin(encoder, ids), sampler, config["hidden_size"], recipe["exit_heads"]
    )
    lines = exit_lines(BelowJoin(encoder, ids), heads, head, states, dev, join)
    save_late_join(encoder, head, base, out, join_layer=join, exits=stored(heads, lines))


def mixed(
    start: Mapping[str, Tensor], end: Mapping[str, Tensor], share: float
) -> dict[str, Tensor]:
    """Return weights between a phase's start and end (WiSE-FT, Wortsman et al. 2022)."""
    return {name: share * start[name] + (1 - share) * value for name, value in end.items()}


def exit_lines(
    below: BelowJoin,
    heads: Mapping[int, EarlyHead],
    head: JointHead,
    states: States,
    dev: list[DevSet],
    join: int,
) -> dict[int, tuple[float, float]]:
    """Return scale and offset of each exit, the one at the join included."""
    pairs = [
        (one.query_numbers[id_], one.numbers[candidate.document_id])
        for one in dev
        for id_, candidates in one.candidates.items()
        for candidate in candidates
    ]
    with torch.inference_mode():
        logits, early = score(head, states, pairs)
        lines = {join: on_the_models_scale(early, logits)}
        for layers, exit_head in heads.items():
            own = score_exit(below, exit_head, layers, pairs)
            lines[layers] = on_the_models_scale(own, logits)
    return lines


def prepare(
    base: Path, sources: list[Source], dev_folder: Path, recipe: dict[str, Any]
) -> tuple[list[DevSet], list[list[int]]]:
    """Number all texts, the sources' and then the dev sets', and tokenize them."""
    texts: list[str] = []
    limits: list[int] = []
    for source in sources:
        questions = [question.text for question in source.questions]
        texts += [*source.passages, *questions]
        limits += [source.max_tokens] * len(source.passages)
        limits += [recipe["base"]["query_tokens"]] * len(questions)
    dev = []
    for name, queries in recipe["dev"].items():
        dev.append(read_dev_set(dev_folder / name, queries, DEV_SEED, len(texts)))
        texts += dev_texts(dev[-1])
        limits += [DEV_MAX_TOKENS] * len(dev[-1].numbers)
        limits += [DEV_QUERY_TOKENS] * len(dev[-1].query_numbers)
    tokenizer = Tokenizer.from_file(str(base / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return dev, tokenize(tokenizer, texts, limits)


def mine_all(sources: list[Source], states: States, phase: dict[str, Any]) -> list[Mined]:
    """Mine every source; texts are numbered as `prepare` did."""
    mined, start = [], 0
    vectors = states.embeddings.numpy()
    for source in sources:
        middle = start + len(source.passages)
        end = middle + len(source.questions)
        pools = mine(source, Embeddings(vectors[start:middle], vectors[middle:end]), phase)
        mined.append(Mined(source.name, source.weight, range(start, middle), middle, pools))
        start = end
    return mined


def report(
    head: JointHead, states: States, dev: list[DevSet], step: int, loss: float | None = None
) -> None:
    """Print one line of the dev curve."""
    values = {one.collection.name: round(ndcg(head, states, one), 4) for one in dev}
    mean = sum(values.values()) / len(values)
    lost = "" if loss is None else f" loss {loss:.3f},"
    click.echo(f"{time.strftime('%H:%M:%S')} step {step},{lost} dev {mean:.4f} {values}")


if __name__ == "__main__":
    main()
