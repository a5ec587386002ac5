"""What is imported too early costs every caller; what is loaded is counted here, not timed."""

import subprocess
import sys

import pytest

HEAVY = [
    "openvino",
    "numpy",
    "tokenizers",
    "safetensors",
    "huggingface_hub",
    "lancedb",
    "pyarrow",
    "torch",
    "nncf",
    "rich",
    "transformers",
    "sentence_transformers",
    "platformdirs",
]


def loaded_after(code):
    printed = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print(' '.join(sys.modules))"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return set(printed.splitlines()[-1].split())


@pytest.mark.parametrize(
    "code",
    [
        "import secondpass",
        "import secondpass; secondpass.InputError; secondpass.Hit",
        "from secondpass.cli.main import group\ntry: group(['--help'])\nexcept SystemExit: pass",
        "from secondpass.cli.main import group\n"
        "try: group(['rerank', '--help'])\nexcept SystemExit: pass",
    ],
    ids=["import", "light names", "help", "help of a command"],
)
def test_no_engine_is_loaded(code):
    loaded = loaded_after(code)
    assert "secondpass" in loaded
    assert loaded.isdisjoint(HEAVY)


def test_the_reranker_loads_neither_torch_nor_the_index():
    loaded = loaded_after("from secondpass import CrossEncoderReranker")
    assert "openvino" in loaded
    assert loaded.isdisjoint({"torch", "lancedb", "pyarrow", "nncf", "transformers", "rich"})
