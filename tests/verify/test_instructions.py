"""A record of one instruction or chat template is not confirmed by a run of another."""

from dataclasses import replace

import pytest
from made_records import MACHINE, MODEL

from secondpass.verify.arithmetic import compare_arithmetic
from secondpass.verify.check_lines import failures
from secondpass.verify.compare import compare_models
from secondpass.verify.record import ModelUse

ASKED = replace(MODEL, instruction="Find a lock.", chat_template_sha256="c" * 64)


def lines(there, now):
    return list(
        compare_models([ModelUse("cross-encoder", there)], [ModelUse("cross-encoder", now)])
    )


def test_a_model_without_either_has_no_line_of_them():
    what = [line.what for line in lines(MODEL, MODEL)]
    assert not [one for one in what if "instruction" in one or "template" in one]


def test_the_same_instruction_and_template_are_confirmed():
    found = {line.what: line.verdict for line in lines(ASKED, ASKED)}
    assert found["cross-encoder: instruction"] == "same"
    assert found["cross-encoder: chat template"] == "same"


@pytest.mark.parametrize(
    ("now", "what"),
    [
        (replace(ASKED, instruction="Find a file."), "instruction"),
        (replace(ASKED, instruction=""), "instruction"),
        (replace(ASKED, instruction="Find a lock. "), "instruction"),
        (replace(ASKED, chat_template_sha256="d" * 64), "chat template"),
        (replace(ASKED, chat_template_sha256=None), "chat template"),
    ],
)
@pytest.mark.parametrize("turned", [False, True])
def test_another_one_fails_the_check_and_no_score_is_compared(now, what, turned):
    there, here = (now, ASKED) if turned else (ASKED, now)
    (line,) = failures(lines(there, here))
    assert (line.what, line.verdict) == (f"cross-encoder: {what}", "different")
    found = compare_arithmetic(there, here, recorded_on=MACHINE, here_on=MACHINE)
    assert (found.grade, found.why) == ("none", f"another {what}")


def test_a_long_instruction_is_shown_in_short_and_compared_whole():
    there, here = (replace(ASKED, instruction="x" * 300 + end) for end in "ab")
    (line,) = failures(lines(there, here))
    assert len(line.recorded) < 90
