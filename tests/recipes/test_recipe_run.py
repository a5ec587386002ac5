"""The recipe runs from texts to a student on a CPU, with random teachers of two layers."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file
from tiny_teachers import TEACHERS, write_models, write_recipe

pytest.importorskip("torch", reason="the train extra is not installed")

SCRIPT = Path(__file__).parents[2] / "recipes" / "embedded" / "gpu.sh"


@pytest.fixture(scope="module")
def folder(shared, tmp_path_factory):
    """What pack, label and train wrote of a few texts."""
    from recipes.embedded.pack import main as pack

    folder = tmp_path_factory.mktemp("recipe")
    recipe = write_recipe(folder / "recipe.toml")
    data = shared / "data"
    few = ["--most", "6", "--sources", "pubmedqa", "qamr", "--collections", "noveleval"]
    where = ["--train", str(data / "train"), "--dev", str(data / "eval"), "--recipe", str(recipe)]
    pack([str(folder / "pack"), *where, *few])
    write_models(folder / "pack" / "models")
    common = ["--device", "cpu", "--recipe", recipe]
    run("label", folder / "pack", folder / "labels", *common)
    times = ["--groups", 4, "--try-minutes", 0.01, "--minutes", 0.08]
    run("train", folder / "pack", folder / "labels", folder / "student", *common, *times)
    return folder


def run(*arguments):
    subprocess.run(
        [str(SCRIPT), *map(str, arguments)],
        check=True,
        env=os.environ | {"PYTHON": sys.executable, "OMP_NUM_THREADS": "1"},
        timeout=120,
        stdout=subprocess.DEVNULL,
    )


def test_every_candidate_has_the_scores_of_four_teachers(folder):
    candidates = np.load(folder / "labels" / "candidates.npy")
    scores = [np.load(folder / "labels" / f"scores{part}.npy") for part in ("01", "23")]
    scores = np.concatenate(scores, -1)
    assert scores.shape == (*candidates.shape, len(TEACHERS))
    assert (candidates >= 0).sum(1).min() >= 4
    assert np.isfinite(scores).all()
    assert (scores[candidates >= 0] != 0).all()


def test_the_student_is_written_in_two_parts(folder):
    lower, upper = (
        load_file(folder / "student" / f"student_{part}.safetensors") for part in ("lower", "upper")
    )
    assert {name.split(".")[2] for name in lower} == {"0"}
    assert {name.split(".")[0] for name in upper} == {"head", "exits"}
    assert all(np.isfinite(value).all() for value in (*lower.values(), *upper.values()))


def test_the_student_has_a_logit_for_every_head_and_candidate(folder):
    with np.load(folder / "labels" / "dev_scores.npz") as scores:
        candidates = scores["noveleval.candidates"]
    with np.load(folder / "student" / "student_dev.npz") as logits:
        assert set(logits.files) == {f"noveleval.{head}" for head in ("0", "early", "end")}
        assert all(logits[name].shape == candidates.shape for name in logits.files)
