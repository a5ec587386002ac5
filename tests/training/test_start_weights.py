"""The weights that are kept lie between the start's and the trained ones."""

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")

START, TRAINED = [1.0, -2.0], [3.0, 0.0]


def trained_from_start(share):
    from secondpass.training.start_weights import StartWeights

    model = torch.nn.ParameterDict(
        {"learns": torch.tensor(START), "frozen": torch.nn.Parameter(torch.ones(2), False)}
    )
    start = StartWeights(model, share)
    with torch.no_grad():
        model["learns"].copy_(torch.tensor(TRAINED))
    return model, start


@pytest.mark.parametrize(
    ("share", "mixed"), [(0.0, TRAINED), (0.25, [2.5, -0.5]), (0.5, [2.0, -1.0])]
)
def test_the_share_is_the_starts(share, mixed):
    model, start = trained_from_start(share)
    with start.mixed_in():
        assert model["learns"].tolist() == mixed
        assert model["frozen"].tolist() == [1, 1]
    assert model["learns"].tolist() == TRAINED


def test_what_was_trained_comes_back_after_an_error():
    model, start = trained_from_start(0.5)
    with pytest.raises(KeyboardInterrupt), start.mixed_in():
        raise KeyboardInterrupt
    assert model["learns"].tolist() == TRAINED


def test_before_any_step_the_mix_is_the_start_bit_by_bit():
    from secondpass.training.start_weights import StartWeights

    torch.manual_seed(0)
    model = torch.nn.Linear(20, 20)
    before = model.weight.detach().clone()
    with StartWeights(model, 0.3).mixed_in():
        assert torch.equal(model.weight, before)
