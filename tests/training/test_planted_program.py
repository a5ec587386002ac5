"""A model's config that names a program runs none: in the torch engine, doctor and train."""

import json
import subprocess
import sys

import pytest

pytest.importorskip("sentence_transformers", reason="needs the torch extra: make test-extras")

PROGRAM = "torch.distributed.run.main"
ENGINE = """
import secondpass.engine.torch as engine
from secondpass.models.folder import find_folder
from secondpass.models.spec import read_cross_encoder_spec
spec = read_cross_encoder_spec(find_folder("model"))
engine.TorchEngine(spec, device="cpu", threads=1)
"""
DOCTOR = "from secondpass.cli.main import main; main()"
TRAIN = "from secondpass.training.load_trainable import load_trainable; load_trainable('model', 64)"


@pytest.fixture
def planted(model_copy):
    """A folder with the model and beside it the program that its config has torch run."""
    folder = model_copy(sentence_transformers={"activation_fn": PROGRAM})
    # What we read of the folder is harmless.
    (folder / "config_sentence_transformers.json").write_text(
        json.dumps({"activation_fn": "torch.nn.modules.activation.Sigmoid"})
    )
    here = folder.parent
    (here / "doctor").write_text("import pathlib; pathlib.Path('it-ran').touch()\n")
    return here


@pytest.mark.parametrize(("code", "status"), [(ENGINE, 1), (DOCTOR, None), (TRAIN, 1)])
def test_the_program_does_not_run(planted, code, status):
    (planted / "script.py").write_text(code)
    done = subprocess.run(
        [sys.executable, "script.py", "doctor", "model"],
        cwd=planted,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert not (planted / "it-ran").exists()
    assert "names code" in done.stdout + done.stderr, done.stderr
    assert status in (None, done.returncode)
