"""Batches that are killed at random moments lose nothing and have nothing twice."""

import random

import pytest

from scripts.batch_kills import KINDS, check, make_data

pytestmark = pytest.mark.timeout(280)
ON_RAY = [kind for kind in KINDS if kind != "driver"]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return make_data(tmp_path_factory.mktemp("rows"), 150)


@pytest.mark.parametrize("seed", range(3))
def test_a_process_is_killed(data, tmp_path, seed):
    KINDS["driver"](data, tmp_path / "out", random.Random(seed))
    check(data, tmp_path / "out")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ON_RAY)
def test_a_process_of_ray_is_killed(data, tmp_path, kind):
    pytest.importorskip("ray", reason="Ray is not installed: pip install '.[ray]'")
    KINDS[kind](data, tmp_path / "out", random.Random(1))
    check(data, tmp_path / "out")
