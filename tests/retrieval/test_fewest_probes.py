"""An approximate search compares about the fewest cells that find enough."""

from __future__ import annotations

import pytest

pytest.importorskip("lancedb")

from secondpass.retrieval.stores.contract import Approximation
from secondpass.retrieval.stores.lance_approximate import DEPTH, LEAST_RECALL, fewest


@pytest.mark.parametrize("least", [1, 2, 5, 64, 71, 80, 93, 94])
@pytest.mark.parametrize("too_few", [0, 63])
def test_the_fewest_probes_that_find_enough(least, too_few):
    asked = []

    def tried(probes):
        asked.append(probes)
        recall = 1.0 if probes >= least else 0.5
        return Approximation(244, probes, 2, DEPTH, recall)

    found = fewest(too_few, Approximation(244, 94, 2, DEPTH, 0.99), tried)
    assert found.recall >= LEAST_RECALL
    wanted = max(least, too_few + 1)
    assert wanted <= found.probes <= max(wanted + 1, round(wanted * 1.06))
    assert len(asked) <= 8
    assert all(too_few < probes < 94 for probes in asked)


def test_the_first_that_is_enough_stays_where_there_is_nothing_between():
    enough = Approximation(24, 4, 2, DEPTH, 0.99)
    assert fewest(3, enough, lambda _: pytest.fail("measured")) is enough
