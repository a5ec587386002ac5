"""The card and the command say what happened, from a history made by hand."""

from pathlib import Path

import pytest

from secondpass.cli.train import in_words
from secondpass.environment.machine import Machine
from secondpass.environment.software import Software
from secondpass.training.card import to_card
from secondpass.training.history import DevPoint, History, LossPoint
from secondpass.training.outcome import DataFacts, DevFacts, Outcome
from secondpass.training.recipe import Recipe

MACHINE = Machine("a processor", ("avx2",), 2, 4, 8 * 2**30, 2**30, "Linux", "x86_64")


def outcome(**changed):
    history = History({}, step=20, pairs=1280, tokens=64000)
    history.evaluating = [20.0, 6.0, 4.0]
    history.losses = [LossPoint(step, 2 - step / 100) for step in range(1, 21)]
    history.dev = [
        DevPoint(0, {"one": 0.5, "two": 0.3}, 0.4),
        DevPoint(10, {"one": 0.6, "two": 0.4}, 0.5),
        DevPoint(20, {"one": 0.7, "two": 0.2}, 0.45),
    ]
    values = {
        "recipe": Recipe(model="base", steps=20, minutes=None),
        "history": history,
        "data": (DataFacts("pairs", "a" * 64, "MIT | CC0", 90, 95, 3, 2, 7, ("id",)),),
        "dev": (
            DevFacts("one", "b" * 64, 50, 30, "bm25", 0.4),
            DevFacts("two", "c" * 64, 40, 30, "run.bm25.trec", 0.2),
        ),
        "sources": {"large": 900, "small": 100},
        "embedder": "bi",
        "base_sha256": "d" * 64,
        "weights_sha256": "e" * 64,
        "device": "cpu",
        "kept_step": 10,
        "seconds": 64.0,
        "complete": True,
    }
    return Outcome(**values | changed)


def card(**changed):
    software = Software("3.11.7", "CPython", {"torch": "2.13.0"})
    return to_card(
        outcome(**changed),
        machine=MACHINE,
        software=software,
        command="secondpass x",
        created="now",
    )


def test_what_really_happened_is_in_it():
    text = card()
    for line in (
        "    secondpass x",
        f"The weights are those of **step 10** of 20, the best of 3 evaluations, nDCG@10 0.5000. "
        f"sha256 of model.safetensors: {'e' * 64}.",
        f"| pairs | 90 | 95 | MIT \\| CC0 | {'a' * 64} |",
        "| large | 900 | 75.0% |",
        "pairs: 3 examples left out, their queries are dev queries.",
        "pairs: 2 examples left out, they have no negative.",
        "pairs: fields not used: id.",
        "- seen: 1,280 pairs, 64,000 tokens, at most 512 in a pair",
        "- seed: 0",
        "- wall time: 1.1 minutes without mining, of them 0.5 in evaluation, 20.0 pairs a second",
        "- hardware: cpu; a processor, 2 cores usable, 8.0 GiB memory",
        "| first stage | 0.4000 | 0.2000 | 0.3000 |",
        "| 10 | 0.6000 | 0.4000 | 0.5000 |",
        "| 20 | 1.8000 |",
    ):
        assert line in text.splitlines()
    assert "INCOMPLETE" not in text
    assert "WiSE-FT" not in text


def test_how_much_is_the_starts_is_said():
    recipe = Recipe(model="base", steps=20, minutes=None, share_of_start=0.3)
    line = (
        "- evaluated and kept: 0.3 of the weights it started from and 0.7 of those trained "
        "(WiSE-FT, arXiv:2109.01903)"
    )
    assert line in card(recipe=recipe).splitlines()


def test_an_interrupted_run_is_marked():
    text = card(complete=False)
    assert "**INCOMPLETE: the run was interrupted.**" in text


def test_untrained_weights_are_said_to_be_so():
    assert "These are the weights it started from." in card(kept_step=0)


def test_a_history_is_read_as_it_was_written(tmp_path):
    history = outcome().history
    history.seconds_before = 100.0
    history.write(tmp_path)
    read = History.read(tmp_path)
    assert (read.step, read.pairs, read.tokens) == (20, 1280, 64000)
    assert (read.losses, read.dev) == (history.losses, history.dev)
    assert read.best() == history.dev[1]
    assert read.seconds_before >= 100


def test_the_command_says_it_too():
    assert list(in_words(outcome(), Path("out"))) == [
        "step      0  nDCG@10 0.4000  (one 0.5000, two 0.3000)",
        "step     10  nDCG@10 0.5000  (one 0.6000, two 0.4000)",
        "step     20  nDCG@10 0.4500  (one 0.7000, two 0.2000)",
        "20 steps, 1,280 pairs and 64,000 tokens in 1.1 minutes, 0.5 of them in evaluation",
        f"out holds the weights of step 10; {Path('out') / 'CARD.md'} says how they came about",
    ]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"kept_step": 0}, "step 0, those it started from, since no other step was better;"),
        ({"kept_step": None}, "out holds no weights;"),
        ({"seconds": 40.0}, "evaluation took most of the time: less --dev-queries"),
        ({"complete": False}, "INCOMPLETE: interrupted; --resume continues"),
    ],
)
def test_the_command_says_what_is_unusual(changed, said):
    assert said in "\n".join(in_words(outcome(**changed), Path("out")))


def test_one_step_alone():
    one = outcome(kept_step=0)
    one.history.step = 1
    assert "1 step, 1,280 pairs" in "\n".join(in_words(one, Path("out")))
