"""The table of engines: who runs what, and what is said of the others."""

from pathlib import Path

import pytest

from secondpass import InputError, MissingExtraError, UnsupportedModelError
from secondpass.architectures.table import ARCHITECTURES
from secondpass.engine.select import Machine, Wanted, engine_table, select, selected

GPU = Machine(("cpu", "gpu"))
PAGE = Path(__file__).parent.parent.parent / "docs" / "reference" / "engines.md"


@pytest.mark.parametrize(
    ("wanted", "machine", "engine"),
    [
        (Wanted("bert", "auto", "cpu"), Machine(), "openvino"),
        (Wanted("bert", "int8", "cpu"), Machine(), "openvino"),
        (Wanted("bert", "fp32", "gpu"), GPU, "openvino"),
        (Wanted("bert", "fp32", "cuda:1"), Machine(), "torch"),
        (Wanted("late-join-bert"), Machine(torch=False), "openvino"),
        (Wanted("rembert"), Machine(), "torch"),
        (Wanted("rembert", stored="onnx"), Machine(torch=False), "openvino"),
        (Wanted("bert", plain=False), Machine(), "torch"),
        (Wanted("bert", plain=False, embeds=True), Machine(), "openvino"),
    ],
)
def test_the_first_engine_that_can_runs_a_model(wanted, machine, engine):
    assert select(wanted, machine).engine == engine


@pytest.mark.parametrize(
    ("wanted", "machine", "error", "message"),
    [
        (
            Wanted("rembert", "int8"),
            Machine(),
            UnsupportedModelError,
            r"openvino: no graph builder for it; .*torch: precision 'int8' is not available",
        ),
        (
            Wanted("rembert"),
            Machine(torch=False),
            MissingExtraError,
            r"no graph builder.*torch: it is not installed.*needs the extra 'torch'",
        ),
        (
            Wanted("bert", device="cuda"),
            Machine(torch=False),
            MissingExtraError,
            r"device 'cuda' is not on this machine; there is cpu; torch: it is not installed",
        ),
        (
            Wanted("bert", device="tpu"),
            GPU,
            InputError,
            r"'tpu' is not on this machine; there is cpu, gpu; torch: device 'tpu' is not one of",
        ),
        (
            Wanted("late-join-bert", device="cuda"),
            Machine(),
            InputError,
            r"torch: sentence-transformers does not know this architecture",
        ),
        (
            Wanted("bert", device="cuda", stored="openvino"),
            Machine(),
            InputError,
            r"torch: it runs model\.safetensors",
        ),
        (
            Wanted("rembert", embeds=True),
            Machine(),
            UnsupportedModelError,
            r"torch: it runs cross-encoders only",
        ),
    ],
)
def test_where_no_engine_can_each_says_why(wanted, machine, error, message):
    with pytest.raises(error, match=f"my-model: no engine for architecture.*{message}"):
        selected(wanted, machine, "my-model")


def test_the_table_has_a_row_for_each_architecture_device_and_precision():
    rows = list(engine_table(("cpu", "cuda"), Machine()))
    assert len(rows) == (len(ARCHITECTURES) + 1) * 2 * 3
    for wanted, selection in rows:
        assert selection.engine or selection.reasons, wanted


def test_the_page_shows_the_table():
    """One line an architecture, one column a device and precision."""
    columns = [(device, precision) for device in ("cpu", "cuda") for precision in ("auto", "int8")]
    lines = ["| | " + " | ".join(f"{device}, {precision}" for device, precision in columns) + " |"]
    lines.append("|---" * (len(columns) + 1) + "|")
    for architecture in (*ARCHITECTURES, "any other"):
        engines = [
            select(Wanted(architecture, precision, device), Machine()).engine or "no engine"
            for device, precision in columns
        ]
        lines.append(f"| {architecture} | " + " | ".join(engines) + " |")
    assert "\n".join(lines) in PAGE.read_text()
