"""Tests on Ray share a cluster, which ends with the last test of this folder."""

from pathlib import Path

import pytest
import ray_cluster

HERE = Path(__file__).parent


@pytest.fixture
def cluster():
    pytest.importorskip("ray", reason="Ray is not installed: pip install '.[ray]'")
    return ray_cluster.cluster()


@pytest.fixture
def ray(cluster):
    import ray

    return ray


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item, nextitem):
    if nextitem is None or HERE not in nextitem.path.parents:
        ray_cluster.stop()
