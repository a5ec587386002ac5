"""How closely the outputs of two machines can be compared."""

from dataclasses import replace

import pytest
from made_records import FP32, MACHINE, MODEL, VNNI

from secondpass.verify.arithmetic import compare_arithmetic


def grade(recorded=MODEL, here=MODEL, there=VNNI, now=VNNI):
    return compare_arithmetic(
        recorded,
        here,
        recorded_on=replace(MACHINE, processor_flags=there),
        here_on=replace(MACHINE, processor_flags=now),
    )


BF16 = replace(FP32, arithmetic="bf16")
INT8_F32 = replace(MODEL, arithmetic="f32")


@pytest.mark.parametrize(
    ("recorded", "here", "there", "now", "expected"),
    [
        (FP32, FP32, VNNI, ("avx2",), "exact"),
        (FP32, FP32, "unknown", VNNI, "exact"),
        (MODEL, MODEL, VNNI, VNNI, "alike"),
        (BF16, BF16, VNNI, VNNI, "alike"),
        (MODEL, INT8_F32, VNNI, VNNI, "other"),
        (FP32, BF16, VNNI, VNNI, "other"),
        (MODEL, MODEL, VNNI, (*VNNI, "amx_bf16"), "other"),
        (MODEL, MODEL, "unknown", "unknown", "other"),
        (MODEL, replace(MODEL, engine="openvino 2027.1"), VNNI, VNNI, "other"),
        (MODEL, replace(MODEL, device="gpu"), VNNI, VNNI, "other"),
        (MODEL, FP32, VNNI, VNNI, "none"),
        (MODEL, replace(MODEL, weights_sha256="f" * 64), VNNI, VNNI, "none"),
        (MODEL, replace(MODEL, tokenizer_sha256="f" * 64), VNNI, VNNI, "none"),
    ],
)
def test_the_grade(recorded, here, there, now, expected):
    found = grade(recorded, here, there, now)
    assert found.grade == expected
    assert found.scores_decide == (expected == "exact")
    assert bool(found.why) == (expected != "exact")


@pytest.mark.parametrize(
    ("there", "now", "saturates"),
    [
        (VNNI, ("avx2", "avx512f"), True),
        (("avx2",), ("avx2", "avx_vnni"), True),
        (("avx2",), ("avx2", "avx512f"), False),
        (VNNI, ("amx_int8",), False),
        ("unknown", ("avx2",), True),
        ("unknown", VNNI, False),
    ],
)
def test_int8_saturates_on_one_side_only(there, now, saturates):
    assert grade(INT8_F32, INT8_F32, there, now).saturates == saturates
    assert not grade(BF16, BF16, there, now).saturates


def test_names_of_models_and_numbers_of_threads_do_not_matter():
    assert grade(here=replace(MODEL, name="./copy", threads=16)).grade == "alike"


def test_the_margin_is_twice_the_tolerance_or_a_twentieth_of_the_range():
    scores = (5.0, 2.0, -5.0)
    assert grade(FP32, FP32).swap_margin(scores) == 2e-4
    assert grade().swap_margin(scores) == 2e-4
    other = grade(here=INT8_F32)
    assert other.swap_margin(scores) == pytest.approx(0.5)
    assert other.swap_margin((1.0, 1.0)) == 2e-4
    assert other.swap_margin(()) == 2e-4
