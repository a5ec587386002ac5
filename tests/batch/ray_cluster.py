"""One small Ray cluster for all tests of this folder: bounded in memory, without statistics.

Starting one takes longer than most tests on it; it ends behind the last test of the folder.
"""

import os
from contextlib import contextmanager

CPUS = 2
SMALL = {"object_store_memory": 128 * 2**20, "include_dashboard": False}
_started = []


def cluster():
    """Return the cluster, a `ray.cluster_utils.Cluster` that this process is connected to."""
    if not _started:
        import ray
        from ray.cluster_utils import Cluster

        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
        _started.append(Cluster(initialize_head=True, head_node_args={"num_cpus": CPUS, **SMALL}))
        ray.init(address=_started[0].address, log_to_driver=False, logging_level="error")
    return _started[0]


@contextmanager
def one_more_node():
    """Give the cluster a node of one processor for the block."""
    node = cluster().add_node(num_cpus=1, **SMALL)
    try:
        yield node
    finally:
        if node in cluster().worker_nodes:
            cluster().remove_node(node)


def stop():
    if _started:
        import ray

        ray.shutdown()
        _started.pop().shutdown()
