"""What a step of the recipe's training learns from, worked out by hand."""

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")

from recipes.embedded.distill import divergence, slope, standardized

REAL = torch.tensor([[True, True, True, False], [True, True, False, False]])
VALUES = torch.tensor([[1.0, 2.0, 3.0, 50.0], [4.0, 8.0, 7.0, 7.0]])


def test_rows_are_standardized_over_what_is_real():
    found = standardized(VALUES, REAL)
    side = 1.5**0.5
    expected = torch.tensor([[-side, 0.0, side, 0.0], [-1.0, 1.0, 0.0, 0.0]])
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


def test_a_row_of_equals_stays_finite():
    found = standardized(torch.ones(1, 3), torch.ones(1, 3, dtype=torch.bool))
    assert found.tolist() == [[0.0, 0.0, 0.0]]


@pytest.mark.parametrize("factor", [0.25, 3.0])
def test_the_slope_is_found_whatever_each_rows_offset(factor):
    offsets = torch.tensor([[5.0], [-2.0]])
    assert float(slope(VALUES, factor * VALUES + offsets, REAL)) == pytest.approx(factor)


def test_the_divergence_is_nothing_only_where_the_order_and_the_distances_are_the_goals():
    assert float(divergence(VALUES + 3, VALUES, REAL)) == pytest.approx(0, abs=1e-5)
    assert float(divergence(-VALUES, VALUES, REAL)) > 0.5


def test_what_is_not_real_has_no_gradient():
    mine = VALUES.clone().requires_grad_()
    (divergence(mine, -VALUES, REAL) + standardized(mine, REAL).square().sum()).backward()
    assert (mine.grad[~REAL] == 0).all()
    assert (mine.grad[0, :3] != 0).any()
