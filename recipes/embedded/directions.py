"""python -m recipes.embedded.directions: the directions of the embedded model's compact states.

Reads positives of the sources that the model was trained on, the same number of each, encodes them
with the model that ships, and writes directions.safetensors: mean and principal directions of their
states (secondpass/states/compact.py), float16. Takes under a minute. Another processor's rounding
changes last digits. `make embedded` copies the file into the model's folder. Prints what the
compact states of other texts of each source lose, as a share of what they vary by.
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from recipes.embedded.pack import DATA
from recipes.embedded.settings import read_settings
from secondpass import CrossEncoderReranker
from secondpass.jsonl import read_objects
from secondpass.states.codec import STATES_FLOAT16
from secondpass.states.compact import Directions, Floats, fitted, numpy_products

OUT = Path(__file__).parent / "directions.safetensors"
SEED = 16


def main(arguments: list[str] | None = None) -> None:
    """Write directions.safetensors."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add = parser.add_argument
    add("--train", type=Path, default=DATA / "train", help="folder of SOURCE.jsonl.gz")
    add("--texts", type=int, default=80, help="of each source; a quarter more are held out")
    add("--out", type=Path, default=OUT)
    options = parser.parse_args(arguments)
    fitting, held_out = [], {}
    with CrossEncoderReranker() as reranker:
        for name, texts in texts_of(options.train, options.texts * 5 // 4).items():
            states = states_of(reranker, texts)
            fitting += states[: options.texts]
            held_out[name] = np.concatenate(states[options.texts :])
    states = np.concatenate(fitting)
    mean, directions = (one.astype(np.float16) for one in fitted(states))
    save_file({"mean": mean, "directions": directions}, options.out)
    options.out.chmod(0o644)
    print(f"{options.out}: {len(states):,} tokens, {options.out.stat().st_size:,} bytes")
    shipped = Directions(mean.astype(np.float32), directions.astype(np.float32))
    for name, others in held_out.items():
        print(f"{name}: {lost(others, shipped):.3f}")


def texts_of(train: Path, count: int) -> dict[str, list[str]]:
    """Return up to `count` positives of each source that training draws from."""
    settings, chance = read_settings(), random.Random(SEED)
    found = {}
    for file in sorted(train.glob("*.jsonl.gz")):
        name = file.name.removesuffix(".jsonl.gz")
        if settings.source(name).weight > 0:
            positives = sorted({row["positive"] for _, row in read_objects(file)})
            found[name] = chance.sample(positives, min(count, len(positives)))
    return found


def states_of(reranker: CrossEncoderReranker, texts: list[str]) -> list[Floats]:
    """Return each text's states [n, width], without those that are too long."""
    flat = [
        columns[STATES_FLOAT16]
        for columns in reranker.encode_texts(texts, "float16")
        if columns is not None
    ]
    return [one.reshape(-1, reranker.states_width).astype(np.float32) for one in flat]


def lost(states: Floats, directions: Directions) -> float:
    """Return the squared error of compact states over the squared distance from their mean."""
    codes, scales = directions.encode(states, numpy_products)
    rest = directions.decode(codes, scales, numpy_products) - states
    return float(np.square(rest).sum() / np.square(states - states.mean(axis=0)).sum())


if __name__ == "__main__":
    main()
