"""Batches that are killed at random moments lose nothing and have nothing twice.

`python -m scripts.batch_kills` does it as often as one likes.
"""

import random

import pytest
import ray_cluster

from scripts.batch_kills import KINDS, check, make_data

pytestmark = pytest.mark.timeout(280)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return make_data(tmp_path_factory.mktemp("rows"), 100)


def test_a_process_is_killed(data, tmp_path):
    KINDS["driver"](data, tmp_path / "out", random.Random(0), None)
    check(data, tmp_path / "out")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["actor", "node"])
def test_a_process_of_ray_is_killed(cluster, data, tmp_path, kind):
    with ray_cluster.one_more_node():
        KINDS[kind](data, tmp_path / "out", random.Random(1), cluster)
    check(data, tmp_path / "out")
