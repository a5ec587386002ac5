"""Tests on Ray share a cluster, which ends with the last test of this folder."""

from pathlib import Path

import pytest
import ray_cluster
from missing_ray import require_ray

from secondpass import CrossEncoderReranker

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def library(tiny_options):
    """The library with as many threads as an actor has processors."""
    with CrossEncoderReranker(**tiny_options, threads=1) as reranker:
        yield reranker


@pytest.fixture
def cluster():
    require_ray()
    return ray_cluster.cluster()


@pytest.fixture
def ray(cluster):
    import ray

    return ray


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item, nextitem):
    if nextitem is None or HERE not in nextitem.path.parents:
        ray_cluster.stop()
